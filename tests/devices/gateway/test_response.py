"""Error bodies of any shape, and Retry-After."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devices.gateway.response import Problem, Reply, printable, read_problem, read_retry_after


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"message": "Flat."}, Problem("Flat.")),
        ({"error": {"message": "Nested."}}, Problem("Nested.")),
        (
            {"error": "invalid_grant", "error_description": "Wrong password."},
            Problem("Wrong password.", "invalid_grant"),
        ),
        ({"error": "invalid_client"}, Problem("invalid_client", "invalid_client")),
        ({"error": "invalid_client", "error_description": 7}, Problem("invalid_client", "invalid_client")),
        ({"message": "First.", "error": {"message": "Second."}}, Problem("First.")),
        ({"message": None, "error": {"message": "Nested."}}, Problem("Nested.")),
        ({"message": {"text": "x"}, "error": "code"}, Problem("code", "code")),
        ({"error": {"message": ["x"]}}, Problem()),
        ({"error": {}}, Problem()),
        ({"error": None}, Problem()),
        ({"error": 4}, Problem()),
        ({"detail": "other"}, Problem()),
        ([], Problem()),
        ([{"message": "x"}], Problem()),
        ("message", Problem()),
        (None, Problem()),
    ],
)
def test_an_error_body_of_any_shape_is_read(body: Any, problem: Problem) -> None:
    assert read_problem(json.dumps(body).encode()) == problem


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"message":"cut',
        b'{"message":"\xff"}',
        b"[" * 50_000,
        b'{"error":' * 7_000,
        b'{"message":"' + b"x" * 70_000 + b'"}',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_an_unreadable_body_is_an_empty_problem(body: bytes) -> None:
    assert read_problem(body) == Problem()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Line one\r\nline two\tand a tab", "Line one line two and a tab"),
        ("nul\x00 escape\x1b[31m delete\x7f c1\x9b", "nul  escape [31m delete  c1"),
        ("right\u202eto left\u2066 mark\u200f line\u2028", "right to left  mark  line"),
        ("Kjølerom æøå 漢字 🌡 <b>", "Kjølerom æøå 漢字 🌡 <b>"),
        ("x" * 500, "x" * 500),
        ("x" * 501, "x" * 499 + "…"),
        ("x" * 100_000, "x" * 499 + "…"),
        ("\x00" * 600 + "x", "x"),
    ],
)
def test_a_message_is_one_printable_line_of_bounded_length(text: str, shown: str) -> None:
    assert printable(text) == shown


NOON = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("17", 17.0),
        (" 17 ", 17.0),
        ("86401", 86_400.0),
        ("9" * 5_000, 86_400.0),
        ("-1", None),
        ("1.5", None),
        ("1e9", None),
        ("inf", None),
        ("nan", None),
        ("", None),
        ("٣", None),
        ("soon", None),
        ("17 seconds", None),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 09:00:30 +0100", 30.0),
        ("Friday, 15-Jan-27 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 07:59:00 GMT", 0.0),
        ("Fri, 15 Jan 2999 08:00:00 GMT", 86_400.0),
        ("Fri, 99 Jan 2027 08:00:00 GMT", None),
        ("Fri, 15 Jan 99999999 08:00:00 GMT", None),
        ("Fri, 15 Jan 2027 08:00:00 +99999999999999999999", None),
        ("Fri, 15 Foo 2027", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_up_to_a_day(header: str | None, seconds: float | None) -> None:
    assert read_retry_after(header, now=NOON) == seconds


def test_a_date_is_measured_against_the_clock() -> None:
    assert read_retry_after("Thu, 01 Jan 1970 00:00:00 GMT") == 0.0
    assert read_retry_after("Fri, 15 Jan 2999 08:00:00 GMT") == 86_400.0


def test_a_reply_does_not_show_its_body() -> None:
    assert "secret" not in repr(Reply(200, b"secret"))
