"""Reconcile changes whose outcome is open: read the device, and record what that shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from devices.audit import log as audit_log
from devices.audit.log import ACCEPTED, CONFIRMED, READ_BACK, REJECTED, UNKNOWN
from devices.audit.models import AuditEntry
from devices.changes.context import READS_OTHERWISE, ChangeContext, ChangeResult, evidence_of, record
from devices.changes.verification import LOOKS, Observation, ObservedState, observe
from devices.core.permissions import ORG_VIEW_DEVICES, Access, judge

SURE_AFTER = timedelta(seconds=60)
"""How long after a change its absence is proof. Before, a platform that did not answer in time may still be at it."""


def reconcile(desk: ChangeContext, entry: AuditEntry) -> ChangeResult[None]:
    """Read back a change whose outcome is open, and settle it if that tells. What is settled is left alone."""
    state = audit_log.entry_state(entry)
    if state.final:
        return ChangeResult(entry, state, Observation(ObservedState.UNREAD))
    reading = observe(desk.gateway, entry)
    if (
        entry.operation == "delete_device"
        and reading.now is ObservedState.REQUESTED
        and not _saw_it(desk.access, entry)
    ):
        reading = Observation(ObservedState.UNREAD)
    if entry.operation == "clear_device" and not judge("list_timeline", desk.access).allowed:
        reading = Observation(ObservedState.UNREAD)  # who may read it can still tell
    sure = timezone.now() - entry.created_at > SURE_AFTER
    if reading.now is ObservedState.REQUESTED:
        desk.gateway.forget()  # nobody knew when it would be made: what was read since it was sent may be from before
        told: dict[str, Any] = {
            "api_result": state.api_result,
            "observed_value": reading.observed_value,
            "created_device_id": reading.created_device_id,
        }
        state = record(desk, entry, CONFIRMED, evidence=READ_BACK, **told)
    elif sure and reading.now is ObservedState.BEFORE and state.api_result != ACCEPTED:
        state = record(
            desk,
            entry,
            REJECTED,
            api_result=state.api_result,
            evidence=READ_BACK,
            observed_value=reading.observed_value,
        )
    elif sure and (
        reading.now in READS_OTHERWISE or reading.now is ObservedState.INDETERMINATE or entry.operation not in LOOKS
    ):
        # Somebody has changed it since, or there is nothing to read: no later look can tell more.
        state = record(
            desk,
            entry,
            UNKNOWN,
            api_result=state.api_result,
            evidence=evidence_of(reading),
            observed_value=reading.observed_value,
        )
    return ChangeResult(entry, state, reading)


def _saw_it(access: Access, entry: AuditEntry) -> bool:
    """Whether they would see the device if it were still there: that a stranger does not see it proves nothing."""
    return access.org_id == entry.person_org_id and (access.person == entry.person.key or access.has(ORG_VIEW_DEVICES))


def reconcile_pending(desk: ChangeContext, device_id: int) -> list[ChangeResult[None]]:
    """Look after the changes of this device whose outcome is open. Costs one query; reads only where there are any."""
    return [reconcile(desk, entry) for entry in audit_log.open_entries(device_id)]
