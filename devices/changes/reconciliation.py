"""Reconcile changes whose outcome is open: read the device, and record what that shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from devices.audit import log as audit_log
from devices.audit.log import ACCEPTED, CONFIRMED, READ, REJECTED, UNKNOWN
from devices.audit.models import AuditEntry
from devices.changes.service import Desk, Done, _read, _settle
from devices.changes.verification import LOOKS, Now, Reading, look
from devices.core.permissions import ORG_VIEW_DEVICES, Access, judge

SURE_AFTER = timedelta(seconds=60)
"""How long after a change its absence is proof. Before, a platform that did not answer in time may still be at it."""


READS_OTHERWISE = (Now.BEFORE, Now.OTHER)


def look_again(desk: Desk, entry: AuditEntry) -> Done[None]:
    """Read back a change whose outcome is open, and settle it if that tells. What is settled is left alone."""
    state = audit_log.state_of(entry)
    if state.final:
        return Done(entry, state, Reading(Now.UNREAD))
    reading = look(desk.gateway, entry)
    if entry.operation == "delete_device" and reading.now is Now.ASKED and not _saw_it(desk.access, entry):
        reading = Reading(Now.UNREAD)
    if entry.operation == "clear_device" and not judge("list_timeline", desk.access).allowed:
        reading = Reading(Now.UNREAD)  # who may read it can still tell
    sure = timezone.now() - entry.created_at > SURE_AFTER
    if reading.now is Now.ASKED:
        desk.gateway.forget()  # nobody knew when it would be made: what was read since it was sent may be from before
        told: dict[str, Any] = {"answer": state.answer, "found": reading.found, "made_id": reading.made_id}
        state = _settle(desk, entry, CONFIRMED, proof=READ, **told)
    elif sure and reading.now is Now.BEFORE and state.answer != ACCEPTED:
        state = _settle(desk, entry, REJECTED, answer=state.answer, proof=READ, found=reading.found)
    elif sure and (reading.now in READS_OTHERWISE or reading.now is Now.SILENT or entry.operation not in LOOKS):
        # Somebody has changed it since, or there is nothing to read: no later look can tell more.
        state = _settle(desk, entry, UNKNOWN, answer=state.answer, proof=_read(reading), found=reading.found)
    return Done(entry, state, reading)


def _saw_it(access: Access, entry: AuditEntry) -> bool:
    """Whether they would see the device if it were still there: that a stranger does not see it proves nothing."""
    return access.org_id == entry.person_org_id and (access.person == entry.person.key or access.has(ORG_VIEW_DEVICES))


def settle_open(desk: Desk, device_id: int) -> list[Done[None]]:
    """Look after the changes of this device whose outcome is open. Costs one query; reads only where there are any."""
    return [look_again(desk, entry) for entry in audit_log.open_entries(device_id)]
