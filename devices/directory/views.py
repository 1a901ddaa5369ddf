"""Matches for somebody who is typing a person or an organization into a field; each list is also a page."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from devices.core.formatting import number
from devices.core.requests import DeviceRequest, require
from devices.core.responses import answer
from devices.core.text import clean, shorten
from devices.directory.forms import PickForm
from devices.directory.names import names_for
from devices.gateway.errors import GatewayError, Unauthorized
from devices.gateway.pagination import Page
from devices.gateway.types import Organization, UserSummary
from devices.ui.read_errors import is_panel_local, panel_error

AT_LEAST = 2
"""Characters before the platform is asked."""
AT_MOST = 10
"""Matches offered."""


class Pick(NamedTuple):
    """`value` goes into the field; `words` and `note` say who or what it is, `about` what a page has room for."""

    value: str
    words: str
    note: str
    about: str


@require_safe
def pick_user(request: DeviceRequest) -> HttpResponse:
    """`GET /search/users`: the value is the e-mail."""
    names = names_for(request.gateway, request.access)

    def pick(user: UserSummary) -> Pick:
        email = shorten(clean(user.email), 254)
        words = shorten(clean(user.name or ""), 80)
        place = names.organization(user.org_id)
        note = " · ".join(part for part in (email if words else "", place) if part)
        about = ", ".join(part for part in (_("ID %d") % user.id, place) if part)
        return Pick(email, words or email, note, about)

    return _picks(
        request,
        "search_users",
        pick,
        here=reverse("devices:pick-user"),
        heading=_("Find a person"),
        lead=_("People are found by a part of their name or e-mail."),
    )


@require_safe
def pick_organization(request: DeviceRequest) -> HttpResponse:
    """`GET /search` of organizations: the value is the id."""
    names = names_for(request.gateway, request.access)

    def pick(organization: Organization) -> Pick:
        above = names.organization(organization.parent_organization_id)
        about = _("Below %s") % above if above else ""
        return Pick(str(organization.id), shorten(clean(organization.name), 80), _("ID %d") % organization.id, about)

    return _picks(
        request,
        "search_organizations",
        pick,
        here=reverse("devices:pick-organization"),
        heading=_("Find an organization"),
        lead=_("Organizations are found by a part of their name."),
    )


def _picks(request: DeviceRequest, operation: str, pick: Any, **words: str) -> HttpResponse:
    """At most one call. In the list below a field a failure is a sentence: the field works without it."""
    require(request, operation)
    form = PickForm(request.GET)
    context: dict[str, Any] = {"form": form, "picks": [], "sentence": "", "announce": "", **words}
    status = 200
    if not form.is_valid():
        context["sentence"], status = form.errors["q"][0], 422
    elif len(query := form.cleaned_data["q"]) >= AT_LEAST:
        try:
            page: Page[Any] = getattr(request.gateway, operation)(query, size=AT_MOST)
        except Unauthorized:
            raise
        except GatewayError as error:
            if not is_panel_local(error):
                raise
            context["trouble"] = panel_error(request, error, words["heading"])
            context["sentence"] = f"{_(error.sentence)} {_('Type it in full: matches cannot be looked up now.')}"
            status = error.status
        else:
            context["picks"] = [pick(found) for found in page.items]
            context |= _told(page, query)
    elif query:
        context["sentence"] = _("Type at least %d characters.") % AT_LEAST
    return answer(request, "directory/picker.html", "directory/_picker.html", context, status=status)


def _told(page: Page[Any], query: str) -> dict[str, str]:
    count = len(page.items)
    if not count:
        return {"sentence": _("Nothing matches “%s”.") % shorten(query, 40)}
    announce = ngettext("%d match", "%d matches", count) % count
    if page.total is not None and page.total > count:
        more = _("%(shown)s of %(total)s: type more to narrow it.") % {"shown": count, "total": number(page.total)}
        return {"announce": announce, "sentence": more}
    return {"announce": announce}
