"""The table of devices in every list: heads, rows, the check of their states, and the range below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from devices.core import api_rules
from devices.core.formatting import Word, device_row, number
from devices.core.permissions import judge
from devices.core.preferences import PAGE_SIZES
from devices.core.requests import DeviceRequest, clock_for
from devices.directory.names import Names
from devices.gateway.pagination import Page
from devices.gateway.types import Device
from devices.lists.columns import table_heads
from devices.lists.connectivity import (
    GROUPS,
    MAX_DEVICES,
    Check,
    Connectivity,
    ConnectivityWord,
    check_of_rows,
    connectivity_words,
    group_of,
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
    """A link to the rows of this page in one state; `word` None: to all of them."""

    word: Word | None
    rows: str
    url: str
    current: bool


class CheckControls(NamedTuple):
    """The button that checks the states, and the last result: `filters` by state, `time` of the check."""

    ids: str
    label: str
    busy: str
    filters: list[StateFilter]
    time: str
    announce: str


def table(
    request: DeviceRequest, page: Page[Device] | None, names: Names, query: dict[str, Any], url: Url
) -> dict[str, Any]:
    """Context of `lists/_table.html`; `page` None: no table. `query`: cleaned. `done`: the change that led here."""
    clock = clock_for(request)
    items = page.items if page else ()
    ids = [device.id for device in items]
    check = check_of_rows(request.access, query["checked"], ids)
    words = connectivity_words(clock, check.at if check else None)
    show = query["show"] if check and check.count(query["show"]) else ""
    if check and show:
        items = tuple(device for device in items if group_of(check.state_of(device.id)) == show)
    columns = table_heads(request.preferences.columns)
    here = urlsplit(url(page=1))
    return {
        "all_heads": columns,
        "heads": [head for head in columns if head.shown or (check and head.key == "status")],
        "columns": None,
        "fills": not show and any(head.shown or check for head in columns if head.key == "status"),
        "rows": [device_row(device, names, clock) for device in items],
        "states": {device.id: check.state_of(device.id) for device in items} if check else None,
        "state_words": words,
        "checking": _check_controls(ids, check, words, query | {"show": show}, url)
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


def page_title(title: str, page: Page[Any] | None) -> str:
    """The title with its page number, from page 2 on."""
    return f"{title}, {_('page %(n)s') % {'n': page.number + 1}}" if page and page.number else title


def duplicates_notice(page: Page[Any] | None) -> list[str]:
    """A sentence where the platform sent some devices of the page more than once."""
    if page is None or not page.repeated:
        return []
    words = ngettext(
        "The platform sent %(n)d device of this page more than once. It is shown once.",
        "The platform sent %(n)d devices of this page more than once. Each is shown once.",
        page.repeated,
    )
    return [words % {"n": page.repeated}]


def _check_controls(
    ids: list[int], check: Check | None, words: list[ConnectivityWord], query: dict[str, Any], url: Url
) -> CheckControls:
    count = min(len(ids), MAX_DEVICES)
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
        filters=_state_filters(check, len(ids), words, query, url) if check else [],
        time=words[Connectivity.ONLINE].note if check else "",
        announce=summary(check) if check else "",
    )


def _state_filters(
    check: Check, rows: int, words: list[ConnectivityWord], query: dict[str, Any], url: Url
) -> list[StateFilter]:
    """All rows, then those of each state that some have."""
    counts = {name: check.count(name) for name in SHOW_CHOICES}
    counts["unchecked"] += rows - len(check.states)
    state_of = {"unknown": Connectivity.UNKNOWN} | {name: state for state, name in GROUPS.items()}
    return [
        StateFilter(None, number(rows), url(checked=query["checked"]), not query["show"]),
        *(
            StateFilter(
                words[state_of[name]].word,
                number(count),
                url(checked=query["checked"], show=name),
                query["show"] == name,
            )
            for name, count in counts.items()
            if count
        ),
    ]


def size_param(query: dict[str, Any], page_size: int) -> int | str:
    """The `size` of an address, empty where `LenientQueryForm` would find the same. `page_size`: as preferred."""
    default = page_size if query["page"] == 1 else api_rules.PAGE_SIZE
    size: int = query["size"]
    return "" if size == default else size
