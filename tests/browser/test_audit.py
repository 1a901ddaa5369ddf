"""The audit in a browser: filters and undo, with and without script."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.waits import arrived, fits
from tests.servers import SandboxServer

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


def rename(page: Page, name: str, *, script: bool) -> None:
    page.goto("/devices/2/rename/" if not script else "/devices/2/")
    if script:
        page.locator("#action-rename").click()
    page.get_by_label("New name").fill(name)
    page.get_by_role("button", name="Rename").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_undo_a_rename_from_its_notice_and_from_the_audit(open_page: Open, script: bool) -> None:
    page = open_page("admin", java_script_enabled=script)
    page.goto("/devices/2/")
    was = page.get_by_role("heading", level=1).inner_text()
    rename(page, f"Browser {script}", script=script)
    page.locator("#flash").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(was)
    page.get_by_role("link", name="Changes here").click()
    newest = page.locator(".table-audit tbody tr").first
    expect(newest).to_contain_text("Confirmed")
    expect(page.locator(".table-audit tbody tr").nth(1)).to_contain_text("Undone")
    newest.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Undo this change").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Browser {script}")


@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_filters_are_in_the_url_and_can_be_removed(open_page: Open, script: bool) -> None:
    page = open_page("admin", java_script_enabled=script)
    rename(page, f"Filtered {script}", script=script)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Audit").click()
    arrived(page, "/audit/")
    page.get_by_label("Outcome").select_option("confirmed")
    if not script:
        page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"/audit/\?outcome=confirmed$"))
    expect(page.locator(".table-audit tbody tr").first).to_contain_text(f"Filtered {script}")
    page.locator(".chip").get_by_role("link", name="Remove this filter").click()
    expect(page).to_have_url(re.compile(r"/audit/$"))
    expect(page.get_by_role("link", name=re.compile("Export"))).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_audit_pages_do_not_overflow(open_page: Open, fresh_sandbox: SandboxServer, width: int) -> None:
    page = open_page("admin", viewport={"width": width, "height": 900})
    rename(page, "W" * 50, script=False)
    for path in ("/audit/", "/audit/1/", "/audit/1/undo/", "/devices/2/changes/", "/audit/?device=4711"):
        page.goto(path)
        fits(page)
