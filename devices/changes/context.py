"""Who changes something for which request, and what became of the change."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

from devices.audit import log as audit_log
from devices.audit.log import CONFIRMED, READ_BACK, REJECTED, UNKNOWN, EntryState
from devices.audit.models import AuditEntry
from devices.changes.verification import Observation, ObservedState
from devices.core.permissions import Access
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError

T = TypeVar("T")


class ChangeResult(NamedTuple, Generic[T]):
    """A change and what became of it.

    `answer`: what the gateway returned, None where that was lost. `error`: why it was lost. `again`: the same form was
    sent before, so nothing was sent now and this is the outcome of that.
    """

    entry: AuditEntry
    state: EntryState
    observation: Observation
    answer: T | None = None
    error: GatewayError | None = None
    replayed: bool = False

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


class ChangeContext(NamedTuple):
    """Who changes something, and for which request."""

    gateway: Gateway
    access: Access
    request_id: str


def evidence_of(observation: Observation) -> str:
    return READ_BACK if observation.now in READS_OTHERWISE else ""


def record(desk: ChangeContext, entry: AuditEntry, outcome: str, *, final: bool = True, **told: Any) -> EntryState:
    return audit_log.record_outcome(entry, outcome, access=desk.access, request_id=desk.request_id, final=final, **told)


READS_OTHERWISE = (ObservedState.BEFORE, ObservedState.OTHER)
