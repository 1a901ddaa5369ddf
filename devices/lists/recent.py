"""Devices activated in the last minutes: "is the customer's device up?". The page refreshes itself."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import msgspec
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from devices.core import api_rules, session_cache
from devices.core.fanout import fan_out
from devices.core.formatting import Clock, DeviceRow, ago, device_row, number
from devices.core.navigation import owner_url_prefix
from devices.core.requests import DeviceRequest, clock_for, require, wants_partial
from devices.core.responses import answer, poll_url, query_string
from devices.directory.names import Names, names_for, organization_choices
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, Unauthorized
from devices.gateway.types import Activation, Device, HardwareInfo
from devices.lists.columns import ALWAYS_SHOWN_RECENT, Head, table_heads
from devices.lists.connectivity import connectivity_words
from devices.lists.forms import RecentForm
from devices.ui.device_actions import row_actions
from devices.ui.read_errors import is_panel_local, panel_error, with_retry_after

QUICK_PERIODS = (5, 15, 60)
"""Minutes offered as links."""
POLL_INTERVAL = 30
"""Seconds."""
MAX_NAMED = 100
"""Devices whose names are looked up, a call each; the others are shown by id."""
NAME_MAX_AGE = 60
"""Seconds that a name is used again: an open page calls for each at every second refresh."""
KEEP_STALE_FOR = 900
"""Seconds that the last response is stored, to be shown with its age when the platform does not answer."""


class DeviceSummary(msgspec.Struct, frozen=True):
    """What the device itself adds to its activation."""

    name: str
    hardware: HardwareInfo | None = None


class RecentActivations(msgspec.Struct, frozen=True):
    """One response of the API, with the devices by id, and why others could not be read. `at`: epoch seconds."""

    at: float
    activations: tuple[Activation, ...]
    devices: dict[int, DeviceSummary]
    failures: dict[int, str]


class Remark(NamedTuple):
    """What a row says next to the name: that it is new, or why the device could not be read."""

    new: bool
    failure: str


@require_safe
def device_recent(request: DeviceRequest) -> HttpResponse:
    """`GET /device/last-activated`, newest first, with the devices' names. If it fails, the last response stays.

    A refresh always gets a region that refreshes again: a failure must not end it for good.
    """
    require(request, "list_last_activated")
    form = RecentForm(request.GET)
    query = form.clean_with_defaults()
    refresh = bool(query["seen"]) and wants_partial(request)
    recent, error = _read_or_last(request, query, refresh=refresh)
    context = _context(request, query, recent, _(error.sentence) if error else "") | {"notices": form.warnings()}
    if error:
        context["failed"] = panel_error(request, error, _("Recently activated"), retry_url=context["again_url"])
    status = error.status if error and recent is None and not refresh else 200
    response = answer(request, "lists/recent.html", "lists/_recent.html", context, status=status)
    return with_retry_after(response, error) if error else response


def _read_or_last(
    request: DeviceRequest, query: dict[str, Any], *, refresh: bool
) -> tuple[RecentActivations | None, GatewayError | None]:
    """The activations, or the error and the last known ones. Raises an error that is not only this panel's."""
    key = f"recent:{query['org']}:{query['minutes']}"
    try:
        recent = _read(request, query)
    except Unauthorized:
        raise
    except GatewayError as error:
        if not is_panel_local(error):
            # Forbidden or not found: what was visible before may not be shown any more.
            session_cache.delete(request.access, key)
            if not refresh:
                raise
        last = session_cache.get(request.access, key)
        return last if isinstance(last, RecentActivations) else None, error
    session_cache.put(request.access, key, recent, KEEP_STALE_FOR)
    return recent, None


def _read(request: DeviceRequest, query: dict[str, Any]) -> RecentActivations:
    found = request.gateway.fresh().list_last_activated(org_id=query["org"], minutes=query["minutes"])
    newest = sorted(found, key=lambda activation: activation.activation_time, reverse=True)
    results = fan_out(request.gateway, [activation.id for activation in newest[:MAX_NAMED]], _read_device)
    return RecentActivations(
        time.time(),
        tuple(newest),
        devices={key: each for key, each in results.items() if isinstance(each, DeviceSummary)},
        failures={key: each.sentence for key, each in results.items() if isinstance(each, GatewayError)},
    )


def _read_device(gateway: Gateway, device_id: int) -> DeviceSummary:
    """From the cached base info if it is recent enough. After a change by this person nothing is cached."""
    info = gateway.last_seen(device_id, within=NAME_MAX_AGE) or gateway.get_base_info(device_id)
    return DeviceSummary(info.name, info.hardware_info)


def _context(
    request: DeviceRequest, query: dict[str, Any], recent: RecentActivations | None, read_error: str
) -> dict[str, Any]:
    """`recent` None: nothing could be read, now or before."""
    known, recent = recent is not None, recent or RecentActivations(time.time(), (), {}, {})
    clock = clock_for(request)
    names = names_for(request.gateway, request.access)
    rows = [_row(activation, recent, names, clock) for activation in recent.activations]
    remarks = {each.id: _remark(each, recent, query["seen"]) for each in recent.activations}
    where = names.organization(query["org"] or request.access.org_id) or _("your organization")
    newest = max((activation.activation_time for activation in recent.activations), default=0)
    return {
        "query": query,
        "here": reverse("devices:device-recent"),
        "rows": rows,
        "remarks": remarks,
        "state_words": connectivity_words(clock),
        "row_actions": row_actions(request),
        "headline": _headline(len(rows) if known else None, query["minutes"], where),
        "known": known,
        "where": where,
        "announce": _announce(rows, remarks, "" if query["stale"] else read_error),
        "read_error": read_error,
        "read_error_age": ago(clock.now - recent.at),
        "read_at": clock.read_at([recent.at]),
        "unnamed": max(0, len(rows) - MAX_NAMED),
        "named_max": MAX_NAMED,
        "longest": api_rules.RECENT_MINUTES_MAX,
        "organizations": organization_choices(names),
        "every": POLL_INTERVAL,
        "owner_prefix": owner_url_prefix(request.access),
        "device_prefix": reverse("devices:device-list"),
        "section": "recent",
        **_heads(request.preferences.columns),
        **_urls(query, seen=max(newest, query["seen"], 1), stale=bool(read_error)),
    }


def _heads(chosen: tuple[str, ...]) -> dict[str, list[Head]]:
    """The columns to choose from, and those of this list: it has no status, and always the time of activation."""
    columns = tuple(column for column in chosen if column != "status")
    shown = [head for head in table_heads(columns, ALWAYS_SHOWN_RECENT) if head.shown]
    return {"all_heads": table_heads(chosen), "heads": shown}


def _urls(query: dict[str, Any], *, seen: int, stale: bool) -> dict[str, Any]:
    """The addresses on the page; those of a refresh say what the page shows: see RecentForm."""

    def url(*, seen: int = 0, stale: bool = False, **changes: Any) -> str:
        wanted = query | changes
        return reverse("devices:device-recent") + query_string(
            minutes=wanted["minutes"] if wanted["minutes"] != api_rules.RECENT_MINUTES else "",
            org=wanted["org"],
            paused=wanted["paused"],
            seen=seen or "",
            stale=stale,
        )

    next_url, longest = url(seen=seen, stale=stale), api_rules.RECENT_MINUTES_MAX
    return {
        "list_url": url(),
        "again_url": url(),
        "next_url": next_url,
        "poll_url": "" if query["paused"] else poll_url(next_url),
        "pause_url": url(paused=not query["paused"]),
        "quick": [(minutes, url(minutes=minutes), minutes == query["minutes"]) for minutes in QUICK_PERIODS],
        "longest_url": url(minutes=longest) if query["minutes"] < longest else "",
    }


def _row(activation: Activation, recent: RecentActivations, names: Names, clock: Clock) -> DeviceRow:
    known = recent.devices.get(activation.id)
    device = Device(
        id=activation.id,
        name=known.name if known else _("Device %d") % activation.id,
        template_id=activation.template_id,
        org_id=activation.org_id,
        owner_user_id=activation.owner_user_id,
        hardware_info=known.hardware if known else None,
    )
    return device_row(device, names, clock)._replace(activated=clock.when(activation.activation_time, seconds=True))


def _remark(activation: Activation, recent: RecentActivations, seen: int) -> Remark | None:
    failure = recent.failures.get(activation.id, "")
    new = bool(seen) and activation.activation_time > seen
    return Remark(new, _(failure) if failure else "") if new or failure else None


def _headline(count: int | None, minutes: int, where: str) -> str:
    """`count` None: not known."""
    if count is None:
        return _("Activated in %(where)s in the last %(minutes)d min") % {"where": where, "minutes": minutes}
    words = ngettext(
        "%(n)s device activated in %(where)s in the last %(minutes)d min",
        "%(n)s devices activated in %(where)s in the last %(minutes)d min",
        count,
    )
    return words % {"n": number(count), "where": where, "minutes": minutes}


def _announce(rows: list[DeviceRow], remarks: dict[int, Remark | None], read_error: str) -> str:
    """For screen readers after a refresh: only what has changed."""
    if read_error:
        return read_error
    new = [row.name for row in rows if (remark := remarks[row.id]) and remark.new]
    if not new:
        return ""
    return ngettext("%(n)d new activation: %(names)s", "%(n)d new activations: %(names)s", len(new)) % {
        "n": len(new),
        "names": ", ".join(new[:3]),
    }
