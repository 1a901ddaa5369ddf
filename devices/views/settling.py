"""Whoever opens a device looks after the changes of it whose outcome nobody knows yet."""

from __future__ import annotations

from typing import NamedTuple

from devices import changes
from devices.audit import visible_to
from devices.changes import Desk
from devices.http import DeviceRequest
from devices.views.changing import view_of_entry
from devices.views.trail import EntryView

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
    done = changes.settle_open(desk, device_id)
    if not done:
        return []
    found = visible_to(request.access).filter(pk__in=[one.entry.pk for one in done])
    readable = {entry.pk: view_of_entry(request, entry) for entry in found}
    return [Settled(one.entry.operation, one.unknown, readable.get(one.entry.pk)) for one in done]
