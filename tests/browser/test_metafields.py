"""Metafields in a browser: several editors at once, and invalid input in a number field."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.servers import SandboxServer

Open = Callable[..., Page]


def row(page: Page, name: str) -> Locator:
    return page.locator("tr", has=page.get_by_role("rowheader", name=name, exact=True))


def opened(page: Page, name: str) -> Locator:
    row(page, name).get_by_role("link", name=f"Edit {name}").click()
    box = row(page, name).locator("[name=value]")
    expect(box).to_be_focused()
    return box


def test_cancel_keeps_the_input_of_another_row(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    page = open_page("support")
    page.goto("/devices/9/metafields/")
    shelf = opened(page, "Shelf")
    shelf.fill("B-7")
    opened(page, "Hotspot").fill("thrown away")
    row(page, "Hotspot").get_by_role("link", name="Cancel").click()
    expect(row(page, "Hotspot")).to_contain_text("halden-bench")
    expect(page.get_by_role("link", name="Edit Hotspot")).to_be_focused()
    expect(shelf).to_have_value("B-7")


def test_invalid_number_clears_nothing(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    page = open_page("support", expected={422})
    page.goto("/devices/9/metafields/")
    box = opened(page, "Inspections")
    box.press("Control+a")
    box.press_sequentially("1e")
    row(page, "Inspections").get_by_role("button", name="Save").click()
    expect(row(page, "Inspections").locator(".error")).to_contain_text("No number arrived")
    box.fill("8")
    box.press("Enter")
    expect(row(page, "Inspections")).to_contain_text("Inspections saved")


def test_editor_stays_when_the_field_cannot_be_read(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    page = open_page("support", expected={502})
    page.goto("/devices/9/metafields/")
    shelf = opened(page, "Shelf")
    shelf.fill("B-7")
    fresh_sandbox.fault("/device/metafield", "status", status=500, method="GET")
    shelf.press("Enter")
    expect(row(page, "Shelf").locator(".error")).to_contain_text("The platform reported an internal error.")
    expect(shelf).to_have_value("B-7")
    fresh_sandbox.clear_faults()
    row(page, "Shelf").get_by_role("button", name="Save").click()
    expect(row(page, "Shelf")).to_contain_text("Shelf saved")
    expect(row(page, "Shelf").locator(":focus")).to_have_count(1)
