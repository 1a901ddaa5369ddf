"""A shown token hides itself. (Without script a header reloads its page.)"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.waits import PausedClock, replaced
from tests.servers import SandboxServer


@pytest.fixture
def token(fresh_sandbox: SandboxServer) -> str:
    return str(fresh_sandbox.get("/device/baseInfo", deviceId=1).json()["token"])


def test_token_hides_after_half_a_minute_and_can_be_shown_again(open_page: Open, token: str) -> None:
    page = open_page("viewer")
    clock = PausedClock(page)
    page.goto("/devices/1/")
    for _ in range(2):
        page.get_by_role("button", name="Reveal token").click()
        expect(page.locator("#token")).to_contain_text(token)
        clock.run(29)
        expect(page.locator("#token")).to_contain_text(token)
        clock.run(2)
        expect(page.locator("#token")).to_have_text("Hidden again")
        assert token not in page.content()


def test_token_shown_again_stays_its_full_time(open_page: Open, token: str) -> None:
    page = open_page("viewer")
    clock = PausedClock(page)
    page.goto("/devices/1/")
    page.get_by_role("button", name="Reveal token").click()
    expect(page.locator("#token")).to_contain_text(token)
    clock.run(20)
    with replaced(page.locator("#token")):
        page.get_by_role("button", name="Reveal token").click()
    expect(page.locator("#token")).to_contain_text(token)
    clock.run(15)
    expect(page.locator("#token")).to_contain_text(token)


def test_back_does_not_show_the_token(open_page: Open, token: str) -> None:
    page = open_page("viewer")
    page.goto("/devices/1/")
    page.get_by_role("button", name="Reveal token").click()
    expect(page.locator("#token")).to_contain_text(token)
    page.goto("/devices/")
    page.go_back()
    expect(page.get_by_role("button", name="Reveal token")).to_be_visible()
    assert token not in page.content()
