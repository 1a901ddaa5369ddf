"""How the storm and the outage count. `make load-short` runs them."""

from __future__ import annotations

from typing import Any

from bench.outage import Visit
from bench.storm import most_in_a_minute, too_early
from bench.visitor import Response


def call(started: float, status: int = 200, request_id: str = "person") -> dict[str, Any]:
    return {"started": started * 1000, "ms": 0, "status": status, "request_id": request_id}


def test_a_minute_may_begin_at_any_call() -> None:
    assert most_in_a_minute([]) == 0
    assert most_in_a_minute([call(second) for second in range(0, 120, 2)]) == 30
    assert most_in_a_minute([call(0)] * 3 + [call(59)] * 4 + [call(61)] * 5) == 9


def test_a_call_before_retry_after_is_too_early() -> None:
    refused = call(100, 429)
    assert too_early([call(99), refused, call(100.5), call(110.1)], set()) == (1, 0, 0)
    assert too_early([refused, call(102, request_id="poll"), call(109)], {"poll"}) == (1, 1, 2)


def test_a_visit_is_good_only_without_an_error() -> None:
    def visit(status: int, words: str) -> Visit:
        return Visit(0.0, "/", Response(status, 0.1, body=words))

    assert visit(200, "<h1>Cold room</h1>").good
    assert not visit(503, "<h1>Cold room</h1>").good
    assert not visit(200, "<p>As of 12:00 – the platform cannot be reached.</p>").good
    assert not visit(200, "<p>The platform’s answer could not be read.</p>").good
    assert visit(200, "<p>The platform is not answering.</p>").open
