"""A log line is one line without credentials."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.utils.encoding import iri_to_uri
from hypothesis import HealthCheck, example, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from devices.gateway.errors import ServerFault, Unreachable
from portal.logs import UNSAFE_IN_LOGS, LineFormatter
from tests.portal.conftest import Browser

FORMATTER = LineFormatter()


def line(message: str, *args: object, exc_info: Any = None) -> str:
    return FORMATTER.format(logging.LogRecord("portal.x", logging.INFO, "x.py", 1, message, args, exc_info))


@pytest.mark.parametrize(
    "content",
    [
        "Authorization: Bearer canary-123._~+/=",
        "{'authorization': 'Basic canarycanary=='}",
        "POST /oauth2/token?grant_type=refresh_token&refresh_token=canary&x=1",
        "username=a&password=canary",
        '{"access_token":"canary","token_type":"Bearer"}',
        "client_secret: canary",
        "TOKEN_KEYS='canary'",
        "https://user:canary@host/path",
        "postgres://portal:canary@db/portal",
    ],
)
def test_credentials_are_masked(content: str) -> None:
    assert "canary" not in line("%s", content)
    assert "***" in line(content.replace("%", "%%"))


def test_what_is_no_credential_is_left_alone() -> None:
    content = "Not Found: /devices/42/metafields/?page=2 token endpoint refused, secretary of the basic plan"
    assert content in line(content)


def test_what_an_error_says_of_a_call_about_tokens_is_left_alone() -> None:
    for error in (ServerFault(operation="refresh_token", api_status=500), Unreachable(operation="reveal_token")):
        assert str(error) in line("%s", error)
    for content in ("refresh_token: status-500-canary", "refresh_token: status canary", "token=status 500canary"):
        assert "***" in line("%s", content)


@given(st.text())
def test_one_event_is_one_line(content: str) -> None:
    shown = line("%s", content)
    assert shown.isprintable() or not any(ord(c) < 32 or ord(c) == 127 for c in shown)
    assert len(shown.splitlines()) == 1


def test_a_forged_line_stays_inside_its_own() -> None:
    shown = line("path %s", "/x\r\n2026-11-22T00:00:00Z INFO portal: admin signed in\u202e")
    assert "\r" not in shown
    assert "\n" not in shown
    assert "\u202e" not in shown


def test_a_traceback_is_one_line_and_masked_too() -> None:
    try:
        raise ValueError("password=canary")
    except ValueError:
        shown = line("it failed", exc_info=sys.exc_info())
    assert "canary" not in shown
    assert "Traceback" in shown
    assert len(shown.splitlines()) == 1


def test_a_hostile_path_does_not_hold_the_log_up() -> None:
    begun = time.process_time()
    line("Not Found: %s", "/" + "token" * 20_000)
    line("Not Found: %s", "/" + "a" * 100_000 + "://" + ":" * 50_000)
    assert time.process_time() - begun < 1


def test_the_http_library_is_quiet_and_every_handler_uses_this_format() -> None:
    assert settings.LOGGING["loggers"]["urllib3"]["level"] == "ERROR"
    assert {handler["formatter"] for handler in settings.LOGGING["handlers"].values()} == {"line"}


@pytest.fixture
def person(signed_in: Callable[..., Browser]) -> Browser:
    """Signed in once for all examples."""
    return signed_in()


HOSTILE = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=60)


@settings_of(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HOSTILE)
@example("x\r\n2026-11-22T00:00:00Z INFO portal: admin signed in")
@example("\x1b[2J\x07\u202e\u2028\u2066\x85")
@example("%s %(x)s {0} password=canary")
def test_whatever_stands_in_a_logged_field_one_event_is_one_line(
    person: Browser, caplog: pytest.LogCaptureFixture, hostile: str
) -> None:
    """Through the portal itself: a path that is not there, a refused sign-in, a form without its token, a change with
    its reason, and the headers that come with each."""
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    sent = {"User-Agent": iri_to_uri(hostile), "X-Request-ID": iri_to_uri(hostile), "Referer": iri_to_uri(hostile)}
    person.get(f"/devices/{quote(hostile, safe='')}/", {"q": hostile}, headers=sent)
    person.post("/devices/1/rename/", {"name": "x" * 51, "reason": hostile}, headers=sent)
    person.post("/devices/1/trigger-event/", {"code": hostile, "reason": hostile}, headers=sent)
    Browser(enforce_csrf_checks=True).post("/sign-in/", {"username": hostile}, headers=sent)
    assert caplog.records
    for record in caplog.records:
        shown = FORMATTER.format(record)
        assert len(shown.splitlines()) == 1
        assert not UNSAFE_IN_LOGS.search(shown)
        assert record.levelname in shown
