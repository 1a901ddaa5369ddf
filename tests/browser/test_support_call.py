"""A support call from sign-in to sign-out: by keyboard alone, without script, and on a phone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.input_devices import InputDevice, Keyboard, Mouse, Touch
from tests.browser.waits import arrived, fits, replaced
from tests.devices import fleet
from tests.servers import SandboxServer

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
NAME = "Service bench 1"
NEW = "Service bench 2"


def by_keyboard(open_page: Open) -> InputDevice:
    return Keyboard(open_page(expected={422}))


def without_script(open_page: Open) -> InputDevice:
    return Mouse(open_page(expected={422}, java_script_enabled=False))


def by_touch(open_page: Open) -> InputDevice:
    return Touch(open_page(expected={422}, **PHONE))


def by_touch_without_script(open_page: Open) -> InputDevice:
    return Touch(open_page(expected={422}, java_script_enabled=False, **PHONE))


@pytest.mark.parametrize(
    "device", [by_keyboard, without_script, by_touch, by_touch_without_script], ids=lambda device: device.__name__
)
def test_support_call(device: Any, open_page: Open, fresh_sandbox: SandboxServer) -> None:
    user = device(open_page)
    sign_in(user)
    find(user)
    read_the_timeline(user)
    set_a_metafield(user, fresh_sandbox)
    rename_and_undo(user, fresh_sandbox)
    transfer(user, fresh_sandbox)
    trigger_an_event(user, fresh_sandbox)
    sign_out(user)


def heading(page: Page) -> Any:
    return page.get_by_role("heading", level=1)


def sign_in(user: InputDevice) -> None:
    page = user.page
    page.goto("/")
    user.write(page.get_by_label("E-mail"), "admin@example.com")
    user.write(page.get_by_label("Password"), "demo")
    user.press(page.get_by_role("button", name="Sign in"))
    arrived(page, "/devices/.*")
    fits(page)


def find(user: InputDevice) -> None:
    """Finds the device by a part of its name and opens it."""
    page = user.page
    user.write(page.locator("#id_q"), "bench 1")
    page.keyboard.press("Enter")
    expect(page.locator("#headline")).to_contain_text("bench 1")
    fits(page)
    user.press(page.get_by_role("link", name=NAME, exact=True))
    expect(heading(page)).to_have_text(NAME)
    fits(page)


def read_the_timeline(user: InputDevice) -> None:
    """Check the connection first, and filter the events."""
    page = user.page
    with replaced(page.locator("#online")):
        user.press(page.get_by_role("link", name="Check again"))
    expect(page.locator("#online")).to_contain_text("checked")
    user.press(page.get_by_role("link", name="Timeline").first)
    expect(page).to_have_url(re.compile("/timeline/$"))
    expect(page.locator("#panel")).to_contain_text("minute")
    user.press(page.get_by_role("navigation", name="Event type").get_by_role("link", name="Online"))
    expect(page).to_have_url(re.compile(r"type=ONLINE"))
    fits(page)


def set_a_metafield(user: InputDevice, platform: SandboxServer) -> None:
    """The first value is refused: the error is beside the field, which keeps the input."""
    page = user.page
    user.press(page.get_by_role("link", name="Metafields").first)
    expect(page).to_have_url(re.compile("/metafields/$"))
    user.press(page.get_by_role("link", name="Edit Capacity"))
    value = page.get_by_role("spinbutton", name="Capacity")
    user.write(value, "501")
    user.press(page.get_by_role("button", name="Save"))
    expect(page.locator(".field .error")).to_contain_text("from 0 to 500")
    expect(value).to_have_value("501")
    fits(page)
    user.write(value, "125")
    user.press(page.get_by_role("button", name="Save"))
    expect(page.locator("main")).to_contain_text("125")
    expect(page.get_by_role("spinbutton", name="Capacity")).to_have_count(0)
    fields = platform.get("/device/metafield", deviceId=fleet.BENCH).json()
    assert any(field["value"].get("value") == 125 for field in fields if field.get("value"))


def rename_and_undo(user: InputDevice, platform: SandboxServer) -> None:
    page = user.page
    user.press(page.locator("#action-rename"))
    user.write(page.get_by_label("New name"), "Bad / name")
    user.press(page.get_by_role("button", name="Rename device"))
    expect(page.locator(".field .error")).to_be_visible()
    expect(page.get_by_label("New name")).to_have_value("Bad / name")
    user.write(page.get_by_label("New name"), NEW)
    user.press(page.get_by_role("button", name="Rename device"))
    expect(heading(page)).to_have_text(NEW)
    assert platform.get("/device", deviceId=fleet.BENCH).json()["name"] == NEW
    fits(page)
    user.press(page.locator("#flash").get_by_role("button", name="Undo"))
    expect(heading(page)).to_have_text(NAME)
    assert platform.get("/device", deviceId=fleet.BENCH).json()["name"] == NAME


def transfer(user: InputDevice, platform: SandboxServer) -> None:
    page = user.page
    user.press(page.locator("#choose-transfer-to-owner"))
    user.write(page.get_by_label("New owner"), "jonas.aas@example.org")
    user.press(page.get_by_role("button", name="Continue"))
    expect(heading(page)).to_contain_text("to Jonas Aas?")
    fits(page)
    user.press(page.get_by_role("button", name=re.compile("Transfer to")))
    expect(page.locator(".facts")).to_contain_text("jonas.aas@example.org")
    assert platform.get("/device", deviceId=fleet.BENCH).json()["ownerUserId"] == 12


def trigger_an_event(user: InputDevice, platform: SandboxServer) -> None:
    page = user.page
    user.press(page.locator("#choose-trigger-event"))
    user.choose(page.get_by_label("Event", exact=True), 1)
    user.write(page.get_by_label("Description"), "Asked for on the phone")
    user.press(page.get_by_role("button", name="Trigger event"))
    expect(page.locator("main")).to_contain_text("ccepted")
    events = platform.get("/device/timeline", deviceId=fleet.BENCH).json()["content"]
    assert "Asked for on the phone" in [event.get("description") for event in events]


def sign_out(user: InputDevice) -> None:
    page = user.page
    user.press(page.locator(".bar .menu-button"))
    user.press(page.get_by_role("button", name="Sign out"))
    expect(page).to_have_url(re.compile("/sign-in/"))
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
