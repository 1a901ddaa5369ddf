"""The page of one device: its heading, values, connection and honest states."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from devices.core import requests
from tests.devices import fleet
from tests.devices.conftest import Person, soup, words
from tests.devices.device_page import tabs
from tests.servers import SandboxServer

API = "/api/v1/organization/"


def calls(platform: SandboxServer) -> list[str]:
    return [f"{entry['method']} {entry['path'].removeprefix(API)}" for entry in platform.requests()]


def test_the_heading_tells_who_the_device_is(support: Person) -> None:
    page = support.get(f"/devices/{fleet.RICH}/")
    assert page.status_code == 200
    facts = {
        fact.dt.get_text(): " ".join(fact.select_one("dd > *").get_text(" ").split())  # type: ignore[union-attr]
        for fact in soup(page).select(".facts > div")
    }
    assert facts["Device ID"].startswith("1")
    assert facts["Owner"] == "ana.lund@example.org"
    assert facts["Organization"] == "Halden Cooling"
    assert facts["Template"] == "Cold Room Controller"
    assert "ESP32" in facts["Firmware"]
    assert facts["Activated"]
    assert soup(page).h1.get_text() == "Cold room 14 - door's sensor"  # type: ignore[union-attr]


def test_the_first_view_costs_two_calls_and_a_tab_one(support: Person, platform: SandboxServer) -> None:
    support.get(f"/devices/{fleet.RICH}/")
    assert sorted(calls(platform)) == ["GET device", "GET device/online"]
    platform.clear_requests()
    support.htmx(f"/devices/{fleet.RICH}/tags/")
    support.htmx(f"/devices/{fleet.RICH}/metafields/")
    support.htmx(f"/devices/{fleet.RICH}/logs/")
    support.htmx(f"/devices/{fleet.RICH}/")
    assert calls(platform) == ["GET device/tags", "GET device/metafield", "GET device/logs", "GET device"]
    support.htmx(f"/devices/{fleet.RICH}/timeline/")
    platform.clear_requests()
    support.htmx(f"/devices/{fleet.RICH}/timeline/?page=2")
    assert calls(platform) == ["GET device/timeline"], "names of events are read once a template"


def test_a_tab_as_a_page_of_its_own_costs_two_calls_more_and_then_one(support: Person, platform: SandboxServer) -> None:
    support.get(f"/devices/{fleet.RICH}/metafields/")
    assert sorted(calls(platform)) == ["GET device/baseInfo", "GET device/metafield", "GET device/online"]
    platform.clear_requests()
    support.get(f"/devices/{fleet.RICH}/logs/")
    assert sorted(calls(platform)) == ["GET device/logs", "GET device/online"], "the heading was read a moment ago"


def test_online_carries_the_time_it_was_checked_with_its_zone(support: Person) -> None:
    badge = soup(support.get(f"/devices/{fleet.RICH}/")).select_one("#online")
    assert badge is not None
    assert re.search(r"checked \d\d:\d\d:\d\d UTC", badge.get_text(" "))


def test_unknown_is_not_offline(support: Person) -> None:
    badge = soup(support.get(f"/devices/{fleet.UNKNOWN_ONLINE}/")).select_one("#online")
    assert badge is not None
    assert "Unknown" in badge.get_text()
    assert "Offline" not in badge.get_text()


def test_asking_again_replaces_the_badge_alone_and_works_as_a_page(support: Person, platform: SandboxServer) -> None:
    fragment = support.htmx(f"/devices/{fleet.RICH}/online/")
    assert calls(platform) == ["GET device/online"]
    assert soup(fragment).select_one("#online")
    assert b"<html" not in fragment.content
    page = support.get(f"/devices/{fleet.RICH}/online/")
    assert soup(page).h1.get_text() == "Cold room 14 - door's sensor"  # type: ignore[union-attr]


def test_an_online_state_that_cannot_be_read_costs_only_itself(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/online", "status", status=500)
    page = support.get(f"/devices/{fleet.RICH}/")
    assert page.status_code == 200
    badge = soup(page).select_one("#online")
    assert badge is not None
    assert "Unknown" in badge.get_text()
    assert "Could not ask" in badge.get_text()


def test_every_value_has_its_age_and_old_ones_stand_apart(support: Person) -> None:
    page = support.get(f"/devices/{fleet.RICH}/")
    rows = soup(page).select(".table-values tbody tr:not(.group)")
    assert rows
    for row in rows:
        assert row.select_one("time") or "Never" in row.get_text()


@pytest.mark.parametrize(("hours", "old"), [(23, False), (25, True)])
def test_a_value_moves_below_the_line_when_a_day_has_passed(
    support: Person, monkeypatch: pytest.MonkeyPatch, hours: int, old: bool
) -> None:
    now = time.time()
    monkeypatch.setattr(requests, "wall", lambda: now + hours * 3600)
    page = soup(support.get(f"/devices/{fleet.RICH}/"))
    reported = next(row for row in page.select(".table-values tr") if "Temperature" in row.get_text())
    assert ("old" in (reported.parent or {}).get("class", [])) is old  # type: ignore[union-attr]
    assert bool(page.select(".table-values tr.group")) is old
    age = reported.select_one(".age")
    assert (age and age.get_text().strip()) == (None if old else f"{hours} h"), "beyond a day the time tells more"


def test_a_device_that_never_reported_says_so(support: Person) -> None:
    page = support.get(f"/devices/{fleet.NEVER_ACTIVATED}/")
    assert page.status_code == 200
    facts = {row.dt.get_text(): row.dd.get_text(" ", strip=True) for row in soup(page).select(".facts > div")}  # type: ignore[union-attr]
    assert facts["Activated"] == "Never"
    assert "Never" in words(page)
    assert [group.get_text() for group in soup(page).select(".table-values .group")] == ["Never reported"]


def test_a_serial_number_among_the_metafields_stands_in_the_heading_to_be_copied(support: Person) -> None:
    for device_id, holds in ((fleet.NEVER_ACTIVATED, True), (fleet.RICH, False)):
        heads = [head.get_text() for head in soup(support.get(f"/devices/{device_id}/")).select(".facts dt")]
        assert ("Serial" in heads) is holds
    fact = soup(support.get(f"/devices/{fleet.NEVER_ACTIVATED}/")).select(".facts > div")[1]
    copied = fact.select_one("[data-copy]")
    assert copied is not None
    assert copied["data-copy"] == fact.select("dd span")[0].get_text() != ""


@pytest.mark.parametrize(
    ("path", "tab"), [("", "metafields"), ("timeline/", "timeline"), ("logs/", "logs"), ("tags/", "tags")]
)
def test_a_panel_brings_its_count_to_the_tabs_that_stay(support: Person, path: str, tab: str) -> None:
    page = soup(support.get(f"/devices/{fleet.RICH}/{path}")).select_one(f".tabs #count-{tab}")
    assert page is not None
    assert page.get_text().strip()
    assert not page.has_attr("hidden")
    beside = soup(support.htmx(f"/devices/{fleet.RICH}/{path}")).select(f"#count-{tab}[hx-swap-oob]")
    assert [count.get_text() for count in beside] == [page.get_text()]


@pytest.mark.parametrize("device_id", [fleet.NO_OWNER, fleet.NO_HARDWARE, fleet.NO_HISTORY, fleet.BENCH])
def test_what_is_missing_is_said_never_blank(support: Person, device_id: int) -> None:
    page = support.get(f"/devices/{device_id}/")
    assert page.status_code == 200
    for fact in soup(page).select(".facts dd, .dl-grid dd"):
        assert fact.get_text().strip()


def test_no_owner_is_a_word(support: Person) -> None:
    assert "No owner" in words(support.get(f"/devices/{fleet.NO_OWNER}/"))


def test_tabs_have_addresses_of_their_own_and_say_which_is_open(support: Person) -> None:
    for tab, word in (
        ("", "Overview"),
        ("timeline/", "Timeline"),
        ("logs/", "User actions"),
        ("metafields/", "Metafields"),
        ("tags/", "Tags"),
    ):
        page = support.get(f"/devices/{fleet.RICH}/{tab}")
        assert page.status_code == 200
        current = soup(page).select(".tabs [aria-current]")
        assert [link.select_one("[data-words]").get_text() for link in current] == [word]  # type: ignore[union-attr]
        assert current[0]["href"] == f"/devices/{fleet.RICH}/{tab}"


@pytest.mark.parametrize("device_id", [fleet.OUT_OF_REACH, fleet.NOBODY])
@pytest.mark.parametrize("tab", [*tabs.CALLS, "online/", "rename/"])
def test_gone_and_out_of_reach_are_told_alike(support: Person, device_id: int, tab: str) -> None:
    for ask in (support.get, support.htmx):
        answer = ask(f"/devices/{device_id}/{tab}")
        assert answer.status_code == 404
        assert "gone" in words(answer)
        assert "belong to another organization" not in words(answer), "the API's own words are not passed on"


@pytest.mark.parametrize("address", ["/devices/0/", "/devices/2147483648/", "/devices/99999999999/", "/devices/-1/"])
def test_an_id_that_cannot_be_is_not_found_without_a_call(
    support: Person, platform: SandboxServer, address: str
) -> None:
    assert support.get(address).status_code == 404
    assert calls(platform) == []


def test_ones_own_device_opens_and_anothers_names_the_permission(owner: Person) -> None:
    assert owner.get(f"/devices/{fleet.MINE}/").status_code == 200
    refused = owner.get(f"/devices/{fleet.RICH}/")
    assert refused.status_code == 403
    assert "ORG_DEVICES_VIEW" in words(refused)


def test_a_tab_one_may_not_open_is_there_locked_and_names_the_permission(viewer: Person) -> None:
    page = viewer.get(f"/devices/{fleet.RICH}/")
    tab = next(link for link in soup(page).select(".tabs a") if "User actions" in link.get_text())
    assert tab.select_one('[aria-label="Locked:"]')
    for ask in (viewer.get, viewer.htmx):
        refused = ask(f"/devices/{fleet.RICH}/logs/")
        assert refused.status_code == 403
        assert "ORG_DEVICE_VIEW_ACTION_LOG" in words(refused)


def test_a_refusal_known_beforehand_costs_no_call(viewer: Person, platform: SandboxServer) -> None:
    viewer.htmx(f"/devices/{fleet.RICH}/logs/")
    assert calls(platform) == []


@pytest.mark.parametrize("tab", [*tabs.CALLS, "online/", "rename/"])
def test_signed_out_the_way_leads_back_to_the_tab(platform: SandboxServer, tab: str) -> None:
    answer = Person().get(f"/devices/1/{tab}", secure=True)
    assert answer.status_code == 302
    assert answer["Location"].endswith(f"%2Fdevices%2F1%2F{tab.replace('/', '%2F')}")
    banner = Person().htmx(f"/devices/1/{tab}")
    assert banner.status_code == 401
    assert banner["HX-Push-Url"] == "false", "the tab asked for is not on the screen"


@pytest.mark.parametrize("tab", [*tabs.CALLS, "rename/"])
def test_the_platform_down_is_said_in_every_tab(support: Person, platform_down: Any, tab: str) -> None:
    with platform_down():
        for ask in (support.get, support.htmx):
            answer = ask(f"/devices/{fleet.RICH}/{tab}")
            assert answer.status_code == 503
            assert "cannot be reached" in words(answer)
            assert "Traceback" not in words(answer)


@pytest.mark.parametrize("tab", [*tabs.CALLS, "online/"])
def test_reading_takes_no_post(support: Person, tab: str) -> None:
    assert support.post(f"/devices/{fleet.RICH}/{tab}").status_code == 405


@pytest.mark.parametrize("device_id", fleet.HOSTILE)
@pytest.mark.parametrize("tab", tabs.CALLS)
def test_hostile_strings_are_text_everywhere(admin: Person, device_id: int, tab: str) -> None:
    page = admin.get(f"/devices/{device_id}/{tab}")
    assert page.status_code == 200
    tree = soup(page)
    assert not [script for script in tree.select("script") if not script.get("src")]
    assert not tree.select("main img, main i, main svg[onload]")
    assert not [a for a in tree.select("a[href]") if str(a["href"]).lower().startswith(("javascript:", "data:"))]
    assert "Traceback" not in words(page)
    for forbidden in ("\x00", "\x1b", "\x07", "\N{RIGHT-TO-LEFT OVERRIDE}"):
        assert forbidden not in page.content.decode()
