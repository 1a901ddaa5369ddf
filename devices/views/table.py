"""The table of devices that every list shows: its heads, its rows, the range below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from devices.gateway.pages import Page
from devices.gateway.types import Device
from devices.http import DeviceRequest, clock_for
from devices.names import Names
from devices.presentation import device_row
from devices.views.changing import done_view
from devices.views.paging import pager
from devices.views.told import read_stamp

LISTS = ("list_devices", "search_devices", "list_devices_by_owner", "list_devices_by_user")


def table(
    request: DeviceRequest, page: Page[Device] | None, names: Names, url_of: Callable[[int], str]
) -> dict[str, Any]:
    """Context of `devices/_device_table.html`; `page` None shows no table. `url_of` takes a 1-based page number.

    `done`: the change that led here since its device has left the view of whoever made it.
    """
    clock = clock_for(request)
    return {
        "heads": _heads(),
        "columns": None,
        "rows": [device_row(device, names, clock) for device in page.items] if page else [],
        "pager": pager(page, url_of) if page else None,
        "device_prefix": reverse("devices:device-list"),
        "read_at": read_stamp(request, *LISTS),
        "done": done_view(request),
    }


def shown_once(page: Page[Any] | None) -> list[str]:
    """A sentence where the platform sent some of a page's devices more than once."""
    if page is None or not page.repeated:
        return []
    words = ngettext(
        "The platform sent %(n)d device of this page more than once. It is shown once.",
        "The platform sent %(n)d devices of this page more than once. Each is shown once.",
        page.repeated,
    )
    return [words % {"n": page.repeated}]


def organization_choices(names: Names) -> list[tuple[int, str]]:
    """The organizations this person can name, by name."""
    return sorted(names.organizations.items(), key=lambda item: item[1].casefold())


def _heads() -> list[tuple[str, str, str]]:
    """The table's columns: key, words, CSS classes."""
    return [
        ("name", _("Device"), "col-name"),
        ("id", _("ID"), "col-id num"),
        ("template", _("Template"), "col-template"),
        ("firmware", _("Firmware"), "col-firmware"),
        ("board", _("Board"), "col-board"),
        ("owner", _("Owner"), "col-owner"),
        ("activated", _("Activated"), "col-activated"),
        ("organization", _("Organization"), "col-org"),
    ]
