"""The page of one device, and its online state."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from devices.core.fanout import fan_out_named
from devices.core.formatting import Clock
from devices.core.requests import DeviceRequest, clock_for, require, wants_partial
from devices.core.responses import answer
from devices.core.text import clean
from devices.device_page.forms import OnlineForm
from devices.device_page.values import value_rows
from devices.gateway.errors import GatewayError
from devices.gateway.types import BaseInfo, DeviceDetails
from devices.ui.change_notice import reconcile_device
from devices.ui.device_actions import device_actions
from devices.ui.device_facts import Fact
from devices.ui.device_layout import (
    Reads,
    device_layout_context,
    layout_reads,
    online_read,
    read_connection,
    set_tab_count,
)
from devices.ui.read_errors import is_panel_local, panel_error, try_read, with_retry_after
from devices.ui.status_banner import read_stamp

PAGE, OVERVIEW = "ui/device_tab.html", "device_page/_overview.html"
VALUES_TIME_SHARE = 0.7
"""Share of the time for one read. The rest is left for the base info, should the values time out."""


@require_safe
def device_detail(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device` and `GET /device/online`. Without the values, the base info still gives heading and actions."""
    require(request, "get_device")
    partial = wants_partial(request)
    reconciled = [] if partial else reconcile_device(request, device_id)
    values: Reads = {"values": lambda gateway: gateway.get_device(device_id)}
    reads = fan_out_named(
        request.gateway,
        values if partial else {**values, **online_read(device_id)},
        timeout=settings.PLATFORM_API_TIMEOUTS.read * VALUES_TIME_SHARE,
    )
    details: DeviceDetails | GatewayError = reads["values"]
    info = _base_info(request, device_id, details)
    if partial:
        device = None if isinstance(info, GatewayError) else info
        context: dict[str, Any] = {"device_id": device_id, "device": device, "actions": device_actions(request, device)}
    else:
        context = device_layout_context(
            request, device_id, tab="overview", info=info, reconciled=reconciled, reads=reads
        )
    context |= {"panel_template": OVERVIEW, "connection_facts": connection_facts(info, clock_for(request))}
    context |= _values_context(request, details)
    if isinstance(details, GatewayError):
        return with_retry_after(answer(request, PAGE, OVERVIEW, context, status=details.status), details)
    if details.meta_field_values is not None:
        set_tab_count(context, "metafields", len(details.meta_field_values))
    return answer(request, PAGE, OVERVIEW, context)


def _base_info(
    request: DeviceRequest, device_id: int, details: DeviceDetails | GatewayError
) -> BaseInfo | GatewayError:
    """The details themselves, or the base info if only the values cannot be read."""
    if not isinstance(details, GatewayError):
        return details
    if not is_panel_local(details):
        raise details
    return try_read(request.gateway, lambda gateway: gateway.get_base_info(device_id))


def _values_context(request: DeviceRequest, details: DeviceDetails | GatewayError) -> dict[str, Any]:
    if isinstance(details, GatewayError):  # the panel gives the reason, so the heading need not
        return {"heading_error": None, "read_error": panel_error(request, details, _("Values"))}
    stamp = read_stamp(request, "get_device")
    read_again = wants_partial(request) and request.htmx.trigger == "read-again"
    return {
        "values": value_rows(details.data_stream_values or (), clock_for(request)),
        "locked": bool(details.is_locked),
        "read_at": stamp,
        "announce": _("Values read %(stamp)s") % {"stamp": stamp} if read_again else "",
    }


@require_safe
def device_online(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device/online` again: the badge for htmx, else a page with the device's heading."""
    require(request, "get_online")
    context: dict[str, Any]
    if wants_partial(request):
        reported = OnlineForm(request.GET).reported()
        connection = read_connection(request, device_id, clock_for(request), reported)
        context = {"device_id": device_id, "connection": connection}
    else:
        reads = fan_out_named(request.gateway, layout_reads(device_id))
        context = device_layout_context(request, device_id, tab="overview", reads=reads)
        context["connection_facts"] = connection_facts(reads["info"], context["clock"])
    context["announce"] = _("%s, checked %s") % (context["connection"].word.text, context["connection"].stamp)
    return answer(request, "device_page/online.html", "ui/_device_online.html", context)


def connection_facts(info: BaseInfo | GatewayError, clock: Clock) -> list[Fact]:
    """The device's connections, for the side panel; a time of 0 reads as "never". Empty without base info."""
    if isinstance(info, GatewayError):
        return []
    hw = info.hardware_info
    lifecycle = clean(info.lifecycle_status.name or "") if info.lifecycle_status else ""
    build = ", ".join(clean(part) for part in (hw.board_type, hw.build) if part) if hw else ""
    facts = [
        Fact(_("Connected"), when=clock.when(info.connect_time, seconds=True)),
        Fact(_("Disconnected"), when=clock.when(info.disconnect_time, seconds=True)),
        Fact(_("Last report"), when=clock.when(info.last_received_event_at, seconds=True)),
        Fact(_("First seen"), when=clock.when(info.first_connect_time)),
        Fact(_("Firmware updated"), when=clock.when(info.firmware_updated_at)),
    ]
    facts = [fact if fact.when else fact._replace(text=_("Never")) for fact in facts]
    return [
        *facts,
        Fact(_("Lifecycle"), lifecycle or _("Not set")),
        Fact(_("IP address"), clean(info.ip or "") or _("Not known")),
        Fact(_("Board"), build or _("Not reported")),
    ]
