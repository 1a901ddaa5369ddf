"""What all pages of a device share: heading, actions and tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from devices.core.connection_state import Connection, connection, never_connected
from devices.core.fanout import fan_out_named
from devices.core.formatting import Clock, name_of, number
from devices.core.permissions import judge
from devices.core.requests import DeviceRequest, clock_for
from devices.directory.names import cache_template_id
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, NotFound, Unauthorized
from devices.gateway.types import BaseInfo, Online
from devices.ui.change_notice import Reconciled, change_notice, reconcile_device
from devices.ui.device_actions import device_actions
from devices.ui.device_facts import Fact, identity_facts
from devices.ui.read_errors import is_panel_local, panel_error
from devices.ui.status_banner import is_in_banner, stale_since
from devices.ui.tabs import TABS

Reads = Mapping[str, Callable[[Gateway], Any]]
ReadResults = Mapping[str, Any]
"""By the name of the read: its result, or the GatewayError."""


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


def online_read(device_id: int) -> Reads:
    return {"online": lambda gateway: gateway.get_online(device_id)}


def layout_reads(device_id: int) -> Reads:
    """`info` and `online`: what the page around a tab shows."""
    return {"info": lambda gateway: gateway.get_base_info(device_id), **online_read(device_id)}


def device_layout_context(
    request: DeviceRequest,
    device_id: int,
    *,
    tab: str,
    info: BaseInfo | GatewayError | None = None,
    reconciled: list[Reconciled] | None = None,
    reads: ReadResults | None = None,
) -> dict[str, Any]:
    """Context of the page around a tab.

    `reads`: results of `layout_reads`, or only of `online_read` together with `info`. A failed base info then leaves
    the id as heading, with the error and without actions. Without `reads`, open changes are reconciled (unless
    `reconciled`) and the reads made here; this raises what the base info raises. A failed online state is shown.
    Raises errors that concern the whole page.
    """
    reconciled = reconcile_device(request, device_id) if reconciled is None else reconciled
    if reads is None:
        reads = fan_out_named(request.gateway, online_read(device_id) if info else layout_reads(device_id))
        if isinstance(reads.get("info"), GatewayError):
            raise reads["info"]
    info = reads["info"] if info is None else info
    error = info if isinstance(info, GatewayError) else None
    if error and not is_panel_local(error):
        raise error
    clock = clock_for(request)
    device = None if isinstance(info, GatewayError) else info
    if device:
        cache_template_id(request.access, device_id, device.template_id)
    return {
        "device": device,
        "device_id": device_id,
        "device_name": name_of(device) if device else _("Device %d") % device_id,
        "facts": identity_facts(request, device, clock)
        if device
        else [Fact(_("Device ID"), str(device_id), copy=True)],
        "heading_error": panel_error(request, error, _("About this device")) if error else None,
        "connection": _connection(request, reads["online"], clock, never_connected(device)),
        "actions": device_actions(request, device),
        "tabs": _tabs(request, device_id, device, tab),
        "tab": tab,
        "tab_label": tab_label(tab),
        "done": change_notice(request, device),
        "reconciled": reconciled,
        "clock": clock,
    }


def set_tab_count(context: dict[str, Any], tab: str, total: int | None) -> None:
    """Print a total on a tab, on the page or next to a fragment. Does nothing where no read gave the total."""
    if total is None:
        return
    context["counts"] = context.get("counts", {}) | {tab: number(total)}
    if "tabs" in context:
        context["tabs"] = [replace(each, count=number(total)) if each.name == tab else each for each in context["tabs"]]


def read_connection(request: DeviceRequest, device_id: int, clock: Clock, reported: int | None = None) -> Connection:
    """`GET /device/online`. A failure reads "unknown" with its reason; raises Unauthorized and NotFound."""
    result: Any
    try:
        result = request.gateway.get_online(device_id)
    except (Unauthorized, NotFound):
        raise
    except GatewayError as error:
        result = error
    return _connection(request, result, clock, reported)


def _connection(
    request: DeviceRequest, result: Online | GatewayError, clock: Clock, reported: int | None = None
) -> Connection:
    if isinstance(result, GatewayError):
        if is_in_banner(request, result):
            return connection(None, clock, failure=_("No answer, for the reason at the top of the page."))
        return connection(None, clock, failure=_("Could not ask: %s") % _(result.sentence))
    return connection(result.connected, clock, read_at=stale_since(request, "get_online"), reported=reported)


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
