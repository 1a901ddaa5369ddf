"""What every page of one device shares: its heading, what may be done with it, its tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from devices.core.connection_state import Connection, connection, never_connected
from devices.core.fanout import fan_out_named
from devices.core.formatting import Clock, name_of
from devices.core.permissions import judge
from devices.core.requests import DeviceRequest, clock_for
from devices.directory.names import cache_template_id
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, NotFound, Unauthorized
from devices.gateway.types import BaseInfo, Online
from devices.ui.change_notice import Reconciled, change_notice, reconcile_device
from devices.ui.device_actions import device_actions
from devices.ui.device_facts import Fact, identity
from devices.ui.read_errors import is_panel_local, panel_error, unwrap
from devices.ui.status_banner import stale_since, told_above
from devices.ui.tabs import TABS

Asks = Mapping[str, Callable[[Gateway], Any]]
Answers = Mapping[str, Any]
"""By the name of the question: what was answered, or the GatewayError that came instead."""


@dataclass(frozen=True)
class TabLink:
    """`opened` follows the device's name in the document's title while the tab is open; `count` is printed if known."""

    name: str
    label: str
    opened: str
    url: str
    current: bool
    locked: bool
    count: str | None = None


def device_layout_context(
    request: DeviceRequest,
    device_id: int,
    *,
    tab: str,
    info: BaseInfo | None = None,
    settled: list[Reconciled] | None = None,
) -> dict[str, Any]:
    """Context of the page around a tab. Asks for base info (unless given) and the online state: two calls at once.

    Before that, changes whose outcome is open are looked after, unless that was done (`settled`). Raises what the base
    info raises; an online state that cannot be read costs only itself.
    """
    settled = reconcile_device(request, device_id) if settled is None else settled
    asks = online_ask(device_id) if info else base_asks(device_id)
    answers = fan_out_named(request.gateway, asks)
    return layout_from_answers(
        request, device_id, tab=tab, info=info or unwrap(answers["info"]), settled=settled, answers=answers
    )


def online_ask(device_id: int) -> Asks:
    return {"online": lambda gateway: gateway.get_online(device_id)}


def base_asks(device_id: int) -> Asks:
    """What the page around a tab has to know, asked at once: `info` and `online`."""
    return {"info": lambda gateway: gateway.get_base_info(device_id), **online_ask(device_id)}


def layout_from_answers(
    request: DeviceRequest,
    device_id: int,
    *,
    tab: str,
    info: BaseInfo | GatewayError,
    settled: list[Reconciled],
    answers: Answers,
) -> dict[str, Any]:
    """Context of the page around a tab, out of what was read. Where the base info failed, the id has to stand for the
    device, and nothing is offered to be done with it; raises it where that concerns the whole page."""
    clock = clock_for(request)
    failed = info if isinstance(info, GatewayError) else None
    known = None if isinstance(info, GatewayError) else info
    if failed and not is_panel_local(failed):
        raise failed
    if known:
        cache_template_id(request.access, device_id, known.template_id)
    return {
        "device": known,
        "device_id": device_id,
        "device_name": name_of(known) if known else _("Device %d") % device_id,
        "facts": identity(request, known, clock) if known else [Fact(_("Device ID"), str(device_id), copy=True)],
        "heading_trouble": panel_error(request, failed, _("About this device")) if failed else None,
        "connection": connection_of(request, answers["online"], clock, never_connected(known)),
        "actions": device_actions(request, known),
        "tabs": _tabs(request, device_id, known, tab),
        "tab": tab,
        "tab_label": tab_label(tab),
        "done": change_notice(request, known),
        "settled": settled,
        "clock": clock,
    }


def read_connection(request: DeviceRequest, device_id: int, clock: Clock, reported: int | None = None) -> Connection:
    """`GET /device/online`, just asked. A failure reads "unknown" with its reason; only 401 and 404 go further.

    `reported`: see `identity.never_connected`.
    """
    try:
        answered: Any = request.gateway.get_online(device_id)
    except (Unauthorized, NotFound):
        raise
    except GatewayError as error:
        answered = error
    return connection_of(request, answered, clock, reported)


def connection_of(
    request: DeviceRequest, answered: Online | GatewayError, clock: Clock, reported: int | None = None
) -> Connection:
    """The state that was answered, or that was last known, or "unknown" with the reason why there is no answer."""
    if isinstance(answered, GatewayError):
        if told_above(request, answered):
            return connection(None, clock, failure=_("No answer, for the reason at the top of the page."))
        return connection(None, clock, failure=_("Could not ask: %s") % _(answered.sentence))
    read_at = stale_since(request, "get_online")
    return connection(answered.connected, clock, read_at=read_at, reported=reported)


def tab_label(name: str) -> str:
    return next(str(tab.label) for tab in TABS if tab.name == name)


def _tabs(request: DeviceRequest, device_id: int, info: BaseInfo | None, current: str) -> list[TabLink]:
    owner_id = info.owner_user_id or 0 if info else None
    return [
        TabLink(
            tab.name,
            str(tab.label),
            str(tab.label) if tab.name != "overview" else "",
            reverse(tab.url_name, args=[device_id]),
            tab.name == current,
            bool(tab.operation) and not judge(tab.operation, request.access, owner_id=owner_id).allowed,
        )
        for tab in TABS
    ]
