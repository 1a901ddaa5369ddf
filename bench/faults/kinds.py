"""The faults, and the statuses that a page may have under each of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from devices.gateway.errors import BadReply, RateLimited, ServerFault, TimedOut, Unauthorized, Unreachable

CANARY = "upstream-canary-4711"
"""In every text body that a fault sends; no page and no log may show it."""
CANARIES = (CANARY, "upstream-7", "mail.example.org")
FOREIGN = "https://region-2.example.org/api/v1/organization/devices"
CLOSED = "closed"
"""Not a fault of the sandbox: nothing listens on its port."""


class Kind(NamedTuple):
    """`fault`: what the sandbox does. `statuses`: the right ones for what could not be read or done.

    `good`: the response is odd but readable, so a page without an error is right. `ends`: it ends the session, so each
    request needs its own. `full`: left out of the short run.
    """

    fault: dict[str, Any]
    statuses: frozenset[int]
    good: bool = False
    ends: bool = False
    full: bool = False


def _kind(
    statuses: int | Iterable[int], *, good: bool = False, ends: bool = False, full: bool = False, **fault: Any
) -> Kind:
    return Kind(fault, frozenset([statuses] if isinstance(statuses, int) else statuses), good, ends, full)


GONE, LATE, BAD, FAULTY, MANY = (each.status for each in (Unreachable, TimedOut, BadReply, ServerFault, RateLimited))
ERROR = {"error": {"message": CANARY}}

KINDS: dict[str, Kind] = {
    "connection refused": _kind(GONE, kind=CLOSED),
    "reset before the response": _kind(GONE, kind="reset"),
    "closed before the response": _kind(GONE, kind="drop", full=True),
    "reset after it was applied": _kind(GONE, kind="reset", apply=True),
    "no response in time": _kind(LATE, kind="delay", delay=2.5),
    "applied, no response in time": _kind(LATE, kind="empty", apply=True, linger=2.5, full=True),
    "a head that drips": _kind(LATE, kind="head", delay=3),
    "a body that drips": _kind(LATE, kind="drip", delay=3),
    "a bomb": _kind(BAD, kind="bomb", size=20_000_000),
    "HTML, 502": _kind(FAULTY, kind="html", full=True),
    "HTML, 200": _kind(BAD, kind="html", status=200),
    "empty, 200": _kind(BAD, kind="empty"),
    "cut in the middle": _kind(BAD, kind="cut"),
    "no HTTP": _kind(BAD, kind="noise", full=True),
    "wrong types": _kind(BAD, kind="twist", twist="types"),
    "200 with an error body": _kind(BAD, kind="json", body=ERROR),
    "500": _kind(FAULTY, kind="status", message=CANARY),
    "502": _kind(FAULTY, kind="status", status=502, message=CANARY, full=True),
    "503 with Retry-After": _kind({FAULTY, GONE}, kind="status", status=503, retry_after=1, message=CANARY),
    "504": _kind(FAULTY, kind="status", status=504, message=CANARY, full=True),
    "429 with Retry-After": _kind(MANY, kind="status", status=429, retry_after=2, message=CANARY),
    "429": _kind(MANY, kind="status", status=429, message=CANARY, full=True),
    "429 with a huge Retry-After": _kind(MANY, kind="status", status=429, retry_after=10**9, message=CANARY, full=True),
    "308 to a foreign host": _kind(BAD, kind="redirect", location=FOREIGN),
    "308 to itself": _kind(BAD, kind="redirect", location="/api/v1/organization/devices", full=True),
    "401 always": _kind({Unauthorized.status, 302}, kind="status", status=401, message=CANARY, ends=True),
    "a byte order mark": _kind(BAD, kind="twist", twist="strange", encoding="utf-8-sig", good=True),
    "another charset": _kind(
        BAD,
        kind="twist",
        twist="strange",
        encoding="utf-16",
        headers={"Content-Type": "application/json; charset=klingon"},
    ),
    "invalid gzip": _kind(BAD, kind="json", body=[CANARY], headers={"Content-Encoding": "gzip"}, full=True),
    "every item twice": _kind(BAD, kind="twist", twist="twice", good=True),
    "unknown members and words": _kind(BAD, kind="twist", twist="strange", good=True),
}
