"""How the portal asks the Platform API: never for too long, too often, or while asking is of no use."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Literal, NamedTuple

from devices.gateway.deadline import Deadline
from devices.gateway.reply import Reply
from devices.gateway.transport import Query, Transport

Kind = Literal["token", "read", "write"]


class Asker(enum.Enum):
    """Whom a call is for: what is scarce goes to people first."""

    PERSON = "person"
    POLL = "poll"
    JOB = "job"


class Condition(NamedTuple):
    """How the platform stands, as far as this process knows. Seconds; 0 where there is nothing to wait for."""

    cool_down: float = 0.0
    """Until the organization may ask again, after a 429."""
    reads_rest: float = 0.0
    """Until one reading is tried again, after too many have failed."""
    writes_rest: float = 0.0
    tokens_rest: float = 0.0


class Policy:
    """Sends through a transport. One a process, shared by its threads."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def send(
        self,
        method: str,
        path: str,
        *,
        kind: Kind,
        asker: Asker = Asker.PERSON,
        query: Query | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        bearer: str = "",
        basic: tuple[str, str] | None = None,
        request_id: str = "",
        deadline: Deadline | None = None,
        operation: str = "",
    ) -> Reply:
        """As Transport.send."""
        return self.transport.send(
            method,
            path,
            query=query,
            json=json,
            form=form,
            bearer=bearer,
            basic=basic,
            request_id=request_id,
            deadline=deadline,
            operation=operation,
        )

    def condition(self) -> Condition:
        return Condition()

    def close(self) -> None:
        self.transport.close()
