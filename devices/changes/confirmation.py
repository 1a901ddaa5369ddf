"""What the pages share on which somebody decides about a device: the facts that were read just now."""

from __future__ import annotations

from typing import Any

from devices.core.connection_state import never_connected
from devices.core.formatting import name_of
from devices.core.requests import DeviceRequest, clock_for
from devices.directory.names import names_for
from devices.gateway.types import BaseInfo
from devices.ui.device_layout import read_connection


def confirmation_context(request: DeviceRequest, info: BaseInfo) -> dict[str, Any]:
    """Who owns the device, where it is, whether it is in use. One call."""
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
