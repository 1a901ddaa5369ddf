"""Devices activated within the last minutes: "has the customer's device come up?". The page asks again by itself."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import msgspec
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from devices.core import api_rules
from devices.core.fanout import fan_out
from devices.core.formatting import Clock, DeviceRow, ago, device_row, number
from devices.core.navigation import owner_url_prefix
from devices.core.requests import DeviceRequest, clock_for, require, wants_partial
from devices.core.responses import answer, poll_url, query_string
from devices.core.session_cache import delete, get, put
from devices.directory.names import Names, names_for, organization_choices
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, Unauthorized
from devices.gateway.types import Activation, Device, HardwareInfo
from devices.lists.columns import ALWAYS_SHOWN_RECENT, table_heads
from devices.lists.connectivity import connectivity_words
from devices.lists.forms import RecentForm
from devices.ui.device_actions import row_actions
from devices.ui.read_errors import is_panel_local, panel_error, with_retry_after

QUICK_PERIODS = (5, 15, 60)
"""Minutes offered as links."""
POLL_INTERVAL = 30
"""Seconds between two askings."""
MAX_NAMED = 100
"""Devices whose names are looked up, a call each; of the rest the id must do."""
NAME_MAX_AGE = 60
"""Seconds that a name is not asked for again: a page that is left open asks for each at every second refresh."""
STALE_IF_ERROR_FOR = 900
"""Seconds that a whole reading is kept, to be shown with its age when the platform does not answer."""


class DeviceSummary(msgspec.Struct, frozen=True):
    """What the device itself says beside its activation."""

    name: str
    hardware: HardwareInfo | None = None


class RecentActivations(msgspec.Struct, frozen=True):
    """One answer of the API with what was found of each device: `known` by its id, `failures` why nothing is."""

    at: float
    activations: tuple[Activation, ...]
    known: dict[int, DeviceSummary]
    failures: dict[int, str]


class Remark(NamedTuple):
    """What a row of this list says beside the name: that it is new, or why the device could not be read."""

    new: bool
    failure: str


@require_safe
def device_recent(request: DeviceRequest) -> HttpResponse:
    """`GET /device/last-activated`, newest first, and a name for each. The last answer stays when a new one fails.

    A region that asks again by itself is always answered with a region that does, or one failure would end it for good.
    """
    require(request, "list_last_activated")
    form = RecentForm(request.GET)
    query = form.settle()
    kept_as = f"recent:{query['org']}:{query['minutes']}"
    again = bool(query["seen"]) and wants_partial(request)
    failed: GatewayError | None = None
    words = ""
    reading: RecentActivations | None
    try:
        reading = _read(request, query)
        put(request.access, kept_as, reading, STALE_IF_ERROR_FOR)
    except Unauthorized:
        raise
    except GatewayError as error:
        if not is_panel_local(error):
            # Refused, or gone: what could be seen before is not theirs to see any more.
            delete(request.access, kept_as)
            if not again:
                raise
        last = get(request.access, kept_as)
        reading = last if isinstance(last, RecentActivations) else None
        failed, words = error, _(error.sentence)
    context = _context(request, query, reading, words) | {"notices": form.warnings()}
    if failed:
        context["failed"] = panel_error(request, failed, _("Recently activated"), retry_url=context["again_url"])
    status = failed.status if failed and reading is None and not again else 200
    response = answer(request, "lists/recent.html", "lists/_recent.html", context, status=status)
    return with_retry_after(response, failed) if failed else response


def _read(request: DeviceRequest, query: dict[str, Any]) -> RecentActivations:
    found = request.gateway.fresh().list_last_activated(org_id=query["org"], minutes=query["minutes"])
    newest = sorted(found, key=lambda activation: activation.activation_time, reverse=True)
    known, failures = _look_up(request, [activation.id for activation in newest[:MAX_NAMED]])
    return RecentActivations(time.time(), tuple(newest), known, failures)


def _look_up(request: DeviceRequest, ids: list[int]) -> tuple[dict[int, DeviceSummary], dict[int, str]]:
    """Devices by id, as this person's sign-in last read them or from the API, eight calls at a time; and why others are
    not known. After a change of one's own nothing is kept of them.
    """
    known: dict[int, DeviceSummary] = {}
    failures: dict[int, str] = {}
    for device_id, answered in fan_out(request.gateway, ids, _ask).items():
        if isinstance(answered, GatewayError):
            failures[device_id] = answered.sentence
        else:
            known[device_id] = answered
    return known, failures


def _ask(gateway: Gateway, device_id: int) -> DeviceSummary:
    info = gateway.last_seen(device_id, within=NAME_MAX_AGE) or gateway.get_base_info(device_id)
    return DeviceSummary(info.name, info.hardware_info)


def _context(
    request: DeviceRequest, query: dict[str, Any], reading: RecentActivations | None, trouble: str
) -> dict[str, Any]:
    """`reading` None: nothing could be read, and no last answer is known."""
    known, reading = reading is not None, reading or RecentActivations(time.time(), (), {}, {})
    clock = clock_for(request)
    names = names_for(request.gateway, request.access)
    rows = [_row(activation, reading, names, clock) for activation in reading.activations]
    remarks = {each.id: _remark(each, reading, query["seen"]) for each in reading.activations}
    chosen = tuple(column for column in request.preferences.columns if column != "status")
    newest = max((activation.activation_time for activation in reading.activations), default=0)
    here = reverse("devices:device-recent")

    def url(**changes: Any) -> str:
        asked = query | changes
        return here + query_string(
            minutes=asked["minutes"] if asked["minutes"] != api_rules.RECENT_MINUTES else "",
            org=asked["org"],
            paused=asked["paused"],
            seen=changes.get("seen"),
            stale=changes.get("stale", False),
        )

    next_url = url(seen=max(newest, query["seen"], 1), stale=bool(trouble))
    where = names.organization(query["org"] or request.access.org_id) or _("your organization")
    return {
        "query": query,
        "here": here,
        "rows": rows,
        "remarks": remarks,
        "all_heads": table_heads(request.preferences.columns),
        "heads": [head for head in table_heads(chosen, ALWAYS_SHOWN_RECENT) if head.shown],
        "state_words": connectivity_words(clock),
        "list_url": url(),
        "row_actions": row_actions(request),
        "headline": _headline(len(rows), query["minutes"], where)
        if known
        else _("Activated in %(where)s in the last %(minutes)d min") % {"where": where, "minutes": query["minutes"]},
        "known": known,
        "where": where,
        "announce": _announce(rows, remarks, "" if query["stale"] else trouble),
        "trouble": trouble,
        "trouble_age": ago(clock.now - reading.at),
        "read_at": clock.read_at([reading.at]),
        "unnamed": max(0, len(rows) - MAX_NAMED),
        "named_max": MAX_NAMED,
        "quick": [(minutes, url(minutes=minutes), minutes == query["minutes"]) for minutes in QUICK_PERIODS],
        "longest": api_rules.RECENT_MINUTES_MAX,
        "longest_url": url(minutes=api_rules.RECENT_MINUTES_MAX)
        if query["minutes"] < api_rules.RECENT_MINUTES_MAX
        else "",
        "organizations": organization_choices(names),
        "again_url": url(),
        "next_url": next_url,
        "poll_url": "" if query["paused"] else poll_url(next_url),
        "pause_url": url(paused=not query["paused"]),
        "every": POLL_INTERVAL,
        "owner_prefix": owner_url_prefix(request.access),
        "device_prefix": reverse("devices:device-list"),
        "section": "recent",
    }


def _row(activation: Activation, reading: RecentActivations, names: Names, clock: Clock) -> DeviceRow:
    known = reading.known.get(activation.id)
    device = Device(
        id=activation.id,
        name=known.name if known else _("Device %d") % activation.id,
        template_id=activation.template_id,
        org_id=activation.org_id,
        owner_user_id=activation.owner_user_id,
        hardware_info=known.hardware if known else None,
    )
    return device_row(device, names, clock)._replace(activated=clock.when(activation.activation_time, seconds=True))


def _remark(activation: Activation, reading: RecentActivations, seen: int) -> Remark | None:
    failure = reading.failures.get(activation.id, "")
    new = bool(seen) and activation.activation_time > seen
    return Remark(new, _(failure) if failure else "") if new or failure else None


def _headline(count: int, minutes: int, where: str) -> str:
    words = ngettext(
        "%(n)s device activated in %(where)s in the last %(minutes)d min",
        "%(n)s devices activated in %(where)s in the last %(minutes)d min",
        count,
    )
    return words % {"n": number(count), "where": where, "minutes": minutes}


def _announce(rows: list[DeviceRow], remarks: dict[int, Remark | None], trouble: str) -> str:
    """Said aloud after a refresh: only what has changed since the last one."""
    if trouble:
        return trouble
    new = [row.name for row in rows if (remark := remarks[row.id]) and remark.new]
    if not new:
        return ""
    return ngettext("%(n)d new activation: %(names)s", "%(n)d new activations: %(names)s", len(new)) % {
        "n": len(new),
        "names": ", ".join(new[:3]),
    }
