"""The way of every change: written down, sent once, read back, and its outcome written beside it.

A write whose answer was lost is never repeated. It is read back instead, and what that shows is the outcome: made, not
made, or not known, which the next look at the device settles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devices.audit import log as audit_log
from devices.audit.log import (
    ACCEPTED,
    CONFIRMED,
    LOST,
    READ_BACK,
    REFUSED,
    REJECTED,
    REPLY_ONLY,
    UNKNOWN,
    ChangeIntent,
    EntryState,
)
from devices.audit.models import AuditEntry
from devices.changes.context import ChangeContext, ChangeResult, T, evidence_of, record
from devices.changes.reconciliation import reconcile
from devices.changes.verification import WORD_IS_ENOUGH, Observation, ObservedState, observe, observe_new_device
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, TimedOut

TO_WAIT = 0.75
"""The part of a page's time that is spent on waiting for another sending: to look for oneself needs the rest."""
GATEWAY_GAVE_UP = (502, 504)


def execute(
    desk: ChangeContext,
    facts: ChangeIntent,
    send: Callable[[Gateway], T],
    *,
    idempotency_key: str = "",
    asked: str | None = None,
    before: str | None = None,
    contents: object = None,
    made: Callable[[T], int] | None = None,
) -> ChangeResult[T]:
    """Write down, send once, read back, write the outcome.

    `asked`, `before`: the value sent and the one it replaces, where `facts` may not hold them. `contents`: what else
    was filled in, to tell two sendings of one form apart. `made`: the id of what the answer tells was created. Raises
    the GatewayError of a change that was surely not made, after writing that down.
    """
    filled = [facts.after if asked is None else asked, contents]
    entry, first = audit_log.record_intent(
        desk.access, facts, request_id=desk.request_id, idempotency_key=idempotency_key, submitted=filled
    )
    if not first:
        return _again(desk, entry)
    if audit_log.age(entry) > audit_log.ABANDONED_AFTER:
        # This process was held up for so long that somebody else may have looked, and found nothing made.
        record(desk, entry, REJECTED, error=TimedOut.__name__)
        raise TimedOut(operation=facts.operation, request_id=desk.request_id, sent=False)
    try:
        answer = send(desk.gateway)
    except GatewayError as error:
        if not error.uncertain:
            record(desk, entry, REJECTED, api_result=REFUSED if error.sent else "", error=type(error).__name__)
            raise
        return _lost(desk, entry, error, observe(desk.gateway, entry, asked=asked, before=before))
    created_device_id = made(answer) if made else None
    if created_device_id is not None:
        reading = observe_new_device(desk.gateway, created_device_id)
    elif facts.operation in WORD_IS_ENOUGH:
        reading = Observation(ObservedState.UNREAD)
    else:
        reading = observe(desk.gateway, entry, asked=asked, before=before)
    return ChangeResult(entry, _accepted(desk, entry, reading, created_device_id), reading, answer)


def find_replay(
    desk: ChangeContext, facts: ChangeIntent, *, idempotency_key: str, asked: str | None = None, contents: object = None
) -> ChangeResult[Any] | None:
    """What became of this very sending, if there was one: to be asked before anything else is looked at, since what
    the first one changed would look like somebody else's change. Arguments as for `carry_out`; of `facts` only the
    operation, the device, the target and `after` count.
    """
    filled = [facts.after if asked is None else asked, contents]
    entry = (
        audit_log.find_entry(desk.access, facts, idempotency_key=idempotency_key, submitted=filled)
        if idempotency_key
        else None
    )
    return None if entry is None else _again(desk, entry)


def _again(desk: ChangeContext, entry: AuditEntry) -> ChangeResult[Any]:
    """The outcome of the first sending, once it has one; where that is open, as it looks now."""
    state = audit_log.wait_for_outcome(entry, wait=min(audit_log.REPLAY_WAIT, TO_WAIT * desk.gateway.left()))
    if not state.has_outcome or state.final:
        return ChangeResult(entry, state, Observation(ObservedState.UNREAD), replayed=True)
    return reconcile(desk, entry)._replace(replayed=True)


def _accepted(
    desk: ChangeContext, entry: AuditEntry, reading: Observation, created_device_id: int | None
) -> EntryState:
    """The platform said yes. It is confirmed if it reads back so, or if there is nothing to read back."""
    if (
        reading.now in (ObservedState.REQUESTED, ObservedState.GONE, ObservedState.INDETERMINATE)
        or entry.operation in WORD_IS_ENOUGH
    ):
        evidence = READ_BACK if reading.now is ObservedState.REQUESTED else REPLY_ONLY
        told: dict[str, Any] = {
            "evidence": evidence,
            "observed_value": reading.observed_value,
            "created_device_id": created_device_id,
        }
        return _not_against(record(desk, entry, CONFIRMED, api_result=ACCEPTED, **told))
    told = {
        "evidence": evidence_of(reading),
        "observed_value": reading.observed_value,
        "created_device_id": created_device_id,
    }
    return _not_against(record(desk, entry, UNKNOWN, final=False, api_result=ACCEPTED, **told))


def _not_against(state: EntryState) -> EntryState:
    """What the platform accepted is never told as not made, even where a look that came too early has settled it so."""
    return state._replace(outcome=UNKNOWN) if state.outcome == REJECTED else state


def _lost(desk: ChangeContext, entry: AuditEntry, error: GatewayError, reading: Observation) -> ChangeResult[T]:
    """No answer came, or a fault. A connection that broke has ended the platform's work; a time-out may not have."""
    told: dict[str, Any] = {"api_result": LOST, "error": type(error).__name__}
    told |= {"observed_value": reading.observed_value, "created_device_id": reading.created_device_id}
    if reading.now is ObservedState.REQUESTED:
        state = record(desk, entry, CONFIRMED, evidence=READ_BACK, **told)
    elif reading.now is ObservedState.BEFORE and not _still_at_it(error):
        state = record(desk, entry, REJECTED, evidence=READ_BACK, **told)
    else:
        state = record(desk, entry, UNKNOWN, final=False, evidence=evidence_of(reading), **told)
    return ChangeResult(entry, state, reading, error=error)


def _still_at_it(error: GatewayError) -> bool:
    """Whether the platform may carry it out after all: here nobody waited for it any longer, or a gateway before it."""
    return isinstance(error, TimedOut) or error.api_status in GATEWAY_GAVE_UP
