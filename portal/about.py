"""The page "About": the portal's version, the API's host, and the person's permissions."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

import portal
from devices.core import permissions
from devices.core.requests import DeviceRequest, clock_for, zone_of
from devices.directory import names
from devices.gateway.response_cache import CACHE_POLICIES
from portal.auth import grants
from portal.auth.models import ApiGrant

PERMISSIONS = {
    "ORG_DEVICES_VIEW": gettext_lazy("See all devices of the organization, search them and follow new ones."),
    "OWN_DEVICES_VIEW": gettext_lazy("See the devices that you own."),
    "ORG_VIEW_USERS": gettext_lazy("Find people by name or e-mail, and see who owns a device."),
    "VIEW_OWN_ORG_TAG": gettext_lazy("See the tags of a device."),
    "VIEW_TIMELINE": gettext_lazy("Read the timeline of a device: its events and alarms."),
    "ORG_DEVICE_VIEW_ACTION_LOG": gettext_lazy("Read what users did with a device."),
    "ORG_DEVICES_EDIT": gettext_lazy("Rename devices, set their metafields and remove their owner."),
    "ORG_DEVICES_CREATE": gettext_lazy("Create devices."),
    "ORG_DEVICES_DELETE": gettext_lazy("Delete devices for good."),
    "ORG_DEVICE_DATA_DELETE": gettext_lazy("Erase the data that a device has sent."),
    "ORG_DEVICES_CONTROL": gettext_lazy("Trigger an event of a device."),
    "TRANSFER_DEVICE": gettext_lazy("Give a device to another owner or another organization."),
    "ORG_VIEW": gettext_lazy("See organizations by name, and list the devices of sub-organizations."),
    "PRODUCT_VIEW": gettext_lazy("See templates by name, with their events."),
}
"""Permission of the platform -> what it allows in the portal. permissions.RULES has the operations."""

RIGHT_TEXTS = {
    permissions.PORTAL_AUDIT: gettext_lazy(
        "Read the audit trail: who changed what, when, and whether it was confirmed."
    ),
    permissions.PORTAL_ADMIN: gettext_lazy("See who is signed in, and end their sessions."),
}

SIGN_IN_TEXTS = {
    ("off", "user"): gettext_lazy("With your e-mail and password of the platform."),
    ("oidc", "user"): gettext_lazy("At the company's sign-on, then with your account of the platform."),
    ("header", "user"): gettext_lazy("At the company's sign-on, by a proxy, then with your account of the platform."),
    ("oidc", "service"): gettext_lazy(
        "At the company's sign-on. The portal uses the organization's access to the platform."
    ),
    ("header", "service"): gettext_lazy(
        "At the company's sign-on, by a proxy. The portal uses the organization's access to the platform."
    ),
}
"""The settings SSO and SIGN_IN -> how people sign in."""


@require_safe
def about(request: DeviceRequest) -> HttpResponse:
    """What this portal is, and what this person may do in it: they quote it when they need a permission."""
    access = request.access
    clock = clock_for(request)
    since = ApiGrant.objects.filter(handle=request.session[grants.SESSION_KEY]).values_list("created_at", flat=True)
    begun = since.first() or clock.now
    context = {
        "version": portal.__version__,
        "api_host": urlsplit(settings.PLATFORM_API_URL).netloc,
        "sign_in": SIGN_IN_TEXTS[settings.SSO, settings.SIGN_IN],
        "organization": access.org_name or _("No organization"),
        "permissions": [(name, words, access.has(name)) for name, words in PERMISSIONS.items()],
        "rights": [(name, words, name in access.rights) for name, words in RIGHT_TEXTS.items()],
        "begun": clock.when(int(begun * 1000)),
        "ends": clock.when(int((begun + settings.SESSION_COOKIE_AGE) * 1000)),
        "idle": _minutes(settings.SESSION_IDLE // 60),
        "facts": int(CACHE_POLICIES["get_base_info"].max_age),
        "tags": int(CACHE_POLICIES["list_tags"].max_age),
        "names": _minutes(names.CACHE_FOR // 60),
        "reader_zone": zone_of(request),
        "now": clock.stamp(),
        "section": "about",
    }
    return render(request, "about.html", context)


def _minutes(count: int) -> str:
    return ngettext("%(n)s minute", "%(n)s minutes", count) % {"n": count}
