"""Sessions end by inactivity and by age; a page's polls are no activity."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session

from devices.core.responses import poll_url
from portal.auth import grants
from portal.auth.crypto import Secret, Tokens
from portal.auth.models import ApiGrant, SsoLogin
from tests.portal.auth.sso.idp import Person
from tests.portal.auth.token_endpoint import PERSON
from tests.portal.conftest import HTMX, Browser, one, words
from tests.servers import SandboxServer

SignedIn = Callable[..., Browser]
MINUTE = 60
HOUR = 60 * MINUTE
IDLE_WORDS = "Your session has ended after 30 minutes without activity."
POLL = "/devices/recent/?seen=1&poll=on"
PAGE = "/devices/?q=pump"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until it is moved."""
    with time_machine.travel(time.time(), tick=False) as traveller:
        yield traveller


def wait(clock: time_machine.Traveller, seconds: float) -> None:
    clock.shift(seconds)


# --- without activity -------------------------------------------------------------------------------------------------


def test_after_thirty_minutes_without_activity_a_page_leads_to_sign_in_says_so_and_comes_back(
    clock: time_machine.Traveller, signed_in: SignedIn
) -> None:
    browser = signed_in()
    wait(clock, 30 * MINUTE - 1)
    assert browser.get("/sign-in/").status_code == 303, "not yet"
    wait(clock, 1)
    response = browser.get(PAGE)
    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=%2Fdevices%2F%3Fq%3Dpump")
    content = words(browser.get(response["Location"]))
    assert f"{IDLE_WORDS} Sign in to continue where you left off." in content
    assert browser.sign_in(next=PAGE)["Location"] == PAGE
    assert browser.get(PAGE).status_code == 200


def test_a_press_of_a_button_after_the_idle_time_changes_nothing_and_gets_the_banner_with_the_reason(
    clock: time_machine.Traveller, signed_in: SignedIn, platform: SandboxServer
) -> None:
    browser = signed_in()
    wait(clock, 31 * MINUTE)
    response = browser.post("/devices/1/rename/", {"name": "x"}, headers=HTMX)
    assert (response.status_code, response["HX-Retarget"]) == (401, "#session-banner")
    assert IDLE_WORDS in words(response)
    assert platform.requests() == []


def test_activity_keeps_the_session(clock: time_machine.Traveller, signed_in: SignedIn) -> None:
    browser = signed_in()
    for _ in range(8):
        wait(clock, 28 * MINUTE)
        assert browser.get("/nowhere/").status_code == 404


def test_every_tab_shows_the_reason(clock: time_machine.Traveller, signed_in: SignedIn) -> None:
    browser = signed_in()
    wait(clock, 45 * MINUTE)
    for _ in range(2):
        assert IDLE_WORDS in words(browser.get(POLL, headers=HTMX))


def test_the_words_follow_the_setting(clock: time_machine.Traveller, signed_in: SignedIn, settings: Any) -> None:
    settings.SESSION_IDLE = 60
    browser = signed_in()
    wait(clock, 30)
    assert browser.get("/nowhere/").status_code == 404
    wait(clock, 55)
    assert browser.get("/nowhere/").status_code == 404, "activity is noted often enough for a short limit"
    wait(clock, 60)
    assert "after 1 minute without activity" in words(browser.get("/nowhere/", follow=True))


def test_the_tokens_of_an_idle_session_are_forgotten(
    clock: time_machine.Traveller, signed_in: SignedIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "portal")
    browser = signed_in()
    handle = ApiGrant.objects.get().handle
    wait(clock, 30 * MINUTE)
    browser.get(PAGE)
    assert (ApiGrant.objects.get().blob, ApiGrant.objects.get().revoked) == ("", True)
    assert "ended 1 sessions after 1800 seconds without activity" in caplog.text
    caplog.clear()
    browser.get(PAGE)
    assert "sessions ended" not in caplog.text, "it ends once"
    wait(clock, -30 * MINUTE)
    assert grants.read(handle) is None, "what has ended does not come back with the clock"


def test_the_next_sign_in_of_anybody_forgets_the_tokens_of_those_who_just_left(
    clock: time_machine.Traveller, signed_in: SignedIn
) -> None:
    signed_in("viewer")
    wait(clock, 31 * MINUTE)
    signed_in("admin")
    assert sorted(ApiGrant.objects.values_list("revoked", flat=True)) == [False, True]
    assert ApiGrant.objects.get(revoked=True).blob == ""


def test_a_refresh_that_ends_after_the_session_did_brings_no_tokens_back(
    clock: time_machine.Traveller, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = grants.open_grant(Tokens(Secret("old"), Secret("r"), 60.0), PERSON)
    wait(clock, 29 * MINUTE)

    def slow_refresh(token: Secret, seconds: float) -> Tokens:
        wait(clock, 2 * MINUTE)
        assert grants.timed_out(handle)
        return Tokens(Secret("new"), Secret("r2"), 60.0)

    monkeypatch.setattr(grants.oauth, "refresh", slow_refresh)
    with pytest.raises(grants.Unauthorized):
        grants.token_for(handle)
    assert (ApiGrant.objects.get().blob, ApiGrant.objects.get().revoked) == ("", True)


def test_with_a_company_sign_on_an_idle_session_ends_the_sign_on_too(
    clock: time_machine.Traveller, person: Person
) -> None:
    """Otherwise the next request would continue without a new sign-on."""
    person.connect()
    wait(clock, 30 * MINUTE)
    page = person.get("/sign-in/")
    assert "You sign in at your company's sign-on" in words(page)
    assert not SsoLogin.objects.exists()
    assert person.sign_in("viewer").status_code != 303


# --- what a page does by itself ---------------------------------------------------------------------------------------


def test_a_page_that_asks_again_by_itself_does_not_keep_its_session_alive_and_gets_the_banner(
    clock: time_machine.Traveller, signed_in: SignedIn
) -> None:
    browser = signed_in()
    answer: Any = browser.get("/devices/recent/")
    for _ in range(6):
        wait(clock, 299)
        assert answer.status_code == 200
        answer = browser.get(str(one(answer, "#results")["hx-get"]), headers=HTMX)
    wait(clock, 6)
    ended = browser.get(str(one(answer, "#results")["hx-get"]), headers=HTMX)
    assert (ended.status_code, ended["HX-Retarget"]) == (401, "#session-banner")
    assert IDLE_WORDS in words(ended)


def test_reading_again_by_hand_is_activity(clock: time_machine.Traveller, signed_in: SignedIn) -> None:
    browser = signed_in()
    button = one(browser.get("/devices/recent/"), "#read-again")
    before = ApiGrant.objects.get().last_seen
    wait(clock, 20 * MINUTE)
    browser.get(str(button["hx-get"]), headers=HTMX)
    assert ApiGrant.objects.get().last_seen == before + 20 * MINUTE


@pytest.mark.parametrize("path", [POLL, "/nowhere/?poll=on", "/devices/?poll=on&poll=on"])
def test_the_mark_of_a_poll_can_only_shorten_a_session(
    clock: time_machine.Traveller, signed_in: SignedIn, path: str
) -> None:
    browser = signed_in()
    before = ApiGrant.objects.get().last_seen
    wait(clock, 20 * MINUTE)
    browser.get(path)
    browser.get(path, headers=HTMX)
    assert ApiGrant.objects.get().last_seen == before


def test_every_region_that_asks_by_itself_bears_the_mark() -> None:
    """Every poll's URL is made by devices.core.responses.poll_url() and named poll_url.

    The steps of a check are what somebody has just pressed a button for, and at most 13 of them follow: no poll.
    """
    templates = Path(__file__).resolve().parents[3] / "templates"
    asking = {
        str(path.relative_to(templates)): line
        for path in templates.rglob("*.html")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"hx-trigger.*\b(every |load delay)", line)
    }
    assert "lists/_recent.html" in asking
    del asking["lists/_check_step.html"]
    assert [name for name, line in asking.items() if 'hx-get="{{ poll_url }}"' not in line] == []
    assert (poll_url("/a/"), poll_url("/a/?b=1")) == ("/a/?poll=on", "/a/?b=1&poll=on")


# --- what it costs ----------------------------------------------------------------------------------------------------


def test_activity_is_written_once_a_minute_at_most(
    clock: time_machine.Traveller, signed_in: SignedIn, django_assert_num_queries: Any
) -> None:
    browser = signed_in()
    for seconds, queries in ((59, 2), (1, 3), (0, 2), (59, 2), (1, 3)):
        wait(clock, seconds)
        with django_assert_num_queries(queries):
            browser.get("/nowhere/")


def test_of_requests_at_once_one_notes_the_activity(clock: time_machine.Traveller, signed_in: SignedIn) -> None:
    signed_in()
    row = grants.read(ApiGrant.objects.get().handle)
    assert row
    wait(clock, 5 * MINUTE)
    grants.record_activity(row)
    noted = ApiGrant.objects.get().last_seen
    ApiGrant.objects.update(last_seen=noted + 30)  # another process, a little later
    grants.record_activity(row)
    assert ApiGrant.objects.get().last_seen == noted + 30, "never set back"


# --- at all -----------------------------------------------------------------------------------------------------------


def test_after_ten_hours_a_session_ends_however_busy_it_was(clock: time_machine.Traveller, signed_in: SignedIn) -> None:
    browser = signed_in()
    for _ in range(23):
        wait(clock, 25 * MINUTE)
        assert browser.get("/nowhere/").status_code == 404
    wait(clock, 25 * MINUTE)
    assert browser.get("/nowhere/").status_code == 302


def test_a_session_that_is_written_again_lasts_no_longer(clock: time_machine.Traveller, signed_in: SignedIn) -> None:
    browser = signed_in()
    Session.objects.update(expire_date=Session.objects.get().expire_date.replace(year=2100))
    for _ in range(23):
        wait(clock, 25 * MINUTE)
        browser.get("/nowhere/")
    wait(clock, 25 * MINUTE)
    assert browser.get("/nowhere/").status_code == 302
