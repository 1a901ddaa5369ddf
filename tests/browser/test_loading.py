"""Long waits: the page names what it waits for, and counts down the wait that the platform asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Open
from tests.devices import fleet
from tests.portal_server import PortalServer
from tests.servers import SandboxServer

DEVICE = f"/devices/{fleet.RICH}/"
SOON = "document.documentElement.dataset.slowAfter = '100'"
"""The notice comes after 0.1 s instead of two seconds. The script reads this when it starts."""
NOTE = """
new MutationObserver(() => {
  sessionStorage.waited = document.querySelector("#loading").dataset.awaiting || sessionStorage.waited;
}).observe(document, {attributes: true, subtree: true})
"""


@pytest.fixture(scope="module")
def portal(sandbox: SandboxServer) -> Iterator[PortalServer]:
    """A separate portal: a wait that the platform asks for applies to all users."""
    server = PortalServer(sandbox)
    yield server
    server.stop()


def test_slow_panel_names_its_wait_and_retry_counts_down(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    plain = open_page("support", expected={429}, java_script_enabled=False)
    page = open_page("support", expected={429, 502})
    page.clock.install()
    page.add_init_script(f"document.addEventListener('readystatechange', () => {{ {SOON} }}, {{once: true}})")
    page.goto(DEVICE)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/logs/", hold)
    page.get_by_role("link", name="User actions").click()
    sentence = "Waiting for the platform: User actions…"
    expect(page.locator("#panel")).to_have_attribute("data-awaiting", sentence)
    expect(page.locator("#live")).to_have_text(sentence)
    expect(page.get_by_role("heading", name="Values")).to_be_visible()  # the old one stays meanwhile
    held[0].continue_()
    expect(page.get_by_role("heading", name="User actions")).to_be_visible()
    expect(page.locator("[data-awaiting]")).to_have_count(0)

    # A failed panel is loaded again alone.
    fresh_sandbox.fault("/device/metafield", "html", status=200, times=1)
    page.get_by_role("link", name="Metafields").click()
    again = page.locator("#panel #try-again")
    expect(again).to_be_visible()
    again.click()
    expect(page.locator("#metafields-title")).to_be_visible()

    # A slow page: the old one shows the notice until the new one is there.
    page.evaluate(NOTE)
    fresh_sandbox.fault("/devices", "delay", delay=1, times=1)
    page.get_by_role("link", name="Devices").first.click()
    page.wait_for_url(re.compile("/devices/$"))
    assert page.evaluate("sessionStorage.waited") == "Waiting for the platform…"

    # The platform asks for forty seconds: the retry is hidden until they are over, then one sentence is announced.
    fresh_sandbox.fault("/device/tags", "status", status=429, retry_after=40)
    page.goto(DEVICE)
    page.get_by_role("link", name="Tags").click()
    count = page.locator("#panel [data-countdown]")
    expect(count).to_contain_text(re.compile(r"\d\d s left"))
    expect(again).to_be_hidden()
    expect(page.locator("#platform-banner")).to_contain_text("The platform asks us to wait")
    page.clock.fast_forward(41_000)
    expect(count).to_have_text("You can try again now.")
    expect(again).to_be_visible()

    # Without script the page shows the time of day and the link.
    plain.goto(DEVICE + "tags/")
    expect(plain.locator("#panel")).to_contain_text("You can try again at")
    expect(plain.locator("#panel progress")).to_be_hidden()
    expect(plain.locator("#try-again")).to_be_visible()
