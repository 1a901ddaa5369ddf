"""The list: columns, connectivity check and row menu by keyboard; widths and phone targets."""

from __future__ import annotations

import re

from playwright.sync_api import Route, expect

from tests.browser.conftest import Open
from tests.browser.waits import stable_box, until
from tests.servers import SandboxServer


def test_columns_check_and_row_menu_by_keyboard(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    page = open_page("support")
    page.goto("/devices/?q=room&sort=Name")
    page.locator("#columns").focus()
    page.keyboard.press("Enter")
    firmware = page.locator("#columns-form input[value=firmware]")
    expect(firmware).to_be_visible()
    firmware.focus()
    page.keyboard.press("Space")
    expect(firmware).not_to_be_checked()
    expect(firmware).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("th.col-firmware")).to_have_count(0)
    expect(page.locator("#columns")).to_be_focused()
    expect(page).to_have_url(re.compile(r"\?q=room&sort=Name$"))

    steps: list[str] = []
    page.on("request", lambda request: steps.append(request.post_data or "") if "/online/" in request.url else None)
    page.locator("#check").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#list-parts")).to_contain_text("Offline")
    assert len(steps) == len(set(steps)) > 2, "several steps, none twice"
    expect(page.locator("#check")).to_be_focused()
    expect(page.locator("#live")).to_contain_text("checked: ")
    expect(page).to_have_url(re.compile("checked="))
    page.reload()
    expect(page.locator("td.col-status").first).to_contain_text(re.compile(r"\d\d:\d\d:\d\d|no answer"))

    page.locator("a.more").nth(1).focus()
    page.keyboard.press("Enter")
    menu = page.locator("#row-menu")
    expect(menu).to_be_visible()
    expect(menu.locator("#row-menu-name")).to_have_text(page.locator("tbody th a").nth(1).inner_text())
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_text("Rename")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.locator("a.more").nth(1)).to_be_focused()
    name = page.locator("tbody th a").nth(1)
    old = name.inner_text()
    for new in ("Not quiet at all", old):
        page.keyboard.press(" ")
        expect(menu).to_be_visible()
        page.keyboard.press("ArrowDown")
        expect(menu.get_by_text("Rename")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#dialog input[name=name]")).to_be_focused()
        page.keyboard.press("Control+a")
        page.keyboard.type(new)
        page.keyboard.press("Enter")
        expect(page.locator("#dialog")).to_be_hidden()
        expect(name).to_have_text(new)
        expect(page.locator("a.more").nth(1)).to_be_focused()
        expect(page.locator("#flash")).to_contain_text("Read back at")
        expect(page.locator("#live")).to_contain_text("Renamed to")
    expect(page).to_have_url(re.compile("checked="))

    # Other rows came meanwhile: the dialog closes, and the notice is above the list.
    page.locator("a.more").nth(1).press(" ")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog input[name=name]")).to_be_focused()
    page.evaluate("htmx.ajax('get', '/devices/?q=pump', {target: '#results', swap: 'innerHTML'})")
    expect(page.get_by_role("link", name=old, exact=True)).to_have_count(0)
    page.locator("#dialog input[name=name]").fill("Quiet after all")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(page.locator("#flash")).to_contain_text("Renamed to Quiet after all.")
    expect(page.locator("#flash button")).to_be_focused()

    page.goto("/devices/")
    page.evaluate("scrollTo(0, 900)")
    until(page, "scrollY >= 900 && document.querySelector('thead th').getBoundingClientRect().y === 0")  # in sight


def test_running_check_shows_progress_and_can_be_stopped(open_page: Open, fresh_sandbox: SandboxServer) -> None:
    page = open_page("support", expected={"ERR_FAILED", "htmx:"})
    page.goto("/devices/")
    progress = page.locator("#check-step")
    requested = 0

    def two_steps_then_nothing(route: Route) -> None:
        nonlocal requested
        requested += 1
        if requested <= 3 or "stop" in (route.request.post_data or ""):
            route.continue_()
        elif requested == 4:
            route.abort()

    page.route("**/devices/online/", two_steps_then_nothing)
    page.locator("#check").focus()
    page.keyboard.press("Enter")
    expect(progress).to_contain_text("16 of 50 checked")
    expect(progress.get_by_role("progressbar", name="16 of 50 checked")).to_be_visible()
    expect(page.locator("td.col-status .word")).to_have_count(16)
    expect(page.locator("#check")).to_be_focused()
    expect(page.locator("#check")).to_have_text("Stop checking")
    expect(progress).to_contain_text("The portal cannot be reached")
    progress.get_by_role("button", name="Go on").click()
    expect(page.locator("#check")).to_be_focused()
    expect(progress).to_have_attribute("aria-busy", "true")
    page.locator("#check").click()
    expect(page.locator("#list-parts")).to_contain_text("Not checked 34")
    expect(page.locator("#check")).to_have_text("Check again")
    expect(page).to_have_url(re.compile("checked="))


def test_list_works_without_script(open_page: Open) -> None:
    page = open_page("admin", java_script_enabled=False)
    page.goto("/devices/?size=25")
    page.locator("#columns").click()
    page.get_by_role("checkbox", name="Board").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("th.col-board")).to_have_count(1)
    page.locator("#columns").click()
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("th.col-board")).to_have_count(0)
    page.get_by_role("button", name="Check these 25").click()
    expect(page.locator("#list-parts")).to_contain_text("All 25")
    page.locator("#rows-per-page").select_option("50")
    page.locator(".list-foot noscript button, .list-foot form >> text=Show").first.click()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.locator("a.more").first.click()
    expect(page).to_have_url(re.compile(r"/devices/\d+/$"))


def test_no_width_overflows_and_phone_targets_are_large(open_page: Open) -> None:
    page = open_page("support", has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    page.goto("/devices/?q=room")
    page.locator("#check").tap()
    expect(page.locator("#list-parts")).to_be_visible()
    for width in (390, 700, 900, 930, 959, 1000, 1200, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        until(page, "(width) => screen.width === width", width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
        cut = page.evaluate("""() => document.querySelector('.table-list').getBoundingClientRect().right
          - document.querySelector('.table-fit').getBoundingClientRect().right""")
        assert cut <= 0, f"at {width} the table is cut"
    page.set_viewport_size({"width": 390, "height": 844})
    until(page, "(width) => screen.width === width", 390)
    for target in ("#check", "#rows-per-page", "#list-where > summary", "#list-parts a >> nth=0"):
        assert stable_box(page.locator(target))["height"] >= 44, target
    first = page.locator("tbody tr").first
    name, state = first.locator("th").bounding_box(), first.locator(".col-status").bounding_box()
    assert name is not None
    assert state is not None
    assert name["x"] + name["width"] <= state["x"] + 1, "side by side"
