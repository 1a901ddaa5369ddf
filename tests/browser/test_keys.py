"""Single-key shortcuts, their help, and the focus in and after a dialog."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.waits import replaced


def test_shortcuts_work_except_in_fields_and_dialogs(open_page: Open) -> None:
    page = open_page("admin")
    page.goto("/devices/")
    find = page.locator("#find")
    page.keyboard.press("/")
    expect(find).to_be_focused()
    page.keyboard.type("?n/r")
    expect(find).to_have_value("?n/r")
    page.locator("h1").click()
    page.keyboard.press("Control+/")
    expect(find).not_to_be_focused()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("n")  # a dialog is open: the page behind it is not to be left
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("n")
    page.wait_for_url(re.compile("/devices/new/"))


def test_shortcuts_can_be_disabled(open_page: Open) -> None:
    page = open_page("viewer")
    page.goto("/preferences/")
    page.locator("input[name=shortcuts]").uncheck()
    with replaced(page.locator("body")):
        page.get_by_role("button", name="Save preferences").click()
    expect(page.locator("input[name=shortcuts]")).not_to_be_checked()
    page.keyboard.press("/")
    expect(page.locator("#find")).not_to_be_focused()
    page.locator(".bar .menu-button").click()
    page.get_by_role("link", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog")).to_contain_text("Single keys are switched off for you.")


def test_refused_name_focuses_the_summary_and_offers_a_valid_name(open_page: Open) -> None:
    page = open_page("admin", expected={422})
    page.goto("/devices/2/")
    page.locator("#action-rename").first.click()
    name = page.locator("dialog input[name=name]")
    expect(name).to_be_focused()
    name.fill("Hall / 3")
    name.press("Enter")
    summary = page.locator("dialog [data-error-summary]")
    expect(summary).to_be_focused()
    expect(page).to_have_title(re.compile("^Error:"))
    summary.get_by_role("link").click()
    expect(name).to_be_focused()
    page.locator("dialog").get_by_role("button", name="Use it").click()
    expect(name).to_have_value("Hall 3")
    page.keyboard.press("Escape")
    expect(page.locator("#action-rename").first).to_be_focused()
    expect(page).not_to_have_title(re.compile("^Error:"))


def test_print_names_the_user_and_hides_controls(open_page: Open) -> None:
    page = open_page("admin", color_scheme="dark")
    page.goto("/audit/?outcome=unknown")
    page.emulate_media(media="print")
    expect(page.locator(".print-only").first).to_be_visible()
    expect(page.locator(".print-only").first).to_contain_text("Halden Cooling")
    expect(page.locator(".chip")).to_have_count(1)
    expect(page.locator(".chip")).to_be_visible()
    for away in (".bar", ".button", ".crumbs", "form.toolbar"):
        expect(page.locator(away).locator("visible=true")).to_have_count(0)
    expect(page.locator("body")).to_have_css("color", "rgb(20, 27, 32)")
