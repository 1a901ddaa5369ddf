"""Operations of the API from the browser, with script and without, read back from the platform."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.waits import arrived, ask
from tests.servers import SandboxServer

NAME = "Ice bank 7 - north wall"


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def page(request: pytest.FixtureRequest, open_page: Open, fresh_sandbox: SandboxServer) -> Page:
    return open_page("admin", expected={422}, java_script_enabled=request.param)


def choose(page: Page, action: str) -> None:
    """Presses an action in the list of the device's actions."""
    page.locator("#actions").locator(f"#choose-{action}").click()


def open_device(page: Page, device: int) -> None:
    page.goto(f"/devices/{device}/")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_the_lists(open_page: Open, script: bool) -> None:
    page = open_page("admin", java_script_enabled=script)
    page.goto("/devices/")
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Owners").click()
    arrived(page, "/devices/by-owner/")
    if script:
        ask(page, page.get_by_label("E-mail"), "owner@example.com")
        expect(page.locator(".listbox [role=option]")).to_have_count(1)
        page.get_by_label("E-mail").press("Escape")
    else:
        page.get_by_label("E-mail").fill("owner@example.com")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("link", name="Kitchen cold room", exact=True)).to_be_visible()
    page.get_by_role("link", name="Can be seen").click()
    expect(page).to_have_url(re.compile("/devices/by-user/"))
    expect(page.get_by_role("link", name="Kitchen cold room", exact=True)).to_be_visible()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Recent").click()
    page.get_by_role("link", name="60 min").click()
    arrived(page, ".*minutes=60.*")
    expect(page.locator("tbody tr").first).to_be_visible()


def test_create_change_transfer_and_delete_a_device(page: Page, fresh_sandbox: SandboxServer) -> None:
    device = make(page, fresh_sandbox)
    trigger_an_event(page, fresh_sandbox, device)
    hand_over_and_take_back(page, fresh_sandbox, device)
    move_to_a_sub_organization(page, fresh_sandbox, device)
    erase_and_delete(page, fresh_sandbox, device)


def make(page: Page, platform: SandboxServer) -> int:
    page.goto("/devices/")
    page.get_by_role("link", name="New device").click()
    arrived(page, "/devices/new/")
    page.get_by_label("Template").select_option(index=1)
    page.get_by_label("Name", exact=True).fill("Ice bank / 7")
    page.get_by_role("button", name="Create device").click()
    expect(page.locator(".field .error")).to_contain_text("Remove “/”")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Ice bank / 7")
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_role("button", name="Create device").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    found = re.search(r"/devices/(\d+)/", page.url)
    assert found
    device = int(found[1])
    assert platform.get("/device", "admin", deviceId=device).json()["name"] == NAME
    return device


def trigger_an_event(page: Page, platform: SandboxServer, device: int) -> None:
    choose(page, "trigger-event")
    code = page.get_by_label("Event", exact=True)
    if code.evaluate("element => element.tagName") == "SELECT":
        code.select_option(index=1)
    page.get_by_label("Description").fill("Called in from the north wall")
    page.get_by_role("button", name="Trigger event").click()
    expect(page.locator("main")).to_contain_text("accepted the event")
    events = platform.get("/device/timeline", "admin", deviceId=device).json()["content"]
    assert "Called in from the north wall" in [event.get("description") for event in events]
    page.goto(f"/devices/{device}/timeline/")
    expect(page.locator("#panel")).to_contain_text("Called in from the north wall")


def hand_over_and_take_back(page: Page, platform: SandboxServer, device: int) -> None:
    open_device(page, device)
    choose(page, "transfer-to-owner")
    page.get_by_label("New owner").fill("jonas.aas@example.org")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("to Jonas Aas?")
    expect(page.locator("main")).to_contain_text("From")
    page.get_by_role("button", name=re.compile("Transfer to")).click()
    expect(page.locator(".facts")).to_contain_text("jonas.aas@example.org")
    assert platform.get("/device", "admin", deviceId=device).json()["ownerUserId"] == 12
    choose(page, "remove-owner")
    page.get_by_role("button", name="Remove owner").click()
    expect(page.locator(".facts")).to_contain_text("No owner")
    assert not platform.get("/device", "admin", deviceId=device).json().get("ownerUserId")
    expect(page.locator("#choose-remove-owner")).to_have_attribute("aria-disabled", "true")


def move_to_a_sub_organization(page: Page, platform: SandboxServer, device: int) -> None:
    north = next(
        org["id"] for org in platform.get("/sub-organizations").json()["content"] if org["name"] == "Halden North"
    )
    choose(page, "transfer-to-organization")
    expect(page.locator("main")).to_contain_text("leave your view")
    page.get_by_label("New organization").select_option(str(north))
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Halden North?")
    page.get_by_role("button", name=re.compile("Transfer to")).click()
    expect(page.locator(".facts")).to_contain_text("Halden North")
    assert platform.get("/device", "admin", deviceId=device).json()["orgId"] == north


def finish_slow_receipt(page: Page) -> None:
    """On a slow machine the receipt takes long: it shows a progress page, which needs one more press."""
    expect(page).to_have_url(re.compile(r"change=|/receipt/"))
    if "/receipt/" in page.url:
        page.get_by_role("button", name=re.compile(" now$")).click()


def erase_and_delete(page: Page, platform: SandboxServer, device: int) -> None:
    choose(page, "clear")
    page.get_by_label("Reason").fill("HC-20418")
    page.get_by_label("Type the device name").fill(NAME)
    page.get_by_role("button", name=re.compile("Erase")).click()
    finish_slow_receipt(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    assert platform.get("/device/timeline", "admin", deviceId=device).json()["content"] == []
    choose(page, "delete")
    page.get_by_label("Reason").fill("HC-20418")
    page.get_by_label("Type the device name").fill("Ice bank")
    page.get_by_role("button", name=re.compile("Delete")).click()
    expect(page.locator(".field .error")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("HC-20418")
    page.get_by_label("Type the device name").fill(NAME)
    page.get_by_role("button", name=re.compile("Delete")).click()
    finish_slow_receipt(page)
    expect(page).to_have_url(re.compile(r"/devices/\?change=\d+$"))
    expect(page.locator("main")).to_contain_text("Ice bank 7")
    assert platform.get("/device", "admin", deviceId=device).status_code == 404


def test_token_is_shown_on_request_only(page: Page, fresh_sandbox: SandboxServer) -> None:
    token = fresh_sandbox.get("/device/baseInfo", "admin", deviceId=1).json()["token"]
    open_device(page, 1)
    assert token not in page.content()
    choose(page, "reveal-token")
    expect(page.locator("main")).to_contain_text(token)
    page.goto("/devices/1/")
    assert token not in page.content()
