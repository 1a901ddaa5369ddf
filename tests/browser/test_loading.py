"""What takes long, in a browser: it is said what is awaited, and a wait that the platform asks for counts down."""

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
"""What is slow after two seconds is so after a tenth: the script reads it as it starts."""
NOTE = """
new MutationObserver(() => {
  sessionStorage.waited = document.querySelector("#loading").dataset.awaiting || sessionStorage.waited;
}).observe(document, {attributes: true, subtree: true})
"""


@pytest.fixture(scope="module")
def portal(sandbox: SandboxServer) -> Iterator[PortalServer]:
    """One of this test's own: a wait that the platform asks for is a wait for everybody."""
    server = PortalServer(sandbox)
    yield server
    server.stop()


def test_a_slow_panel_says_what_is_awaited_and_a_wait_counts_down(
    open_page: Open, fresh_sandbox: SandboxServer
) -> None:
    plain = open_page("support", java_script_enabled=False)
    page = open_page("support")
    page.clock.install()
    page.watch.expected |= {429, 502}  # type: ignore[attr-defined]
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

    # A slot that failed is asked again alone.
    fresh_sandbox.fault("/device/metafield", "html", status=200, times=1)
    page.get_by_role("link", name="Metafields").click()
    again = page.locator("#panel #try-again")
    expect(again).to_be_visible()
    again.click()
    expect(page.locator("#metafields-title")).to_be_visible()

    # A whole page that takes long: the one on the screen says so until the other has come.
    page.evaluate(NOTE)
    fresh_sandbox.fault("/devices", "delay", delay=1, times=1)
    page.get_by_role("link", name="Devices").first.click()
    page.wait_for_url(re.compile("/devices/$"))
    assert page.evaluate("sessionStorage.waited") == "Waiting for the platform…"

    # The platform asks for forty seconds: no way to ask before they are over, and one sentence then.
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

    # Without script the time of day says it, and the link is there.
    plain.watch.expected.add(429)  # type: ignore[attr-defined]
    plain.goto(DEVICE + "tags/")
    expect(plain.locator("#panel")).to_contain_text("You can try again at")
    expect(plain.locator("#panel progress")).to_be_hidden()
    expect(plain.locator("#try-again")).to_be_visible()
