"""The person and the request that change something, and the outcome of the change."""

from __future__ import annotations

from typing import Any, NamedTuple

from devices.audit import log as audit_log
from devices.audit.log import CONFIRMED, READ_BACK, REJECTED, UNKNOWN, EntryState
from devices.audit.models import AuditEntry
from devices.changes.verification import CONTRADICTS, Observation
from devices.core.permissions import Access
from devices.core.requests import DeviceRequest
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError


class ChangeResult(NamedTuple):
    """A change and its outcome.

    `error`: why the platform's reply was lost, if it was. `replayed`: this form was submitted before, so nothing was
    sent now, and this is the outcome of the first submission.
    """

    entry: AuditEntry
    state: EntryState
    observation: Observation
    error: GatewayError | None = None
    replayed: bool = False

    @property
    def confirmed(self) -> bool:
        return self.state.outcome == CONFIRMED

    @property
    def rejected(self) -> bool:
        """Certainly not made."""
        return self.state.outcome == REJECTED

    @property
    def unknown(self) -> bool:
        return self.state.outcome == UNKNOWN

    @property
    def status(self) -> int:
        """Of the response that shows the form again."""
        return self.error.status if self.error else 409


class ChangeContext(NamedTuple):
    """`gateway` reads past the response cache: what precedes a change, and what proves it, comes from the platform."""

    gateway: Gateway
    access: Access
    request_id: str

    def record(self, entry: AuditEntry, outcome: str, *, final: bool = True, **more: Any) -> EntryState:
        """Add an outcome to the entry (`audit.log.record_outcome`)."""
        return audit_log.record_outcome(
            entry, outcome, access=self.access, request_id=self.request_id, final=final, **more
        )


def change_context(request: DeviceRequest) -> ChangeContext:
    """Of the person who asks."""
    return ChangeContext(request.gateway.fresh(), request.access, request.request_id)


def evidence_of(observation: Observation) -> str:
    """What an outcome that is not confirmed rests on."""
    return READ_BACK if observation.state in CONTRADICTS else ""
