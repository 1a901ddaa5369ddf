"""The page of one device, and its online state."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from devices.http import DeviceRequest, answer, clock_for, require, wants_partial
from devices.presentation import connection_facts, name_of, value_rows
from devices.views.settling import settle_here
from devices.views.shell import actions, read_connection, shell


@require_safe
def device_detail(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device` and `GET /device/online`: two calls; the other tabs ask when they are opened."""
    require(request, "get_device")
    settled = None if wants_partial(request) else settle_here(request, device_id)
    details = request.gateway.get_device(device_id)
    clock = clock_for(request)
    context: dict[str, Any] = {"device_id": device_id, "device_name": name_of(details), "tab": "overview"}
    if not wants_partial(request):
        context = shell(request, device_id, tab="overview", info=details, settled=settled)
    else:
        context["actions"] = actions(request, details)
    fresh, old = value_rows(details.data_stream_values or (), clock)
    context |= {
        "fresh_values": fresh,
        "old_values": old,
        "connection_facts": connection_facts(details, clock),
        "locked": bool(details.is_locked),
        "read_at": clock.stamp(),
    }
    return answer(request, "devices/device_detail.html", "devices/_device_overview.html", context)


@require_safe
def device_online(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device/online`, asked again: the badge for htmx, the device's heading with it otherwise."""
    require(request, "get_online")
    if not wants_partial(request):
        context = shell(request, device_id, tab="overview")
        context |= {"connection_facts": connection_facts(context["device"], context["clock"])}
    else:
        context = {"device_id": device_id, "connection": read_connection(request, device_id, clock_for(request))}
    context["announce"] = _("%s, checked %s") % (context["connection"].word.text, context["connection"].stamp)
    return answer(request, "devices/device_online.html", "devices/_device_online.html", context)
