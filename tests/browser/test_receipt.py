"""A receipt that takes long: its progress, the last press, and cancelling."""

from __future__ import annotations

import hashlib
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.servers import SandboxServer

NAME = "Cold room 14 - door's sensor"
TIMELINE = "/api/v1/organization/device/timeline"
EVENTS = [{"ts": n} for n in range(1000)]


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def page(request: pytest.FixtureRequest, open_page: Open, fresh_sandbox: SandboxServer) -> Page:
    return open_page("admin", java_script_enabled=request.param)


def press(page: Page, platform: SandboxServer) -> None:
    """Submits a deletion whose timeline has twenty slow pages, and waits for the progress page."""
    page.goto("/devices/1/delete/")
    platform.fault(TIMELINE, "json", body={"content": EVENTS, "totalElements": 20_000}, delay=2.0)
    page.get_by_label("Reason").fill("HC-20418")
    page.get_by_label("Type the device name").fill(NAME)
    page.get_by_role("button", name=re.compile("Delete")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Before {NAME} is deleted")
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Nothing has been deleted yet.")


def deletions(platform: SandboxServer) -> int:
    return sum(entry["method"] == "DELETE" for entry in platform.requests())


def test_progress_continues_and_ends_in_one_press(page: Page, fresh_sandbox: SandboxServer) -> None:
    press(page, fresh_sandbox)
    fresh_sandbox.clear_faults()
    fresh_sandbox.fault(TIMELINE, "json", body={"content": EVENTS, "totalElements": 20_000})
    expect(page.get_by_role("heading", name="The receipt is ready")).to_be_visible()
    expect(page).to_have_title(re.compile("^Receipt ready – "))
    fresh_sandbox.clear_faults()
    assert deletions(fresh_sandbox) == 0
    with page.expect_download() as started:
        page.get_by_role("link", name=re.compile("Download the receipt")).click()
    digest = hashlib.sha256(started.value.path().read_bytes()).hexdigest()
    expect(page.locator(".hash")).to_have_text(digest)
    page.get_by_role("button", name=re.compile("Delete .* now")).click()
    expect(page).to_have_url(re.compile(r"/devices/\?change="))
    expect(page.locator(".notices")).to_contain_text("the device no longer exists")
    expect(page.locator(".notices .hash")).to_have_text(digest)
    assert deletions(fresh_sandbox) == 1


def test_cancel_while_the_receipt_is_built(page: Page, fresh_sandbox: SandboxServer) -> None:
    press(page, fresh_sandbox)
    page.get_by_role("button", name="Keep the device").click()
    fresh_sandbox.clear_faults()
    expect(page.locator("main")).to_contain_text("Cancelled. Nothing was changed")
    assert deletions(fresh_sandbox) == 0
