"""Sessions that end while a page is open."""

from __future__ import annotations

import re
import sqlite3

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.waits import PausedClock, replaced
from tests.portal_server import PortalServer
from tests.servers import SandboxServer


def test_admin_ends_sessions_and_the_other_page_shows_it_at_the_next_press(
    open_page: Open, fresh_sandbox: SandboxServer
) -> None:
    viewer = open_page("viewer", expected={401})
    viewer.goto("/devices/1/")
    admin = open_page("admin")
    admin.goto("/devices/")
    admin.get_by_text("Ingrid Halden").first.click()
    admin.get_by_role("link", name="Sessions", exact=True).click()
    admin.locator("tr", has_text="viewer@example.com").get_by_role("link", name=re.compile("End sessions")).click()
    dialog = admin.get_by_role("dialog", name="End the sessions of Vera Lind")
    expect(dialog).to_be_visible()
    admin.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(admin.locator("tr", has_text="viewer@example.com")).to_be_visible()
    admin.locator("tr", has_text="viewer@example.com").get_by_role("link", name=re.compile("End sessions")).click()
    dialog.get_by_role("button", name="End sessions").click()
    expect(admin.get_by_text("They can sign in again.")).to_be_visible()
    expect(admin.locator("tr", has_text="viewer@example.com")).to_have_count(0)
    viewer.get_by_role("link", name="Check again").click()
    expect(viewer.locator("#session-banner")).to_contain_text("Your session has ended.")


@pytest.mark.parametrize("width", [1280, 390])
def test_end_sessions_without_script(open_page: Open, fresh_sandbox: SandboxServer, width: int) -> None:
    open_page("owner")
    admin = open_page("admin", java_script_enabled=False, viewport={"width": width, "height": 800})
    admin.goto("/sessions/")
    admin.locator("tr", has_text="owner@example.com").get_by_role("link", name=re.compile("End sessions")).click()
    expect(admin).to_have_url(re.compile("/sessions/end/"))
    admin.get_by_role("button", name="End sessions").click()
    expect(admin).to_have_url(re.compile("/sessions/$"))
    expect(admin.get_by_text("They can sign in again.")).to_be_visible()


def test_idle_session_ends_while_the_page_polls(
    open_page: Open, portal: PortalServer, fresh_sandbox: SandboxServer
) -> None:
    fresh_sandbox.reset()
    page = open_page("support", expected={401})
    clock = PausedClock(page)
    page.goto("/devices/recent/?minutes=15")
    expect(page.locator("#results table")).to_be_visible()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url) if "/recent/" in request.url else None)
    with replaced(page.locator("#results")):
        clock.run(30)
    assert requested
    assert all("poll=on" in url for url in requested)
    database = sqlite3.connect(portal.database, timeout=20)
    with database:
        database.execute("UPDATE portal_auth_apigrant SET last_seen = last_seen - 1800 WHERE profile LIKE '%support@%'")
    database.close()
    clock.run(30)
    expect(page.locator("#session-banner")).to_contain_text("after 30 minutes without activity")
    expect(page.locator("#results table")).to_be_visible()
    count = len(requested)
    clock.run(120)
    assert len(requested) == count
