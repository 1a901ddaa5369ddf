"""The picker of people: by keyboard, by pointer, and its announcements."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Open
from tests.browser.waits import ask, fits

Field = Callable[[], tuple[Page, Locator]]


@pytest.fixture
def owner_field(open_page: Open) -> Field:
    """The form of a new device and its owner field."""

    def opened() -> tuple[Page, Locator]:
        page = open_page("admin")
        page.goto("/devices/new/")
        return page, page.locator("#id_owner")

    return opened


def options(page: Page) -> Locator:
    return page.locator("[role=listbox] [role=option]")


def test_choose_a_person_by_keyboard(owner_field: Field) -> None:
    page, field = owner_field()
    field.focus()
    expect(field).to_have_role("combobox")
    expect(field).to_have_attribute("aria-expanded", "false")
    ask(page, field, "an")
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#live")).to_have_text(re.compile(r"\d+ matches"))
    expect(page.get_by_role("listbox", name="People")).to_be_visible()
    first, second = options(page).nth(0), options(page).nth(1)
    field.press("ArrowDown")
    expect(first).to_have_attribute("aria-selected", "true")
    field.press("ArrowUp")
    expect(options(page).last).to_have_attribute("aria-selected", "true")
    field.press("ArrowDown")
    field.press("ArrowDown")
    expect(second).to_have_attribute("aria-selected", "true")
    assert field.get_attribute("aria-activedescendant") == second.get_attribute("id")
    email = second.get_attribute("data-value")
    field.press("Enter")
    expect(field).to_have_value(str(email))
    expect(options(page)).to_have_count(0)
    expect(field).to_be_focused()
    expect(page).to_have_url(re.compile("/devices/new/$"))
    expect(page.locator("#id_owner-picks")).to_have_text("Ana Lund")


def test_choose_a_match_by_pointer_and_keep_the_focus(owner_field: Field) -> None:
    page, field = owner_field()
    ask(page, field, "lund")
    options(page).first.click()
    expect(field).to_have_value("ana.lund@example.org")
    expect(field).to_be_focused()
    expect(options(page)).to_have_count(0)


def test_escape_and_blur_close_the_list_and_keep_the_input(owner_field: Field) -> None:
    page, field = owner_field()
    ask(page, field, "lund")
    expect(options(page)).to_have_count(1)
    field.press("Escape")
    expect(options(page)).to_have_count(0)
    expect(field).to_have_value("lund")
    field.press("Backspace")
    expect(options(page)).to_have_count(1)
    page.locator("#id_name").focus()
    expect(options(page)).to_have_count(0)
    expect(field).to_have_value("lun")
    expect(field).to_have_attribute("aria-expanded", "false")


def test_enter_without_a_choice_submits_the_form(open_page: Open) -> None:
    page = open_page("admin")
    page.goto("/devices/by-owner/")
    field = page.locator("#id_email")
    ask(page, field, "ana.lund@example.org")
    expect(options(page)).to_have_count(1)
    field.press("Enter")
    expect(page.locator("h1")).to_have_text("Devices by owner")
    expect(page).to_have_url(re.compile("email=ana.lund%40example.org"))


def test_one_character_sends_nothing_and_no_match_is_announced(owner_field: Field) -> None:
    page, field = owner_field()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url) if "/pick/" in request.url else None)
    field.press_sequentially("zzqq", delay=400)
    expect(page.locator("#id_owner-picks")).to_have_text("Nothing matches “zzqq”.")
    expect(page.locator("#live")).to_have_text("Nothing matches “zzqq”.")
    assert requested
    assert not any(url.endswith("q=z") for url in requested)
    assert all(url.split("?")[1].startswith("q=") for url in requested), "sent as q, whatever the field's name"


def test_late_reply_opens_nothing_after_blur(owner_field: Field) -> None:
    page, field = owner_field()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/pick/user/**", hold)
    with page.expect_request("**/pick/user/**"):
        field.press_sequentially("lu")  # two characters: one request, however slow
    page.locator("#id_name").focus()
    with page.expect_response("**/pick/user/**") as answered:
        held[0].continue_()
    answered.value.finished()
    expect(page.locator("#id_name")).to_be_focused()
    expect(options(page)).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_open_list_is_accessible(open_page: Open, width: int, scheme: str) -> None:
    page = open_page("admin", viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto("/devices/new/")
    ask(page, page.locator("#id_owner"), "an")
    expect(options(page).first).to_be_visible()
    page.locator("#id_owner").press("ArrowDown")
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
    fits(page)
