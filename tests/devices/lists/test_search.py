"""The list of devices and the search: what a support engineer sees, types and gets."""

from __future__ import annotations

import gzip
import time
from typing import Any

import pytest
from django.core.cache import cache

from tests.devices.conftest import HTMX, Person, SignIn
from tests.html import one, soup, words
from tests.servers import SandboxServer

LIST = "/api/v1/organization/devices"
SEARCH = "/api/v1/organization/search/devices"


def paths(platform: SandboxServer) -> list[str]:
    return [entry["path"] for entry in platform.requests()]


def names(response: Any) -> list[str]:
    return [link.get_text() for link in soup(response).select("tbody th a")]


def test_the_first_page_shows_fifty_devices_the_total_and_the_organization(support: Person) -> None:
    page = support.get("/devices/")
    assert page.status_code == 200
    assert len(names(page)) == 50
    heading = one(page, "#headline")
    assert "devices in Halden Cooling" in heading.get_text()
    assert "Cold room 14 - door's sensor" in names(page)


def test_a_page_of_the_list_costs_one_call(support: Person, platform: SandboxServer) -> None:
    support.get("/devices/")
    support.get("/devices/?page=2")
    support.htmx("/devices/?q=room")
    assert paths(platform) == [LIST, LIST, SEARCH]


def test_ids_are_shown_as_names(support: Person) -> None:
    first = soup(support.get("/devices/")).select("tbody tr")[0]
    assert one(first, ".col-template").get_text() == "Cold Room Controller"
    assert one(first, ".col-owner").get_text() == "ana.lund@example.org"
    assert one(first, ".col-org").get_text() == "Halden Cooling"


def test_without_the_permission_for_names_ids_are_shown(viewer: Person) -> None:
    rows = soup(viewer.get("/devices/")).select("tbody tr")
    assert any(one(row, ".col-owner").get_text().startswith("User ") for row in rows)


def test_pages_have_links_and_name_their_range(support: Person) -> None:
    first = support.get("/devices/")
    follow = one(first, "a[rel=next]")
    second = support.get(str(follow["href"]))
    assert "51–" in words(second)
    assert not set(names(first)) & set(names(second))
    assert ", page 2" in one(second, "title").get_text()


def test_a_page_beyond_the_last_links_to_the_last(support: Person) -> None:
    page = support.get("/devices/?page=9999")
    assert page.status_code == 200
    assert "There is no page 9999" in words(page)
    last = one(page, ".empty a.button")
    assert names(support.get(str(last["href"])))


def test_search_finds_by_part_of_a_name_whatever_the_case(support: Person) -> None:
    found = names(support.get("/devices/?q=KITCHEN cold"))
    assert "Kitchen cold room" in found
    assert all("kitchen cold" in name.lower() for name in found)


def test_typing_gets_a_fragment_and_pushes_the_url(support: Person) -> None:
    typed = support.htmx("/devices/?q=boiler&org=&sub_orgs=&sort=&order=ASC&page=")
    assert typed["HX-Push-Url"] == "/devices/?q=boiler"
    assert "HX-Request" in typed["Vary"]
    assert b"<html" not in typed.content
    assert names(typed)
    page = support.get(typed["HX-Push-Url"])
    assert names(page) == names(typed), "the same address is a whole page without htmx"
    assert one(page, "#id_q")["value"] == "boiler"


def test_a_restored_history_entry_gets_the_whole_page(support: Person) -> None:
    restored = support.get("/devices/?q=room", headers=HTMX | {"HX-History-Restore-Request": "true"})
    assert b"<html" in restored.content


def test_results_sort_both_ways_by_the_fields_the_api_knows(support: Person) -> None:
    up = names(support.get("/devices/?q=heat&sort=Name"))
    down = support.get("/devices/?q=heat&sort=Name&order=DESC")
    assert up == sorted(up)
    assert up[0] != names(down)[0]
    head = one(down, "th[aria-sort]")
    assert head["aria-sort"] == "descending"
    assert len(soup(down).select("th[aria-sort]")) == 1


def test_no_match_repeats_the_query_and_links_to_the_list(support: Person) -> None:
    page = support.get("/devices/?q=bioler 2")
    assert "No device matches “bioler 2”" in words(page)
    assert one(page, '.empty a[href="/devices/"]')


def test_a_search_text_too_long_for_the_api_is_refused_at_the_field(support: Person, platform: SandboxServer) -> None:
    assert support.get("/devices/", {"q": "x" * 255}).status_code == 200
    platform.clear_requests()
    for ask in (support.get, support.htmx):
        refused = ask("/devices/?q=" + "x" * 256)
        assert refused.status_code == 422
        error = one(refused, "#q-error .error")
        assert "at most 255 characters" in error.get_text()
        assert "HX-Push-Url" not in refused, "the address stays that of the last answer"
    assert one(support.get("/devices/?q=" + "x" * 256), "#id_q")["value"] == "x" * 256
    assert paths(platform) == [], "no call is spent on it"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("page=-1", "not a page number"),
        ("page=abc", "not a page number"),
        ("page=99999999999999999999", "not a page number"),
        ("page=%00", "not a page number"),
        ("size=99999", "Rows per page go from 1 to 1000"),
        ("size=0", "Rows per page go from 1 to 1000"),
        ("q=room&sort=Auth+Token", "cannot sort by that"),
        ("q=room&order=sideways", "ASC or DESC"),
        ("org=x", "not an organization"),
        ("org=" + "9" * 10_000, "not an organization"),
    ],
)
def test_a_wrong_value_gets_a_warning_and_a_default(support: Person, query: str, sentence: str) -> None:
    page = support.get("/devices/?" + query)
    assert page.status_code == 200
    assert sentence in words(page)
    assert names(page)


@pytest.mark.parametrize("query", ["q=%00", "q=a%00b", "q=" + "%F0%9F%A7%8A" * 2500, "q=%ff%fe"])
def test_invalid_bytes_do_not_break_the_page(support: Person, query: str) -> None:
    assert support.get("/devices/?" + query).status_code in (200, 422)
    assert support.htmx("/devices/?" + query).status_code in (200, 422)


def test_a_doubled_field_counts_once(support: Person) -> None:
    page = support.get("/devices/?q=boiler&q=kitchen cold")
    assert "Kitchen cold room" in names(page)


def test_sub_organizations_are_a_removable_filter(support: Person) -> None:
    wide = support.get("/devices/?sub_orgs=on")
    assert "and its sub-organizations" in words(wide)
    without = one(wide, ".chip a")
    assert without["href"] == "/devices/"


def test_another_organization_can_be_chosen(support: Person) -> None:
    choice = next(o for o in soup(support.get("/devices/")).select("#id_org option") if o.get_text() == "Halden North")
    page = support.get(f"/devices/?org={choice['value']}")
    assert {cell.get_text() for cell in soup(page).select("tbody .col-org")} == {"Halden North"}


def test_a_foreign_organization_is_not_found(support: Person) -> None:
    page = support.get("/devices/?org=2000000000")
    assert page.status_code == 404
    assert "Traceback" not in words(page)


def test_a_search_says_that_the_organization_does_not_apply(support: Person) -> None:
    page = support.get("/devices/?q=room&org=2&sub_orgs=on")
    assert "does not apply to a search" in words(page)
    headline = one(page, "#headline")
    assert headline.get_text().endswith("in Halden Cooling"), "the place that was searched, not the one chosen"
    assert "in Halden Cooling" in words(support.get("/devices/?q=bioler&org=2"))


@pytest.mark.parametrize("address", ["/devices/?q=script", "/devices/?q=7*7", "/devices/?size=200"])
def test_values_of_the_api_are_shown_as_text(support: Person, address: str) -> None:
    page = support.get(address)
    scripts = [script for script in soup(page).select("script") if not script.get("src")]
    assert scripts == []
    assert not soup(page).select("tbody img, tbody i, tbody svg[onload]")
    assert "49 {% debug" not in words(page)
    for forbidden in ("\x00", "\x1b", "\x07", "\N{RIGHT-TO-LEFT OVERRIDE}"):
        assert forbidden not in page.content.decode()


def test_a_name_of_two_thousand_characters_does_not_flood_the_list(support: Person) -> None:
    page = support.get("/devices/?q=" + "x" * 100)
    assert len(names(page)[0]) <= 120


def test_the_first_page_is_small(support: Person) -> None:
    page = support.get("/devices/")
    assert len(names(page)) == 50
    size = len(gzip.compress(page.content, 6))
    assert size <= 10_000, f"{size} bytes compressed"


def test_without_the_permission_the_page_names_it(owner: Person) -> None:
    page = owner.get("/devices/?q=room")
    assert page.status_code == 403
    assert "ORG_DEVICES_VIEW" in words(page)
    fragment = owner.htmx("/devices/?q=room")
    assert fragment.status_code == 403
    assert "ORG_DEVICES_VIEW" in words(fragment)
    assert b"<html" not in fragment.content


def test_signed_out_redirects_to_sign_in_and_back(platform: SandboxServer) -> None:
    stranger = Person()
    page = stranger.get("/devices/?q=room", secure=True)
    assert page.status_code == 302
    assert page["Location"] == "/sign-in/?next=%2Fdevices%2F%3Fq%3Droom"
    banner = stranger.htmx("/devices/?q=room")
    assert banner.status_code == 401
    assert banner["HX-Retarget"] == "#session-banner"


def test_the_platform_down_is_an_error_with_try_again(support: Person, platform_down: Any) -> None:
    with platform_down():
        page = support.get("/devices/")
        fragment = support.htmx("/devices/?q=room")
    for answer in (page, fragment):
        assert answer.status_code == 503
        assert "cannot be reached" in words(answer)
        assert "Try again" in words(answer)


def test_the_list_takes_no_post(support: Person) -> None:
    answer = support.post("/devices/", {"q": "room"})
    assert answer.status_code == 405
    assert "Nothing was changed" in words(answer)


def test_slow_names_delay_a_page_by_the_time_limit_only(
    support: Person, fresh_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devices.directory.names.TIME_LIMIT", 0.2)
    cache.clear()
    for path in ("/templates", "/sub-organizations", "/users"):
        fresh_sandbox.fault(path, "delay", delay=9)
    started = time.monotonic()
    page = support.get("/devices/")
    assert time.monotonic() - started < 9, "it came before any of them"
    assert len(names(page)) == 50
    assert "Template 11" in words(page)


def test_the_own_organization_has_a_name_without_the_profile(
    platform: SandboxServer, fresh_sandbox: SandboxServer
) -> None:
    profile = platform.get("/user/profile", "support").json()
    del profile["orgName"]
    fresh_sandbox.fault("/user/profile", "json", body=profile)
    person = Person()
    person.defaults["wsgi.url_scheme"] = "https"
    person.post("/sign-in/", {"username": "support@example.com", "password": "demo"})
    page = person.get("/devices/")
    assert "devices in Halden Cooling" in words(page)
    chosen = one(page, "#id_org option[selected]")
    assert (chosen["value"], chosen.get_text()) == ("", "Halden Cooling")


def test_two_people_do_not_share_names(sign_in: SignIn) -> None:
    seen = words(sign_in("support").get("/devices/"))
    assert "ana.lund@example.org" in seen
    assert "ana.lund@example.org" not in words(sign_in("viewer").get("/devices/"))
