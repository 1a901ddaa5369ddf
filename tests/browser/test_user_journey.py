"""A support engineer works from sign-in to sign-out; hostile texts run no script."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.waits import arrived, replaced
from tests.servers import SandboxServer

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


def test_from_sign_in_to_sign_out(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    page = open_page(expected={422, 404})
    sign_in(page)
    find_by_typing(page)
    read_the_tabs(page)
    rename_with_a_refusal_first(page)
    open_missing_pages(page)
    sign_out(page)
    assert fresh_sandbox.get("/device", "admin", deviceId=1).json()["name"] == "Cold room 15"


def sign_in(page: Page) -> None:
    page.goto("/devices/?q=kitchen")
    expect(page).to_have_url(re.compile("/sign-in/"))
    page.get_by_label("E-mail").fill("support@example.com")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("E-mail")).to_have_value("support@example.com")
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/devices/\?q=kitchen"))
    expect(page.get_by_role("link", name="Kitchen cold room", exact=True)).to_be_visible()
    page.get_by_role("link", name="Devices", exact=True).first.click()
    arrived(page, "/devices/")
    expect(page.locator("tbody tr")).to_have_count(50)
    expect(page.locator("#headline")).to_contain_text("devices in Halden Cooling")


def find_by_typing(page: Page) -> None:
    box = page.locator("#id_q")
    box.press_sequentially("door's", delay=20)
    expect(page).to_have_url(re.compile(r"/devices/\?q=door"))
    expect(page.locator("#headline")).to_contain_text("match “door's”")
    expect(box).to_be_focused()
    expect(box).to_have_value("door's")
    page.get_by_role("link", name="Device", exact=True).click()  # the column's head sorts
    expect(page).to_have_url(re.compile("sort=Name"))
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Device")
    with replaced(page.locator("th[aria-sort]")):
        page.go_back()
    expect(page).to_have_url(re.compile(r"/devices/\?q=door%27s$"))
    expect(page.locator("#id_q")).to_have_value("door's")
    expect(page.locator("th[aria-sort]")).to_have_count(0)
    page.locator("#id_q").fill("x" * 256)
    expect(page.locator("#q-error")).to_contain_text("at most 255 characters")
    expect(page.locator("#id_q")).to_have_value("x" * 256)
    page.locator("#id_q").fill("Cold room 14")
    page.get_by_role("link", name="Cold room 14 - door's sensor", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cold room 14 - door's sensor")


def read_the_tabs(page: Page) -> None:
    expect(page.locator("#online")).to_contain_text(
        re.compile(r"(Online|Offline|Unknown).*checked \d\d:\d\d:\d\d", re.S)
    )
    with replaced(page.locator("#online")):
        page.get_by_role("link", name="Check again").click()
    expect(page.locator("#online")).to_contain_text("checked")
    page.get_by_role("link", name="Timeline").click()
    expect(page).to_have_url(re.compile("/timeline/$"))
    expect(page.get_by_role("link", name="Timeline")).to_have_attribute("aria-current", "page")
    expect(page.locator("#panel")).to_contain_text("up to a minute late")
    page.get_by_role("navigation", name="Event type").get_by_role("link", name="Critical").click()
    expect(page).to_have_url(re.compile(r"\?type=CRITICAL"))
    expect(page.locator("td.event").first).to_have_text("Critical")
    page.reload()
    expect(page.locator("td.event").first).to_have_text("Critical")
    page.get_by_role("link", name="User actions").click()
    expect(page.locator("#panel")).to_contain_text("The device's own actions are not listed")
    page.get_by_role("link", name="Tags").click()
    expect(page.locator("#panel #tags-title")).to_be_visible()
    with replaced(page.locator("#panel #tags-title")):
        page.go_back()
    expect(page.locator("#panel")).to_contain_text("User actions")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def rename_with_a_refusal_first(page: Page) -> None:
    page.locator("#action-rename").click()
    dialog = page.get_by_role("dialog")
    name = dialog.get_by_label("New name")
    expect(name).to_be_focused()
    name.fill("Cold / room")
    dialog.get_by_role("button", name="Rename device").click()
    expect(dialog.locator(".field .error")).to_contain_text("Remove “/”")
    expect(name).to_have_value("Cold / room")
    name.fill("Cold room 15")
    dialog.get_by_role("button", name="Rename device").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cold room 15")
    expect(page.locator("#flash")).to_contain_text("door's sensor → Cold room 15")
    expect(page.locator("#action-rename")).to_be_focused()


def open_missing_pages(page: Page) -> None:
    page.goto("/devices/104/")
    expect(page.locator("main")).to_contain_text("gone")
    page.goto("/devices/8/timeline/")
    expect(page.locator("#panel")).to_contain_text("No events")
    page.goto("/devices/?q=bioler")
    expect(page.locator("#results")).to_contain_text("No device matches “bioler”")


def sign_out(page: Page) -> None:
    cookies = page.context.cookies()
    page.goto("/devices/")
    page.locator(".bar .menu-button").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in/"))
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.context.clear_cookies()
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.goto("/devices/")
    expect(page).to_have_url(re.compile("/sign-in/"))


def test_hostile_strings_run_no_script(open_page: Open) -> None:
    page = open_page("admin")
    page.on("dialog", lambda dialog: pytest.fail("a script ran"))
    for device in range(121, 129):
        for tab in ("", "timeline/", "logs/", "metafields/", "tags/"):
            page.goto(f"/devices/{device}/{tab}")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
