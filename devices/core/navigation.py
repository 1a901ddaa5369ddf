"""The links of the top bar, by what the person may see: none of them leads to a refusal."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from devices.core.permissions import PORTAL_AUDIT, Access, Verdict, judge


class NavLink(NamedTuple):
    """A link of the bar. `section`: the `section` of its pages."""

    section: str
    words: str
    url: str


class NavBar(NamedTuple):
    """`search`: whether the search box is allowed. The API searches only with the view of the whole organization."""

    links: list[NavLink]
    search: Verdict


def nav_bar(access: Access) -> NavBar:
    search = judge("search_devices", access)
    if access.only_own:
        return NavBar([NavLink("devices", _("My devices"), my_devices_url(access)), *_portal_links(access)], search)
    links = [NavLink("devices", _("Devices"), reverse("devices:device-list"))]
    if judge("list_devices_by_owner", access).allowed:
        links.append(NavLink("owners", _("Owners"), reverse("devices:device-by-owner")))
    if judge("list_last_activated", access).allowed:
        links.append(NavLink("recent", _("Recent"), reverse("devices:device-recent")))
    return NavBar([*links, *_portal_links(access)], search)


def _portal_links(access: Access) -> list[NavLink]:
    """The portal's own pages, each with its right."""
    return [NavLink("audit", _("Audit"), reverse("audit:list"))] if PORTAL_AUDIT in access.rights else []


def home_url(access: Access) -> str:
    """The address of this person's main list."""
    return my_devices_url(access) if access.only_own else reverse("devices:device-list")


def my_devices_url(access: Access) -> str:
    """The address of the devices that this person owns."""
    return f"{reverse('devices:device-by-owner')}?{urlencode({'email': access.email})}"


def owner_url_prefix(access: Access) -> str:
    """The address of an owner's devices up to the e-mail; empty for those who may list only their own."""
    if not judge("list_devices_by_owner", access, other=True).allowed:
        return ""
    return f"{reverse('devices:device-by-owner')}?email="
