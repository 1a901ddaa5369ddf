"""Ways to work with a page: by mouse, by touch, by the keyboard alone. Each meets the page as that person would."""

from __future__ import annotations

from typing import Protocol

from playwright.sync_api import Locator, Page, expect

from tests.browser.waits import settled_size

TABS_AT_MOST = 150
"""Presses of Tab after which nobody would go on looking."""
TOUCH = 44
NEAR = 24
"""Least width and height of what is pressed, px: by touch, for the main controls, and anywhere (WCAG 2.5.8)."""


class Hand(Protocol):
    page: Page

    def press(self, target: Locator) -> None:
        """A link or a button."""

    def write(self, field: Locator, text: str) -> None:
        """Instead of what stands there."""

    def choose(self, field: Locator, number: int) -> None:
        """One of a select's options, by its place."""


class Mouse:
    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def write(self, field: Locator, text: str) -> None:
        field.fill(text)

    def choose(self, field: Locator, number: int) -> None:
        field.select_option(index=number)


class Finger:
    """A phone's. What it presses is large enough; the text under a finger is no smaller than 16 px, or iOS zooms."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        box = settled_size(target)
        assert min(box["width"], box["height"]) >= NEAR, (target, box)
        target.tap()

    def write(self, field: Locator, text: str) -> None:
        box = settled_size(field)
        assert box["height"] >= TOUCH, (field, box)
        assert field.evaluate("element => parseFloat(getComputedStyle(element).fontSize)") >= 16
        field.tap()
        field.fill(text)

    def choose(self, field: Locator, number: int) -> None:
        field.select_option(index=number)


class Keyboard:
    """Never touches a mouse: Tab until the thing has the focus, which has to be seen, then its key."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, target: Locator) -> None:
        target = target.first
        expect(target).to_be_visible()
        self.page.wait_for_load_state()
        keys = self.page.keyboard
        for _ in range(TABS_AT_MOST):
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
