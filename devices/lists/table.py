"""The table of devices that every list shows: its heads, its rows, what can be done with it, the range below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from devices.core import api_rules
from devices.core.formatting import Clock, Word, device_row, number
from devices.core.permissions import judge
from devices.core.preferences import PAGE_SIZES
from devices.core.requests import DeviceRequest, clock_for
from devices.directory.names import Names
from devices.gateway.pagination import Page
from devices.gateway.types import Device
from devices.lists.columns import table_heads
from devices.lists.connectivity import (
    MAX_DEVICES,
    Check,
    Connectivity,
    ConnectivityWord,
    connectivity_words,
    group_of,
    read_check,
    summary,
)
from devices.lists.forms import SHOW_CHOICES
from devices.ui.change_notice import change_notice
from devices.ui.device_actions import row_actions
from devices.ui.pagination import pager
from devices.ui.status_banner import read_stamp

LIST_OPERATIONS = ("list_devices", "search_devices", "list_devices_by_owner", "list_devices_by_user")

Url = Callable[..., str]
"""The address of the same list with something else changed, such as `page` (1-based)."""


class StateFilter(NamedTuple):
    """Rows of this page in one state, as a link that shows them alone; `word` None: all of them."""

    word: Word | None
    rows: str
    url: str
    current: bool


class CheckControls(NamedTuple):
    """The button that asks for the states, and what it found: `parts` of the page, `stamp` of the asking."""

    ids: str
    label: str
    busy: str
    parts: list[StateFilter]
    stamp: str
    announce: str


def table(
    request: DeviceRequest, page: Page[Device] | None, names: Names, query: dict[str, Any], url: Url
) -> dict[str, Any]:
    """Context of `lists/_table.html`; `page` None shows no table. `query`: what the address asks for, settled.

    `done`: the change that led here since its device has left the view of whoever made it.
    """
    clock = clock_for(request)
    items = page.items if page else ()
    ids = [device.id for device in items]
    check = read_check(request.access, ids, query["checked"]) if query["checked"] else None
    words = connectivity_words(clock, check.at if check else None)
    show = query["show"] if check and check.count(query["show"]) else ""
    if check and show:
        items = tuple(device for device in items if group_of(check.of(device.id)) == show)
    columns = table_heads(request.preferences.columns)
    here = urlsplit(url(page=1))
    return {
        "all_heads": columns,
        "heads": [head for head in columns if head.shown or (check and head.key == "status")],
        "columns": None,
        "fills": not show and any(head.shown or check for head in columns if head.key == "status"),
        "rows": [device_row(device, names, clock) for device in items],
        "states": {device.id: check.of(device.id) for device in items} if check else None,
        "state_words": words,
        "checking": _check_controls(ids, check, words, show, clock, query, url)
        if judge("get_online", request.access).allowed
        else None,
        "lost_check": bool(query["checked"]) and not check and bool(items),
        "pager": pager(page, lambda to: url(page=to)) if page else None,
        "page_sizes": sorted({*PAGE_SIZES, query["size"]}),
        "list_path": here.path,
        "list_fields": [pair for pair in parse_qsl(here.query) if pair[0] not in ("page", "size")],
        "list_url": url(),
        "row_actions": row_actions(request),
        "device_prefix": reverse("devices:device-list"),
        "read_at": read_stamp(request, *LIST_OPERATIONS),
        "done": change_notice(request),
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


def _check_controls(
    ids: list[int],
    check: Check | None,
    words: list[ConnectivityWord],
    show: str,
    clock: Clock,
    query: dict[str, Any],
    url: Url,
) -> CheckControls:
    count = min(len(ids), MAX_DEVICES)
    asked = clock.when(int(check.at * 1000), seconds=True) if check else None
    if check:
        label = _("Check again")
    elif count < len(ids):
        label = _("Check the first %s") % number(count)
    else:
        label = ngettext("Check this one", "Check these %s", count).replace("%s", number(count))
    return CheckControls(
        ids=",".join(map(str, ids[:count])),
        label=label,
        busy=_("Checking …"),
        parts=_state_filters(check, len(ids), words, show, query, url) if check else [],
        stamp=asked.text if asked else "",
        announce=summary(check) if check else "",
    )


def _state_filters(
    check: Check, rows: int, words: list[ConnectivityWord], show: str, query: dict[str, Any], url: Url
) -> list[StateFilter]:
    """All rows, then those of each state that some have."""
    counts = {name: check.count(name) for name in SHOW_CHOICES}
    counts["unasked"] += rows - len(check.states)
    told = {
        "online": Connectivity.ONLINE,
        "offline": Connectivity.OFFLINE,
        "never": Connectivity.NEVER,
        "unknown": Connectivity.SILENT,
    }
    word_of = {name: words[told.get(name, Connectivity.UNASKED)].word for name in SHOW_CHOICES}
    return [
        StateFilter(None, number(rows), url(checked=query["checked"]), not show),
        *(
            StateFilter(word_of[name], number(count), url(checked=query["checked"], show=name), show == name)
            for name, count in counts.items()
            if count
        ),
    ]


def size_in_address(query: dict[str, Any], rows: int) -> int | str:
    """What an address says of its rows per page: nothing where `ForgivingForm.settle` would find the same."""
    usual = rows if query["page"] == 1 else api_rules.PAGE_SIZE
    size: int = query["size"]
    return "" if size == usual else size
