"""Timeline, user actions and tags of a device."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.devices import fleet
from tests.devices.conftest import Person
from tests.html import one, soup, words
from tests.servers import SandboxServer

TIMELINE = f"/devices/{fleet.RICH}/timeline/"
LOGS = f"/devices/{fleet.RICH}/logs/"


def test_the_timeline_is_newest_first_and_grouped_by_day(support: Person) -> None:
    page = support.get(TIMELINE)
    moments = [
        datetime.fromisoformat(str(time["datetime"]).replace("Z", "+00:00"))
        for time in soup(page).select(".table-events time[datetime]")
    ]
    assert len(moments) == 50
    assert moments == sorted(moments, reverse=True)
    assert "up to a minute late" in words(page)
    assert soup(page).select("tr.group")


def test_a_type_filter_holds_on_further_pages(support: Person) -> None:
    page = support.get(TIMELINE + "?type=CRITICAL")
    kinds = {cell.get_text().strip() for cell in soup(page).select("td.event")}
    assert kinds == {"Critical"}
    current = one(page, ".segments [aria-current]")
    assert current.get_text().strip() == "Critical"
    short = support.get(TIMELINE + "?type=CRITICAL&size=2")
    following = one(short, "a[rel=next]")
    assert following["href"] == TIMELINE + "?type=CRITICAL&page=2&size=2"


def test_an_unknown_type_is_shown_as_sent(support: Person) -> None:
    seen: set[str] = set()
    for number in range(1, 12):
        page = support.get(f"{TIMELINE}?page={number}")
        seen |= {cell.get_text().strip() for cell in soup(page).select("td.event")}
        if not soup(page).select_one("a[rel=next]"):
            break
    assert {"Critical", "Warning", "Information", "Online", "Offline", "User note"} <= seen
    assert [word for word in seen if word.isupper()], "the unknown type stands there as sent"


def test_event_names_are_the_same_on_every_page(support: Person) -> None:
    whole = [cell.get_text() for cell in soup(support.get(TIMELINE + "?size=6")).select("td.what")]
    one_by_one = [one(support.get(f"{TIMELINE}?size=1&page={n}"), "td.what").get_text() for n in range(1, 7)]
    assert one_by_one == whole


@pytest.mark.parametrize("query", ["type=SIDEWAYS", "type=%00", "type=" + "x" * 10_000])
def test_a_wrong_type_shows_all_types_with_a_notice(support: Person, query: str) -> None:
    page = support.get(TIMELINE + "?" + query)
    assert page.status_code == 200
    assert "no such event type" in words(page)


@pytest.mark.parametrize("query", ["page=-1", "page=abc", "size=99999", "page=%00", "page=" + "9" * 5000])
def test_wrong_pages_fall_back_to_the_first(support: Person, query: str) -> None:
    for address in (TIMELINE, LOGS):
        page = support.get(address + "?" + query)
        assert page.status_code == 200
        assert soup(page).select(".table-events tbody tr")


def test_a_page_beyond_the_last_links_back(support: Person) -> None:
    page = support.get(TIMELINE + "?page=9999")
    assert "There is no page 9999" in words(page)
    back = one(page, ".empty a.button")
    assert soup(support.get(str(back["href"]))).select(".table-events tbody tr")


def test_no_events_and_no_events_of_a_type_differ(support: Person) -> None:
    none = support.get(f"/devices/{fleet.NO_HISTORY}/timeline/")
    assert "No events" in words(none)
    of_type = support.get(f"/devices/{fleet.NO_HISTORY}/timeline/?type=WARNING")
    assert "No event of type Warning" in words(of_type)
    assert "Show all types" in words(of_type)


def test_a_tab_alone_is_a_fragment_and_its_address_a_page(support: Person) -> None:
    fragment = support.htmx(TIMELINE)
    assert b"<html" not in fragment.content
    assert "HX-Request" in fragment["Vary"]
    assert soup(support.get(TIMELINE)).h1


def test_the_user_action_log_names_its_scope(support: Person) -> None:
    page = support.get(LOGS)
    assert "The device's own actions are not listed." in words(page)
    assert soup(page).select(".table-events tbody tr")
    empty = support.get(f"/devices/{fleet.NO_HISTORY}/logs/")
    assert "No user actions" in words(empty)


def test_every_kind_of_value_in_the_log_is_readable(support: Person) -> None:
    text = words(support.get(LOGS + "?size=200"))
    assert "@example." in text
    assert "[object" not in text
    assert " nothing " in text, "a null value is said"


def test_a_log_without_a_total_has_no_of(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(total_elements="never")
    page = words(support.get(LOGS + "?size=5"))
    assert "1–5, newest first" in page
    assert "1–5 of" not in page


def test_tags_name_the_organization_that_created_them(support: Person, platform: SandboxServer) -> None:
    tagged = next(n for n in range(10, 100) if platform.get("/device/tags", "admin", deviceId=n).json())
    page = support.get(f"/devices/{tagged}/tags/")
    tags = soup(page).select(".tag-list .tag")
    assert tags
    assert all(one(tag, "small").get_text() for tag in tags)
    assert not soup(page).select("#panel form, #panel button"), "no button pretends to edit"


def test_no_tags(support: Person, fresh_sandbox: SandboxServer) -> None:
    bare = next(n for n in range(10, 100) if not fresh_sandbox.get("/device/tags", "admin", deviceId=n).json())
    assert "No tags" in words(support.get(f"/devices/{bare}/tags/"))
