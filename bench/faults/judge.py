"""What is wrong with one response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.faults.kinds import CANARIES, Kind
from bench.faults.rows import Row
from bench.visitor import Response
from devices.gateway.errors import GatewayError, TimedOut
from portal.auth import oauth  # noqa: F401 - its errors are kinds of GatewayError too

MISTAKE = "The portal has made a mistake"
OUTCOMES = (
    "not known whether",
    "The platform's reply was lost.",
    "did not reach the platform",
    "Could not ask:",
    "Not triggered:",
    "Your session has ended",
    "Sign in",
)
"""Sentences about changes and sessions, besides those of the errors."""
OLD = ("As of ", "The platform is not answering.", "It is tried again at", "The platform asks us to wait")
"""Sentences of the status banner: old responses are shown, or calls are suspended."""
AFTER_A_CHANGE = frozenset({200, 202, 303, 409})
"""Statuses of a change besides those of the fault: confirmed, unknown, or not applied."""
A_CALL = 0.9
"""Seconds below which no call can have timed out."""
SLACK = 6.0
"""Seconds that a busy machine may add to the portal's own timeouts."""


def _sentences(kind: type[GatewayError] = GatewayError) -> set[str]:
    return {kind.sentence}.union(*(_sentences(below) for below in kind.__subclasses__()))


SENTENCES = tuple(sorted(_sentences())) + OUTCOMES


def complaints(row: Row, kind: Kind, response: Response, calls: list[dict[str, Any]], within: float) -> Iterator[str]:
    """Nothing if the response is right. `calls`: what this request sent to the platform."""
    words = response.words
    explained = any(sentence in words for sentence in (*SENTENCES, *OLD))
    fine = {200, 303} if row.sign_in and row.optional else {200}
    allowed = kind.statuses | fine | (AFTER_A_CHANGE if row.change else frozenset())
    allowed |= {303} if row.sign_in and kind.good else frozenset()
    if response.seconds >= A_CALL:
        allowed |= {TimedOut.status}  # a busy machine: the call did time out
    if row.also[1] and row.also[0] == response.status and row.also[1] in words:
        return
    if response.status not in allowed:
        yield f"status {response.status}, not one of {sorted(allowed)}: {words[:300]}"
    if response.status == 500 or MISTAKE in words:
        yield "the portal crashed"
    if response.status >= 400 and not explained:
        yield f"status {response.status} without a known sentence: {words[:300]}"
    if response.status == 200 and not (explained or kind.good or row.optional or row.change):
        yield f"the failure is not mentioned: {words[:300]}"
    if found := [canary for canary in CANARIES if canary in response.body]:
        yield f"the page shows the platform's body: {', '.join(found)}"
    if response.seconds > within + SLACK:
        yield f"responded after {response.seconds:.1f} s"
    writes = [(call["method"], call["path"]) for call in calls if call["method"] != "GET"]
    if not kind.ends and not row.sign_in and len(writes) != len(set(writes)):
        yield f"sent twice: {writes}"
