"""Ways to use a page: mouse, touch, keyboard alone."""

from __future__ import annotations

from typing import Protocol

from playwright.sync_api import Locator, Page, expect

from tests.browser.waits import stable_box

MAX_TABS = 150
"""Presses of Tab after which an element counts as out of reach."""
TOUCH = 44
MINIMUM = 24
"""Smallest target in px: main controls by touch, and any target (WCAG 2.5.8)."""


class InputDevice(Protocol):
    page: Page

    def press(self, target: Locator) -> None:
        """Presses a link or button."""

    def write(self, field: Locator, text: str) -> None:
        """Replaces the text of the field."""

    def choose(self, field: Locator, number: int) -> None:
        """Chooses an option of a select by its index."""


class Mouse:
    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def write(self, field: Locator, text: str) -> None:
        field.fill(text)

    def choose(self, field: Locator, number: int) -> None:
        field.select_option(index=number)


class Touch:
    """A phone. Targets are large enough, and text in fields has at least 16 px, or iOS zooms in."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        box = stable_box(target)
        assert min(box["width"], box["height"]) >= MINIMUM, (target, box)
        target.tap()

    def write(self, field: Locator, text: str) -> None:
        box = stable_box(field)
        assert box["height"] >= TOUCH, (field, box)
        assert field.evaluate("element => parseFloat(getComputedStyle(element).fontSize)") >= 16
        field.tap()
        field.fill(text)

    def choose(self, field: Locator, number: int) -> None:
        field.select_option(index=number)


class Keyboard:
    """Presses Tab until the target has a visible focus, then its key."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, target: Locator) -> None:
        target = target.first
        expect(target).to_be_visible()
        self.page.wait_for_load_state()
        keys = self.page.keyboard
        for _ in range(MAX_TABS):
            if target.evaluate("element => element === document.activeElement"):
                ring = target.evaluate("element => getComputedStyle(element).outlineStyle")
                assert ring != "none", f"no focus to be seen on {target}"
                return
            keys.press("Tab")
        raise AssertionError(f"{target} is out of the keyboard's reach")

    def press(self, target: Locator) -> None:
        self.reach(target)
        self.page.keyboard.press("Enter")

    def write(self, field: Locator, text: str) -> None:
        self.reach(field)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def choose(self, field: Locator, number: int) -> None:
        self.reach(field)
        self.page.keyboard.press("Home")
        for _ in range(number):
            self.page.keyboard.press("ArrowDown")
