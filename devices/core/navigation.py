"""Where the top bar leads, by what the person may see: no link in it ends in a refusal."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from devices.core.permissions import PORTAL_AUDIT, Access, Verdict, judge


class NavLink(NamedTuple):
    """A link of the bar. `section` is what the pages behind it call themselves."""

    section: str
    words: str
    url: str


class NavBar(NamedTuple):
    """`search` tells whether the find box may be used: the API searches only for who sees the whole organization."""

    places: list[NavLink]
    search: Verdict


def nav_bar(access: Access) -> NavBar:
    search = judge("search_devices", access)
    if access.only_own:
        return NavBar([NavLink("devices", _("My devices"), my_devices_url(access)), *_of_the_portal(access)], search)
    places = [NavLink("devices", _("Devices"), reverse("devices:device-list"))]
    if judge("list_devices_by_owner", access).allowed:
        places.append(NavLink("owners", _("Owners"), reverse("devices:device-by-owner")))
    if judge("list_last_activated", access).allowed:
        places.append(NavLink("recent", _("Recent"), reverse("devices:device-recent")))
    return NavBar([*places, *_of_the_portal(access)], search)


def _of_the_portal(access: Access) -> list[NavLink]:
    """Pages of the portal's own, each for those with its right."""
    return [NavLink("audit", _("Audit"), reverse("audit:list"))] if PORTAL_AUDIT in access.rights else []


def home_url(access: Access) -> str:
    """The address of the list that this person has."""
    return my_devices_url(access) if access.only_own else reverse("devices:device-list")


def my_devices_url(access: Access) -> str:
    """The address of the devices that this person owns."""
    return f"{reverse('devices:device-by-owner')}?{urlencode({'email': access.email})}"


def owner_url_prefix(access: Access) -> str:
    """What an e-mail is put behind to list its devices; empty for those who may list only their own."""
    if not judge("list_devices_by_owner", access, other=True).allowed:
        return ""
    return f"{reverse('devices:device-by-owner')}?email="
