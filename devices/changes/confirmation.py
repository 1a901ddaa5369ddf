"""What the pages share on which somebody decides: the facts read just now, and what became of the device after."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from devices.audit.log import ANSWER
from devices.changes.context import ChangeResult
from devices.changes.pipeline import redirect_after_success, render_outcome_unknown
from devices.core.connection_state import never_connected
from devices.core.formatting import name_of
from devices.core.navigation import home_url
from devices.core.requests import DeviceRequest, clock_for
from devices.directory.names import names_for
from devices.gateway.types import BaseInfo
from devices.ui.device_layout import read_connection


def confirmation_context(request: DeviceRequest, info: BaseInfo) -> dict[str, Any]:
    """Context of a decision's page around its own: who owns the device, where it is, whether it is in use. One call."""
    clock = clock_for(request)
    names = names_for(request.gateway, request.access)
    return {
        "device_id": info.id,
        "device_name": name_of(info),
        "owner": names.owner(info.owner_user_id),
        "organization": names.organization(info.org_id),
        "template": names.template(info.template_id),
        "connection": read_connection(request, info.id, clock, never_connected(info)),
        "last_report": clock.when(info.last_received_event_at, seconds=True),
        "activated": clock.when(info.activated_at),
        "read_at": clock.stamp(),
    }


def owner_id(info: BaseInfo) -> str:
    """As digits, "" for nobody: as the trail writes it."""
    return str(info.owner_user_id or "")


def finish(request: DeviceRequest, done: ChangeResult[Any]) -> HttpResponse:
    """It was made, which the device's page tells, or one's list where the device has left one's view; or not known."""
    if done.unknown:
        return render_outcome_unknown(request, done)
    left = done.state.evidence == ANSWER  # accepted, and could not be seen any more when it was to be read back
    device = reverse("devices:device-detail", args=[done.entry.device_id])
    return redirect_after_success(request, done, home_url(request.access) if left else device)
