"""Whoever opens a device looks after the changes of it whose outcome nobody knows yet."""

from __future__ import annotations

from typing import NamedTuple

from devices.audit.entry_display import EntryView
from devices.audit.log import visible_to
from devices.changes import service as change_service
from devices.changes.pipeline import view_of_entry
from devices.changes.service import Desk
from devices.core.requests import DeviceRequest

PATIENCE = 5.0
"""Seconds that a device's page may spend on it."""


class Settled(NamedTuple):
    """A change that was open a moment ago. `entry`: None where this person may not read about it."""

    operation: str
    unknown: bool
    entry: EntryView | None


def settle_here(request: DeviceRequest, device_id: int) -> list[Settled]:
    """One query where nothing is open; else the device is read again, a call or two for each open change."""
    desk = Desk(request.gateway.fresh().within(PATIENCE), request.access, request.request_id)
    done = change_service.settle_open(desk, device_id)
    if not done:
        return []
    found = visible_to(request.access).filter(pk__in=[one.entry.pk for one in done])
    readable = {entry.pk: view_of_entry(request, entry) for entry in found}
    return [Settled(one.entry.operation, one.unknown, readable.get(one.entry.pk)) for one in done]
