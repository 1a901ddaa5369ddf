"""The way of every change: written down, sent once, read back, and its outcome written beside it.

A write whose answer was lost is never repeated. It is read back instead, and what that shows is the outcome: made, not
made, or not known, which the next look at the device settles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from devices.audit import log as audit_log
from devices.audit.log import ACCEPTED, ANSWER, CONFIRMED, LOST, READ, REFUSED, REJECTED, UNKNOWN, Facts, State
from devices.audit.models import AuditEntry
from devices.changes.reconciliation import READS_OTHERWISE, look_again
from devices.changes.verification import WORD_IS_ENOUGH, Now, Reading, look, look_at_new
from devices.core.permissions import Access
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, TimedOut

T = TypeVar("T")
TO_WAIT = 0.75
"""The part of a page's time that is spent on waiting for another sending: to look for oneself needs the rest."""
GATEWAY_GAVE_UP = (502, 504)


class Done(NamedTuple, Generic[T]):
    """A change and what became of it.

    `answer`: what the gateway returned, None where that was lost. `error`: why it was lost. `again`: the same form was
    sent before, so nothing was sent now and this is the outcome of that.
    """

    entry: AuditEntry
    state: State
    reading: Reading
    answer: T | None = None
    error: GatewayError | None = None
    again: bool = False

    @property
    def confirmed(self) -> bool:
        return self.state.outcome == CONFIRMED

    @property
    def rejected(self) -> bool:
        """Surely not made."""
        return self.state.outcome == REJECTED

    @property
    def unknown(self) -> bool:
        return self.state.outcome == UNKNOWN


class Desk(NamedTuple):
    """Who changes something, and for which request."""

    gateway: Gateway
    access: Access
    request_id: str


def carry_out(
    desk: Desk,
    facts: Facts,
    send: Callable[[Gateway], T],
    *,
    form_id: str = "",
    asked: str | None = None,
    before: str | None = None,
    contents: object = None,
    made: Callable[[T], int] | None = None,
) -> Done[T]:
    """Write down, send once, read back, write the outcome.

    `asked`, `before`: the value sent and the one it replaces, where `facts` may not hold them. `contents`: what else
    was filled in, to tell two sendings of one form apart. `made`: the id of what the answer tells was created. Raises
    the GatewayError of a change that was surely not made, after writing that down.
    """
    filled = [facts.after if asked is None else asked, contents]
    entry, first = audit_log.intend(desk.access, facts, request_id=desk.request_id, form_id=form_id, asked=filled)
    if not first:
        return _again(desk, entry)
    if audit_log.age(entry) > audit_log.ORPHAN:
        # This process was held up for so long that somebody else may have looked, and found nothing made.
        _settle(desk, entry, REJECTED, error=TimedOut.__name__)
        raise TimedOut(operation=facts.operation, request_id=desk.request_id, sent=False)
    try:
        answer = send(desk.gateway)
    except GatewayError as error:
        if not error.uncertain:
            _settle(desk, entry, REJECTED, answer=REFUSED if error.sent else "", error=type(error).__name__)
            raise
        return _lost(desk, entry, error, look(desk.gateway, entry, asked=asked, before=before))
    made_id = made(answer) if made else None
    if made_id is not None:
        reading = look_at_new(desk.gateway, made_id)
    elif facts.operation in WORD_IS_ENOUGH:
        reading = Reading(Now.UNREAD)
    else:
        reading = look(desk.gateway, entry, asked=asked, before=before)
    return Done(entry, _accepted(desk, entry, reading, made_id), reading, answer)


def sent_before(
    desk: Desk, facts: Facts, *, form_id: str, asked: str | None = None, contents: object = None
) -> Done[Any] | None:
    """What became of this very sending, if there was one: to be asked before anything else is looked at, since what
    the first one changed would look like somebody else's change. Arguments as for `carry_out`; of `facts` only the
    operation, the device, the target and `after` count.
    """
    filled = [facts.after if asked is None else asked, contents]
    entry = audit_log.find(desk.access, facts, form_id=form_id, asked=filled) if form_id else None
    return None if entry is None else _again(desk, entry)


def _again(desk: Desk, entry: AuditEntry) -> Done[Any]:
    """The outcome of the first sending, once it has one; where that is open, as it looks now."""
    state = audit_log.wait_for(entry, wait=min(audit_log.WAIT, TO_WAIT * desk.gateway.left()))
    if not state.started or state.final:
        return Done(entry, state, Reading(Now.UNREAD), again=True)
    return look_again(desk, entry)._replace(again=True)


def _accepted(desk: Desk, entry: AuditEntry, reading: Reading, made_id: int | None) -> State:
    """The platform said yes. It is confirmed if it reads back so, or if there is nothing to read back."""
    if reading.now in (Now.ASKED, Now.GONE, Now.SILENT) or entry.operation in WORD_IS_ENOUGH:
        proof = READ if reading.now is Now.ASKED else ANSWER
        told: dict[str, Any] = {"proof": proof, "found": reading.found, "made_id": made_id}
        return _not_against(_settle(desk, entry, CONFIRMED, answer=ACCEPTED, **told))
    told = {"proof": _read(reading), "found": reading.found, "made_id": made_id}
    return _not_against(_settle(desk, entry, UNKNOWN, final=False, answer=ACCEPTED, **told))


def _not_against(state: State) -> State:
    """What the platform accepted is never told as not made, even where a look that came too early has settled it so."""
    return state._replace(outcome=UNKNOWN) if state.outcome == REJECTED else state


def _lost(desk: Desk, entry: AuditEntry, error: GatewayError, reading: Reading) -> Done[T]:
    """No answer came, or a fault. A connection that broke has ended the platform's work; a time-out may not have."""
    told: dict[str, Any] = {"answer": LOST, "error": type(error).__name__}
    told |= {"found": reading.found, "made_id": reading.made_id}
    if reading.now is Now.ASKED:
        state = _settle(desk, entry, CONFIRMED, proof=READ, **told)
    elif reading.now is Now.BEFORE and not _still_at_it(error):
        state = _settle(desk, entry, REJECTED, proof=READ, **told)
    else:
        state = _settle(desk, entry, UNKNOWN, final=False, proof=_read(reading), **told)
    return Done(entry, state, reading, error=error)


def _still_at_it(error: GatewayError) -> bool:
    """Whether the platform may carry it out after all: here nobody waited for it any longer, or a gateway before it."""
    return isinstance(error, TimedOut) or error.api_status in GATEWAY_GAVE_UP


def _read(reading: Reading) -> str:
    return READ if reading.now in READS_OTHERWISE else ""


def _settle(desk: Desk, entry: AuditEntry, outcome: str, *, final: bool = True, **told: Any) -> State:
    return audit_log.settle(entry, outcome, access=desk.access, request_id=desk.request_id, final=final, **told)
