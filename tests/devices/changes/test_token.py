"""The device's token: masked everywhere, shown by POST only, for a moment, kept by nobody, and written down."""

from __future__ import annotations

import pytest

from tests.devices import fleet
from tests.devices.changes.forms import held, lines
from tests.devices.conftest import Person, SignIn, soup, words
from tests.devices.device_page import tabs
from tests.servers import SandboxServer

REVEAL = f"/devices/{fleet.RICH}/reveal-token/"


@pytest.fixture
def token(platform: SandboxServer) -> str:
    return str(held(platform)["token"])


def test_on_a_page_without_script_it_is_shown_and_the_page_goes_back(viewer: Person, token: str) -> None:
    masked = viewer.get(REVEAL)
    assert token not in masked.content.decode()
    assert "••••" in words(masked)
    shown = viewer.post(REVEAL, {"reason": "HC-3"})
    assert shown.status_code == 200
    assert soup(shown).select_one("#token code").get_text() == token  # type: ignore[union-attr]
    assert "no-store" in shown["Cache-Control"]
    assert shown["Refresh"] == f"30; url={REVEAL}"
    assert "Refresh" not in masked


def test_by_htmx_it_appears_in_place_and_hides_itself(viewer: Person, token: str) -> None:
    shown = viewer.htmx(REVEAL, {})
    assert b"<html" not in shown.content
    element = soup(shown).select_one("#token [data-hide-after='30']")
    assert element is not None
    assert element["data-hidden"] == "Hidden again"
    assert token in element.get_text()
    assert "no-store" in shown["Cache-Control"]
    assert "Refresh" not in shown


def test_a_refusal_by_htmx_says_why_where_the_token_would_be(viewer: Person, token: str) -> None:
    answer = viewer.htmx(REVEAL, {"reason": "x" * 201})
    assert answer.status_code == 422
    place = soup(answer).select_one("#token")
    assert place is not None
    assert "Shorten this to 200 characters. It has 201." in place.get_text()
    assert token not in answer.content.decode()


def test_that_it_was_shown_is_written_down_and_the_token_is_not(
    viewer: Person, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    answer = viewer.post(REVEAL, {"reason": "HC-3"})
    (line,) = lines(caplog)
    for part in ("reveal_token", "device=1", "user=3", "viewer@example.com", 'reason="HC-3"', 'outcome="confirmed"'):
        assert part in line
    assert answer["X-Request-ID"] in line
    assert token not in caplog.text


@pytest.mark.parametrize("tab", [*tabs.CALLS, "online/", "rename/"])
def test_no_other_page_has_it(admin: Person, token: str, tab: str) -> None:
    url = f"/devices/{fleet.RICH}/{tab}"
    assert token not in admin.get(url).content.decode()
    assert token not in admin.htmx(url).content.decode()


def test_the_overview_offers_it_masked(viewer: Person) -> None:
    page = viewer.get(f"/devices/{fleet.RICH}/")
    form = soup(page).select_one(f"#actions form[action='{REVEAL}'][method=post]")
    assert form is not None
    assert form["hx-target"] == "#token"
    assert form.select_one("input[name=csrfmiddlewaretoken]")
    assert "••••" in soup(page).select_one("#token").get_text()  # type: ignore[union-attr]


def test_somebody_elses_device_keeps_its_token(owner: Person, token: str) -> None:
    answer = owner.post(REVEAL)
    assert answer.status_code == 403
    assert token not in answer.content.decode()
    assert "You are not this device's owner" in words(answer)


def test_ones_own_device_shows_it(sign_in: SignIn, platform: SandboxServer) -> None:
    answer = sign_in("owner").post(f"/devices/{fleet.MINE}/reveal-token/")
    assert str(held(platform, fleet.MINE)["token"]) in answer.content.decode()
