"""The page of recent activations polls, and stops when it should."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.waits import PausedClock, arrived, replaced
from tests.servers import SandboxServer

PATH = "/devices/recent/?minutes=15"
DEVICE = "tbody th a[href='/devices/12/']"
LIST = "/api/v1/organization/device/last-activated"


def polls(page: Page) -> list[str]:
    """URLs that the page requests from now on."""
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url) if "/recent/" in request.url else None)
    return requested


def opened(open_page: Open, fresh_sandbox: SandboxServer) -> tuple[Page, PausedClock]:
    fresh_sandbox.reset()
    page = open_page("support", expected={401})
    clock = PausedClock(page)
    page.goto(PATH)
    expect(page.locator(DEVICE)).to_be_visible()
    return page, clock


def test_polls_every_thirty_seconds_and_disturbs_nobody(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    page, clock = opened(open_page, fresh_sandbox)
    requested = polls(page)
    page.locator("#id_minutes").fill("33")
    more = page.locator("a.more[href='/devices/20/']")
    for held in (page.locator(DEVICE), more):
        held.focus()
        clock.run(29.9)
        already = len(requested)
        with replaced(page.locator("#results")):
            clock.run(0.1)
        expect(held).to_be_focused()
        assert len(requested) == already + 1
    assert len(requested) == 2
    expect(page.locator("#id_minutes")).to_have_value("33")
    page.keyboard.press("Enter")
    clock.run(90)
    expect(page.locator("#row-menu")).to_be_visible()
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    page.locator("#columns").click()
    page.locator("#columns-form input[value=owner]").uncheck()
    clock.run(60)
    assert len(requested) == 2, "it rests while a menu stands open"
    clock.resume()
    page.locator("#columns-form").get_by_role("button", name="Apply").click()
    expect(page.locator("th.col-owner")).to_have_count(0)
    expect(page.locator("#columns")).to_be_focused()
    expect(page.locator("th.col-activated")).to_be_visible()
    page.locator("#columns").click()
    page.locator("#columns-form").get_by_role("button", name="Reset").click()
    expect(page.locator("th.col-owner")).to_be_visible()
    with replaced(page.locator("#results")):
        clock.run(30)
    expect(page.locator(DEVICE)).to_be_visible()


def test_pause_stops_polling(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    page, clock = opened(open_page, fresh_sandbox)
    page.get_by_role("link", name="Pause").click()
    arrived(page, "/devices/recent/.*paused=on.*")
    requested = polls(page)
    clock.run(120)
    assert requested == []
    page.get_by_role("link", name="Resume").click()
    expect(page.locator("#results")).to_have_attribute("hx-trigger", "every 30s")
    page.wait_for_load_state()
    with replaced(page.locator("#results")):
        clock.run(30)
    assert "poll=on" in requested[-1]


def test_failure_keeps_rows_and_polling(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    page, clock = opened(open_page, fresh_sandbox)
    fresh_sandbox.fault(LIST, "status", status=500, times=1)
    clock.run(30)
    expect(page.locator("#results .notice")).to_contain_text("This is the last answer")
    expect(page.locator(DEVICE)).to_be_visible()
    clock.run(30)
    expect(page.locator("#results .notice")).to_have_count(0)


def test_end_of_session_shows_one_banner_and_stops_polling(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    page, clock = opened(open_page, fresh_sandbox)
    fresh_sandbox.expire_tokens(refresh=True)
    requested = polls(page)
    clock.run(30)
    expect(page.locator("#session-banner")).to_contain_text("Your session has ended")
    expect(page.locator(DEVICE)).to_be_visible()
    clock.run(120)
    assert len(requested) == 1
    expect(page.locator("#session-banner")).to_contain_text("Your session has ended")


def test_recent_without_script_is_a_page_to_reload(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.reset()
    page = open_page("support", java_script_enabled=False)
    page.goto(PATH)
    expect(page.get_by_role("link", name="Pause")).to_be_hidden()
    with replaced(page.locator("#results")):
        page.get_by_role("link", name="Read again").click()
    expect(page.locator(DEVICE)).to_be_visible()
