"""A session ends while a person types: the form stays, or without script comes back. Nothing is sent by itself."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.waits import arrived, replaced
from tests.devices.changes.forms import writes
from tests.portal_server import PortalServer
from tests.servers import SandboxServer

NAME = "Cold room 14 north"
WHY = "HC-20418"


def end_sessions(portal: PortalServer) -> None:
    """Ends all sessions, as an administrator does."""
    with closing(sqlite3.connect(portal.database, timeout=20)) as database, database:
        database.execute("DELETE FROM portal_auth_apigrant")


def sign_in_in_tab(tab: Page, user: str = "admin") -> None:
    tab.get_by_label("E-mail").fill(f"{user}@example.com")
    tab.get_by_label("Password").fill("demo")
    tab.get_by_role("button", name="Sign in").click()
    arrived(tab, "/devices/.*")


def sign_out_elsewhere(page: Page) -> None:
    """In another tab of the same browser."""
    other = page.context.new_page()
    other.goto("/devices/")
    other.locator(".bar .menu-button").click()
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("Sign in")
    other.close()


def name_at(platform: SandboxServer) -> str:
    return str(platform.get("/device", "admin", deviceId=1).json()["name"])


# --- with script ------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(open_page: Open, fresh_sandbox: SandboxServer) -> Page:
    page = open_page("admin", expected={401, 403})
    fresh_sandbox.clear_requests()
    return page


def open_dialog(page: Page) -> None:
    page.goto("/devices/1/")
    page.locator("#actions #choose-rename").click()
    page.get_by_label("New name").fill(NAME)
    page.get_by_label("Reason").fill(WHY)


def expect_banner_in_dialog(page: Page) -> None:
    """The input is kept, and one banner in sight says what to do."""
    expect(page.get_by_label("New name")).to_have_value(NAME)
    expect(page.get_by_label("Reason")).to_have_value(WHY)
    expect(page.locator("[data-session-notice]")).to_have_count(1)
    expect(page.locator("dialog[open] [data-session-notice]")).to_be_in_viewport()


def test_dialog_survives_the_end_of_the_session(page: Page, portal: PortalServer, fresh_sandbox: SandboxServer) -> None:
    open_dialog(page)
    end_sessions(portal)
    rename = page.get_by_role("button", name="Rename device")
    rename.click()
    expect_banner_in_dialog(page)
    with replaced(page.locator("[data-session-notice]")):
        rename.click()
    expect_banner_in_dialog(page)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in").click()
    tab = opened.value
    sign_in_in_tab(tab)
    tab.close()
    assert writes(fresh_sandbox) == [], "nothing is sent by itself"
    rename.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    expect(page.locator("[data-session-notice]")).to_have_count(0)
    assert writes(fresh_sandbox) == [("PUT", "/device")]
    assert name_at(fresh_sandbox) == NAME


def test_sign_out_in_another_tab_costs_one_more_press(page: Page, fresh_sandbox: SandboxServer) -> None:
    """Sign-out changes the CSRF token of every form. The refusal brings the new one."""
    open_dialog(page)
    sign_out_elsewhere(page)
    rename = page.get_by_role("button", name="Rename device")
    rename.click()
    expect_banner_in_dialog(page)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in").click()
    sign_in_in_tab(opened.value)
    rename.click()
    expect(page.locator("[data-session-notice]")).to_contain_text("This form is no longer valid.")
    expect_banner_in_dialog(page)
    expect(page.locator("[data-session-notice]")).to_contain_text("You are signed in as Ingrid Halden.")
    assert writes(fresh_sandbox) == []
    rename.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    assert writes(fresh_sandbox) == [("PUT", "/device")]


def test_inline_edit_keeps_its_value_and_shows_the_banner(
    page: Page, portal: PortalServer, fresh_sandbox: SandboxServer
) -> None:
    page.set_viewport_size({"width": 390, "height": 500})
    page.goto("/devices/9/metafields/")
    page.locator("a[id^=edit-]").last.click()
    value = page.locator("tr form [name=value]")
    value.evaluate("field => { if (field.matches('select')) field.selectedIndex = field.options.length - 1; }")
    if value.evaluate("field => field.matches('input')"):
        value.fill("7")
    typed = value.input_value()
    end_sessions(portal)
    page.locator("tr form").get_by_role("button", name="Save").click()
    expect(page.locator("tr form [data-session-notice]")).to_be_in_viewport()
    expect(value).to_have_value(typed)
    assert writes(fresh_sandbox) == []


# --- without script ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["ended elsewhere", "signed out in another tab"])
def test_draft_is_restored_after_sign_in_and_not_sent(
    open_page: Open, portal: PortalServer, fresh_sandbox: SandboxServer, how: str
) -> None:
    page = open_page("admin", java_script_enabled=False)
    fresh_sandbox.clear_requests()
    page.goto("/devices/1/rename/")
    page.get_by_label("New name").fill(NAME)
    page.get_by_label("Reason").fill(WHY)
    if how == "ended elsewhere":
        end_sessions(portal)
    else:
        sign_out_elsewhere(page)
    page.get_by_role("button", name="Rename device").click()
    expect(page.locator("main")).to_contain_text("What you typed is kept for one hour")
    sign_in_in_tab(page)
    expect(page).to_have_url(re.compile("/devices/1/rename/$"))
    expect(page.locator("main")).to_contain_text("Not sent yet.")
    expect(page.get_by_label("New name")).to_have_value(NAME)
    expect(page.get_by_label("Reason")).to_have_value(WHY)
    assert writes(fresh_sandbox) == [], "nothing is sent by itself"
    page.get_by_role("button", name="Rename device").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    assert writes(fresh_sandbox) == [("PUT", "/device")]
    page.goto("/devices/1/rename/")
    expect(page.locator("main")).not_to_contain_text("Not sent yet.")


def test_another_user_of_the_browser_does_not_see_the_draft(
    open_page: Open, portal: PortalServer, fresh_sandbox: SandboxServer
) -> None:
    page = open_page("admin", java_script_enabled=False)
    page.goto("/devices/1/rename/")
    page.get_by_label("New name").fill(NAME)
    end_sessions(portal)
    page.get_by_role("button", name="Rename device").click()
    sign_in_in_tab(page, "support")
    expect(page.get_by_label("New name")).to_have_value("Cold room 14 - door's sensor")
    expect(page.locator("main")).not_to_contain_text("Not sent yet.")
    assert NAME not in page.content()


def test_discarded_draft_resets_the_form(open_page: Open, portal: PortalServer, fresh_sandbox: SandboxServer) -> None:
    page = open_page("admin", java_script_enabled=False)
    page.goto("/devices/1/rename/")
    page.get_by_label("New name").fill(NAME)
    end_sessions(portal)
    page.get_by_role("button", name="Rename device").click()
    sign_in_in_tab(page)
    page.get_by_role("button", name="Throw away").click()
    expect(page).to_have_url(re.compile("/devices/1/rename/$"))
    expect(page.get_by_label("New name")).to_have_value("Cold room 14 - door's sensor")
    expect(page.locator("main")).not_to_contain_text("Not sent yet.")


@pytest.mark.parametrize("script", [True, False])
def test_unlisted_organization_keeps_the_input_and_enter_submits(
    open_page: Open, fresh_sandbox: SandboxServer, script: bool
) -> None:
    page = open_page("admin", java_script_enabled=script)
    page.goto("/devices/new/")
    page.get_by_label("Template").select_option(index=1)
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_role("button", name="It is not in this list").click()
    organization = page.get_by_label("Organization")
    expect(organization).to_have_attribute("type", "text")
    expect(page.get_by_label("Name", exact=True)).to_have_value(NAME)
    page.goto("/devices/new/")
    page.get_by_label("Template").select_option(index=1)
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
