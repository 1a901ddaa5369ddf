"""The device page and its timeline: keys, focus, announcements, no layout shift."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.waits import arrived, fits, replaced, stable_box
from tests.devices import fleet
from tests.servers import SandboxServer

DEVICE = f"/devices/{fleet.RICH}/"
SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
MOST = 0.02


def shifted(page: Page) -> float:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return float(page.evaluate("window.shifted"))


def until_focused(page: Page, selector: str, presses: int = 40) -> None:
    """Presses Tab until it has the focus."""
    for _ in range(presses):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} was not reached")


@pytest.mark.parametrize("size", [{"width": 1280, "height": 900}, {"width": 390, "height": 844}], ids=["desk", "phone"])
def test_chart_by_keyboard_without_layout_shift(open_page: Open, size: Any) -> None:
    page = open_page("support", viewport=size)
    page.add_init_script(SHIFTS)
    page.goto(DEVICE + "timeline/")
    expect(page.locator("svg.chart-drawing")).to_be_visible()
    assert shifted(page) <= MOST
    fits(page)
    until_focused(page, "#lane-critical")
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_have_text(re.compile(r"Events 1 to \d+ of \d+"))
    expect(page).to_have_url(re.compile(r"type=CRITICAL"))
    expect(page.locator("#lane-critical")).to_be_focused()
    assert set(page.locator("td.event").all_inner_texts()) == {"Critical"}
    dim = page.locator(".chart-warning").first
    expect(dim).to_have_css("opacity", "0.3")
    assert shifted(page) <= MOST
    until_focused(page, ".chart-plot")
    until_focused(page, ".chart-foot summary")
    page.keyboard.press("Enter")
    until_focused(page, ".table-days th a")
    day = page.evaluate("document.activeElement.hash")
    page.keyboard.press("Enter")
    expect(page.locator(day)).to_be_in_viewport()


def test_reload_keeps_the_focus_and_announces_the_time(open_page: Open) -> None:
    page = open_page("support", permissions=["clipboard-read", "clipboard-write"])
    page.add_init_script(SHIFTS)
    page.goto(DEVICE)
    assert shifted(page) <= MOST
    for tab, content in (("", r"Values read \d\d:\d\d:\d\d"), ("timeline/", r"Events read \d\d:\d\d:\d\d")):
        page.goto(DEVICE + tab)
        if tab:
            expect(page.locator("svg.chart-drawing")).to_be_visible()
        page.locator("#read-again").focus()
        with replaced(page.locator("#chart > *" if tab else "#panel > *")):
            page.keyboard.press("Enter")
        expect(page.locator("#live")).to_have_text(re.compile(content))
        expect(page.locator("#read-again")).to_be_focused()
        assert shifted(page) <= MOST
    before = page.locator(".facts").bounding_box()
    copy = page.get_by_role("button", name="Copy Device ID")
    copy.click()
    expect(copy.get_by_text("Copied")).to_be_visible()
    expect(page.locator("#live")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == str(fleet.RICH)
    assert page.locator(".facts").bounding_box() == before
    box = stable_box(copy)
    assert min(box["width"], box["height"]) >= 24


def test_timeline_works_without_script(open_page: Open) -> None:
    page = open_page("support", java_script_enabled=False, viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto(DEVICE + "timeline/")
    expect(page.locator(".facts .copy").first).to_be_hidden()
    expect(page.get_by_text("Reading the events of the last days")).to_be_hidden()
    page.get_by_role("link", name="Show the chart on a separate page").click()
    expect(page.locator("svg.chart-drawing")).to_be_visible()
    page.get_by_text("Show as table").click()
    expect(page.locator(".table-days")).to_be_visible()
    page.locator("#lane-warning").click()
    arrived(page, ".*type=WARNING.*")
    assert set(page.locator("td.event").all_inner_texts()) == {"Warning"}


def test_back_after_a_corrected_form_does_not_resubmit_it(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    page = open_page("admin", expected={422})
    page.goto("/devices/2/rename/")
    for name in ("North / wall", "North wall"):
        page.locator("main input[name=name]").fill(name)
        with replaced(page.locator("main form")):
            page.locator("main").get_by_role("button", name="Rename device").click()
    arrived(page, r"/devices/2/\?change=\d+")
    page.reload()
    expect(page.locator("#flash")).to_contain_text("Renamed to North wall.")
    page.go_back()  # an answer to a POST could only be sent again
    arrived(page, "/devices/2/rename/")
    expect(page.locator("main input[name=name]")).to_have_value("North wall")
    page.go_forward()
    expect(page.locator("h1")).to_have_text("North wall")
