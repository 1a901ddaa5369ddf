"""What the fault matrix checks, and that it covers every operation. `make load-short` runs it."""

from __future__ import annotations

import pytest

from bench.faults.judge import complaints
from bench.faults.kinds import CANARY, KINDS
from bench.faults.rows import READS, missing_rows
from bench.visitor import Response

TAGS = next(row for row in READS if row.operation == "list_tags")
GOOD = Response(502, 0.1, body="<h1>The platform’s answer could not be read.</h1>")


def wrong(kind: str = "HTML, 200", calls: int = 0, **changes: object) -> list[str]:
    response = Response(**{"status": GOOD.status, "seconds": GOOD.seconds, "body": GOOD.body} | changes)  # type: ignore[arg-type]
    return [*complaints(TAGS, KINDS[kind], response, [{"method": "POST", "path": "/x"}] * calls, 2)]


def test_every_operation_has_a_row() -> None:
    assert missing_rows() == set()
    assert len(KINDS) >= 14


def test_an_explained_error_with_the_right_status_is_fine() -> None:
    assert wrong() == []
    assert wrong(status=200) == []
    assert wrong("every item twice", status=200, body="<h1>Tags</h1>") == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": 500}, "not one of"),
        ({"status": 500, "body": "The portal has made a mistake."}, "the portal crashed"),
        ({"status": 404}, "not one of"),
        ({"status": 504}, "not one of"),
        ({"status": 0, "body": ""}, "not one of"),
        ({"body": "<h1>Oh no</h1>"}, "without a known sentence"),
        ({"status": 200, "body": "<h1>Tags</h1>"}, "not mentioned"),
        ({"body": f"{GOOD.body} {CANARY}"}, "the platform's body"),
        ({"seconds": 30.0}, "responded after"),
        ({"calls": 2}, "sent twice"),
    ],
)
def test_anything_else_is_not(changes: dict[str, object], words: str) -> None:
    assert any(words in each for each in wrong(**changes))  # type: ignore[arg-type]
