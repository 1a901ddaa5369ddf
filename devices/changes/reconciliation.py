"""Reconcile changes whose outcome is open: read the device, and record what that shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from devices.audit import log as audit_log
from devices.audit.log import ACCEPTED, CONFIRMED, READ_BACK, REJECTED, UNKNOWN
from devices.audit.models import AuditEntry
from devices.changes.context import ChangeContext, ChangeResult, evidence_of
from devices.changes.kinds import kind_of
from devices.changes.verification import CONTRADICTS, UNREAD, ObservedState, observe

CERTAIN_AFTER = timedelta(seconds=60)
"""A change that is still missing after this long was not made. Before, a platform that timed out may still make it."""


def reconcile(context: ChangeContext, entry: AuditEntry) -> ChangeResult:
    """Read back a change whose outcome is open, and record the outcome if that shows it. A final outcome stays."""
    state = audit_log.entry_state(entry)
    if state.final:
        return ChangeResult(entry, state, UNREAD)
    kind = kind_of(entry.operation)
    how = kind.observe if kind else None
    observation = observe(how, context.gateway, entry)
    if kind and not kind.proves(context.access, entry, observation):
        observation = UNREAD  # others, who see more, can still tell
    old = timezone.now() - entry.created_at > CERTAIN_AFTER
    found: dict[str, Any] = {"api_result": state.api_result, "observed_value": observation.observed_value}
    if observation.state is ObservedState.REQUESTED:
        context.gateway.forget()  # nobody knew when it would be made: what was read since may be from before
        found["created_device_id"] = observation.created_device_id
        state = context.record(entry, CONFIRMED, evidence=READ_BACK, **found)
    elif old and observation.state is ObservedState.BEFORE and state.api_result != ACCEPTED:
        state = context.record(entry, REJECTED, evidence=READ_BACK, **found)
    elif old and (how is None or observation.state in (*CONTRADICTS, ObservedState.INDETERMINATE)):
        # Somebody has changed it since, or there is nothing to read: later reads will not tell more.
        state = context.record(entry, UNKNOWN, evidence=evidence_of(observation), **found)
    return ChangeResult(entry, state, observation)


def reconcile_pending(context: ChangeContext, device_id: int) -> list[ChangeResult]:
    """Reconcile the open changes of this device. One query; calls only where there are any."""
    return [reconcile(context, entry) for entry in audit_log.open_entries(device_id)]
