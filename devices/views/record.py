"""Who changed what: one line a change in the portal's log, whatever became of it. Never a credential."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from devices.gateway.errors import Forbidden, GatewayError, NotFound, RateLimited, Rejected, Unauthorized
from devices.http import DeviceRequest

log = logging.getLogger("devices.changes")

OUTCOMES: tuple[tuple[type[GatewayError], str], ...] = (
    (NotFound, "not found"),
    (Rejected, "refused"),
    (Forbidden, "forbidden"),
    (Unauthorized, "signed out"),
    (RateLimited, "too many requests"),
)


@contextmanager
def recorded(
    request: DeviceRequest, operation: str, device_id: int, *, reason: str = "", **facts: str | int
) -> Iterator[None]:
    """Around the one call that changes something. `facts`: what it was told, such as the new owner's id.

    Text that people typed is quoted as JSON, so that it cannot pass for the rest of the line.
    """
    outcome = "broken off"
    try:
        yield
        outcome = "done"
    except GatewayError as error:
        outcome = _outcome(error)
        raise
    finally:
        told = {"device": device_id, **facts, "reason": reason, "user": request.access.user_id}
        told |= {"email": request.access.email, "outcome": outcome, "request": request.request_id}
        log.info(
            "%s %s", operation, " ".join(f"{name}={_quoted(value)}" for name, value in told.items() if value != "")
        )


def _outcome(error: GatewayError) -> str:
    for kind, words in OUTCOMES:
        if isinstance(error, kind):
            return words
    return "not known" if error.sent else "not sent"


def _quoted(value: str | int) -> str:
    return json.dumps(value, ensure_ascii=False)
