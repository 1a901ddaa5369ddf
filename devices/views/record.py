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
    request: DeviceRequest, operation: str, device_id: int | None, *, reason: str = "", **facts: str | int
) -> Iterator[dict[str, str | int | None]]:
    """Around the one call that changes something. `facts`: what it was told, such as the new owner's id.

    Gives what will be written, to add to: a new device has its id only afterwards. Text that people typed is quoted as
    JSON, so that it cannot pass for the rest of the line.
    """
    told: dict[str, str | int | None] = {"device": device_id, **facts}
    outcome = "broken off"
    try:
        yield told
        outcome = "done"
    except GatewayError as error:
        outcome = _outcome(error)
        raise
    finally:
        told |= {"reason": reason, "user": request.access.user_id, "email": request.access.email}
        told |= {"outcome": outcome, "request": request.request_id}
        words = [
            f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in told.items() if value not in ("", None)
        ]
        log.info("%s %s", operation, " ".join(words))


def _outcome(error: GatewayError) -> str:
    for kind, words in OUTCOMES:
        if isinstance(error, kind):
            return words
    return "not known" if error.sent else "not sent"
