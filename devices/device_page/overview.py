"""The page of one device, and its online state."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from devices.core.fanout import fan_out_named
from devices.core.formatting import Clock, name_of
from devices.core.requests import DeviceRequest, clock_for, require, wants_partial
from devices.core.responses import answer
from devices.core.text import clean
from devices.device_page.forms import OnlineForm
from devices.device_page.values import value_rows
from devices.gateway.errors import GatewayError
from devices.gateway.types import BaseInfo, DeviceDetails
from devices.ui.change_notice import Reconciled, reconcile_device
from devices.ui.device_actions import device_actions
from devices.ui.device_facts import Fact
from devices.ui.device_layout import Answers, Asks, base_asks, layout_from_answers, online_ask, read_connection
from devices.ui.read_errors import is_panel_local, panel_error, try_read, with_retry_after
from devices.ui.status_banner import read_stamp
from devices.ui.tab_counts import with_count

SHARE_OF_VALUES = 0.7
"""Of the time that one reading may take."""


@require_safe
def device_detail(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device` and `GET /device/online`: two calls; the other tabs ask when they are opened.

    Where the values cannot be read, the base info still says what the device is and what may be done with it.
    """
    require(request, "get_device")
    partial = wants_partial(request)
    settled = [] if partial else reconcile_device(request, device_id)
    # What is left of its time is the base info's, where this fails by being slow.
    patience = settings.PLATFORM_API_TIMEOUTS.read * SHARE_OF_VALUES
    asks: Asks = {"values": lambda gateway: gateway.get_device(device_id)}
    answers = fan_out_named(request.gateway, asks if partial else {**asks, **online_ask(device_id)}, timeout=patience)
    details: DeviceDetails | GatewayError = answers["values"]
    if isinstance(details, GatewayError):
        if not is_panel_local(details):
            raise details
        return _without_values(request, device_id, details, settled, answers)
    clock = clock_for(request)
    context: dict[str, Any] = {"device_id": device_id, "device_name": name_of(details), "tab": "overview"}
    if not partial:
        context = layout_from_answers(
            request, device_id, tab="overview", info=details, settled=settled, answers=answers
        )
    else:
        context["actions"] = device_actions(request, details)
        if request.htmx.trigger == "read-again":
            context["announce"] = _("Values read %(stamp)s") % {"stamp": read_stamp(request, "get_device")}
    if details.meta_field_values is not None:
        with_count(context, "metafields", len(details.meta_field_values))
    context |= {
        "values": value_rows(details.data_stream_values or (), clock),
        "connection_facts": connection_facts(details, clock),
        "locked": bool(details.is_locked),
        "read_at": read_stamp(request, "get_device"),
    }
    return answer(request, "device_page/overview.html", "device_page/_overview.html", context)


def _without_values(
    request: DeviceRequest, device_id: int, failed: GatewayError, settled: list[Reconciled], answers: Answers
) -> HttpResponse:
    """The overview out of the base info, with a failed slot where the values stand."""
    info = try_read(request.gateway, lambda gateway: gateway.get_base_info(device_id))
    known = None if isinstance(info, GatewayError) else info
    if wants_partial(request):
        context: dict[str, Any] = {"device_id": device_id, "actions": device_actions(request, known)}
    else:
        context = layout_from_answers(request, device_id, tab="overview", info=info, settled=settled, answers=answers)
        context["heading_trouble"] = None  # the slot below says the same
    context |= {
        "tab": "overview",
        "trouble": panel_error(request, failed, _("Values")),
        "connection_facts": connection_facts(known, clock_for(request)) if known else [],
    }
    response = answer(
        request, "ui/device_failed.html", "device_page/_overview_failed.html", context, status=failed.status
    )
    return with_retry_after(response, failed)


@require_safe
def device_online(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device/online`, asked again: the badge for htmx, the device's heading with it otherwise."""
    require(request, "get_online")
    context: dict[str, Any]
    if wants_partial(request):
        reported = OnlineForm(request.GET).reported()
        connection = read_connection(request, device_id, clock_for(request), reported)
        context = {"device_id": device_id, "connection": connection}
    else:
        answers = fan_out_named(request.gateway, base_asks(device_id))
        settled = reconcile_device(request, device_id)
        context = layout_from_answers(
            request, device_id, tab="overview", info=answers["info"], settled=settled, answers=answers
        )
        info = context["device"]
        context["connection_facts"] = connection_facts(info, context["clock"]) if info else []
    context["announce"] = _("%s, checked %s") % (context["connection"].word.text, context["connection"].stamp)
    return answer(request, "device_page/online.html", "ui/_device_online.html", context)


def connection_facts(info: BaseInfo, clock: Clock) -> list[Fact]:
    """What is known of the device's connections, for the side panel; a time of 0 reads as "never"."""
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
