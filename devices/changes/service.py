"""How every change is made: recorded first, sent once, read back, and its outcome recorded beside it.

The idempotency key of a form makes it one change however often it is submitted. A write whose reply was lost is never
sent again. It is verified instead: made, not made, or unknown until the next view of the device reconciles it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

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
from devices.changes.context import ChangeContext, ChangeResult, evidence_of
from devices.changes.kinds import kind_of
from devices.changes.reconciliation import reconcile
from devices.changes.verification import UNREAD, Observation, ObservedState, observe, observe_new_device
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, TimedOut

T = TypeVar("T")

WAIT_SHARE = 0.75
"""The part of a page's time that may be spent waiting for the first submission; reading needs the rest."""
GATEWAY_TIMEOUTS = (502, 504)
AS_GOOD_AS_MADE = (ObservedState.REQUESTED, ObservedState.GONE, ObservedState.INDETERMINATE)


def execute(
    context: ChangeContext,
    intent: ChangeIntent,
    send: Callable[[Gateway], T],
    *,
    idempotency_key: str = "",
    submitted: object = None,
    made: Callable[[T], int] | None = None,
) -> ChangeResult:
    """Record the intent, send once, read back, record the outcome.

    `submitted`: the form's values, which name one submission together with the key; `intent.after` if left out.
    `made`: the id of the device that the reply tells was created. Raises the GatewayError of a change that was
    certainly not made, after recording that.
    """
    entry, first = audit_log.record_intent(
        context.access,
        intent,
        request_id=context.request_id,
        idempotency_key=idempotency_key,
        submitted=[intent.after] if submitted is None else submitted,
    )
    if not first:
        return _replay(context, entry)
    if audit_log.entry_age(entry) > audit_log.ABANDONED_AFTER:
        # This process was held up so long that another view of the device may have found nothing made.
        context.record(entry, REJECTED, error=TimedOut.__name__)
        raise TimedOut(operation=intent.operation, request_id=context.request_id, sent=False)
    kind = kind_of(intent.operation)
    how = kind.observe if kind else None
    values = {"requested": intent.after, "before": intent.before} if intent.secret else {}
    try:
        reply = send(context.gateway)
    except GatewayError as error:
        if not error.uncertain:
            context.record(entry, REJECTED, api_result=REFUSED if error.sent else "", error=type(error).__name__)
            raise
        return _without_reply(context, entry, error, observe(how, context.gateway, entry, **values))
    created_device_id = made(reply) if made else None
    enough = kind is None or kind.proven_by_reply
    if created_device_id is not None:
        observation = observe_new_device(context.gateway, created_device_id)
    elif enough:
        observation = UNREAD
    else:
        observation = observe(how, context.gateway, entry, **values)
    state = _accepted(context, entry, observation, created_device_id, proven=enough)
    return ChangeResult(entry, state, observation)


def find_replay(
    context: ChangeContext, intent: ChangeIntent, *, idempotency_key: str, submitted: object = None
) -> ChangeResult | None:
    """The outcome of this very submission if it arrived before; None otherwise.

    Ask this before reading anything: what the first submission changed would look like somebody else's change. Of
    `intent` only the operation, the device, the target and `after` count.
    """
    if not idempotency_key:
        return None
    entry = audit_log.find_entry(
        context.access,
        intent,
        idempotency_key=idempotency_key,
        submitted=[intent.after] if submitted is None else submitted,
    )
    return None if entry is None else _replay(context, entry)


def _replay(context: ChangeContext, entry: AuditEntry) -> ChangeResult:
    """The outcome of the first submission, once it has one; where that is open, as it reads now."""
    state = audit_log.wait_for_outcome(entry, wait=min(audit_log.REPLAY_WAIT, WAIT_SHARE * context.gateway.left()))
    if not state.has_outcome or state.final:
        return ChangeResult(entry, state, UNREAD, replayed=True)
    return reconcile(context, entry)._replace(replayed=True)


def _accepted(
    context: ChangeContext, entry: AuditEntry, observation: Observation, created_device_id: int | None, *, proven: bool
) -> EntryState:
    """The platform accepted it: confirmed if it reads back so, or if there is nothing to read back."""
    found: dict[str, Any] = {"observed_value": observation.observed_value, "created_device_id": created_device_id}
    if proven or observation.state in AS_GOOD_AS_MADE:
        evidence = READ_BACK if observation.state is ObservedState.REQUESTED else REPLY_ONLY
        state = context.record(entry, CONFIRMED, api_result=ACCEPTED, evidence=evidence, **found)
    else:
        evidence = evidence_of(observation)
        state = context.record(entry, UNKNOWN, final=False, api_result=ACCEPTED, evidence=evidence, **found)
    # What the platform accepted is never shown as not made, even if another view reconciled it so too early.
    return state._replace(outcome=UNKNOWN) if state.outcome == REJECTED else state


def _without_reply(
    context: ChangeContext, entry: AuditEntry, error: GatewayError, observation: Observation
) -> ChangeResult:
    """No reply, or a fault. A connection that broke has ended the platform's work; a time-out may not have."""
    more: dict[str, Any] = {"api_result": LOST, "error": type(error).__name__}
    more |= {"observed_value": observation.observed_value, "created_device_id": observation.created_device_id}
    if observation.state is ObservedState.REQUESTED:
        state = context.record(entry, CONFIRMED, evidence=READ_BACK, **more)
    elif observation.state is ObservedState.BEFORE and not _may_still_run(error):
        state = context.record(entry, REJECTED, evidence=READ_BACK, **more)
    else:
        state = context.record(entry, UNKNOWN, final=False, evidence=evidence_of(observation), **more)
    return ChangeResult(entry, state, observation, error=error)


def _may_still_run(error: GatewayError) -> bool:
    """Whether the platform may still make the change: only the portal, or a proxy, stopped waiting."""
    return isinstance(error, TimedOut) or error.api_status in GATEWAY_TIMEOUTS
