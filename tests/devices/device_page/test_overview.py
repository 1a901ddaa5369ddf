"""The page of one device: its heading, values, connection and honest states."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from devices.core import requests
from tests.devices import fleet
from tests.devices.conftest import Person
from tests.devices.device_page import tabs
from tests.html import one, soup, text, words
from tests.servers import SandboxServer

API = "/api/v1/organization/"


def calls(platform: SandboxServer) -> list[str]:
    return [f"{entry['method']} {entry['path'].removeprefix(API)}" for entry in platform.requests()]


def test_the_heading_identifies_the_device(support: Person) -> None:
    page = support.get(f"/devices/{fleet.RICH}/")
    assert page.status_code == 200
    facts = {
        fact.dt.get_text(): " ".join(one(fact, "dd > *").get_text(" ").split())
        for fact in soup(page).select(".facts > div")
    }
    assert facts["Device ID"].startswith("1")
    assert facts["Owner"] == "ana.lund@example.org"
    assert facts["Organization"] == "Halden Cooling"
    assert facts["Template"] == "Cold Room Controller"
    assert "ESP32" in facts["Firmware"]
    assert facts["Activated"]
    assert one(page, "h1").get_text() == "Cold room 14 - door's sensor"


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


def test_a_tab_on_its_own_page_costs_two_more_calls_and_then_one(support: Person, platform: SandboxServer) -> None:
    support.get(f"/devices/{fleet.RICH}/metafields/")
    assert sorted(calls(platform)) == ["GET device/baseInfo", "GET device/metafield", "GET device/online"]
    platform.clear_requests()
    support.get(f"/devices/{fleet.RICH}/logs/")
    assert sorted(calls(platform)) == ["GET device/logs", "GET device/online"], "the heading was read a moment ago"


def test_the_online_state_has_the_time_of_its_check(support: Person) -> None:
    badge = one(support.get(f"/devices/{fleet.RICH}/"), "#online")
    assert re.search(r"checked \d\d:\d\d:\d\d UTC", badge.get_text(" "))


def test_unknown_is_not_offline(support: Person) -> None:
    badge = one(support.get(f"/devices/{fleet.UNKNOWN_ONLINE}/"), "#online")
    assert "Unknown" in badge.get_text()
    assert "Offline" not in badge.get_text()


def test_check_again_replaces_the_badge_and_works_as_a_page(support: Person, platform: SandboxServer) -> None:
    fragment = support.htmx(f"/devices/{fleet.RICH}/online/")
    assert calls(platform) == ["GET device/online"]
    assert soup(fragment).select_one("#online")
    assert b"<html" not in fragment.content
    page = support.get(f"/devices/{fleet.RICH}/online/")
    assert one(page, "h1").get_text() == "Cold room 14 - door's sensor"


def test_a_failed_online_state_leaves_the_page(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/online", "status", status=500)
    page = support.get(f"/devices/{fleet.RICH}/")
    assert page.status_code == 200
    badge = one(page, "#online")
    assert "Unknown" in badge.get_text()
    assert "Could not ask" in badge.get_text()


def test_every_value_has_a_time_or_never(support: Person) -> None:
    page = support.get(f"/devices/{fleet.RICH}/")
    rows = soup(page).select(".table-values tbody tr:not(.group)")
    assert rows
    for row in rows:
        assert row.select_one("time") or "Never" in row.get_text()


@pytest.mark.parametrize(("hours", "old"), [(23, False), (25, True)])
def test_values_older_than_a_day_are_separate(
    support: Person, monkeypatch: pytest.MonkeyPatch, hours: int, old: bool
) -> None:
    now = time.time()
    monkeypatch.setattr(requests, "wall_clock", lambda: now + hours * 3600)
    page = soup(support.get(f"/devices/{fleet.RICH}/"))
    reported = next(row for row in page.select(".table-values tr") if "Temperature" in row.get_text())
    assert bool(reported.find_parent("tbody", class_="old")) is old
    assert bool(page.select(".table-values tr.group")) is old
    age = reported.select_one(".age")
    assert (age and age.get_text().strip()) == (None if old else f"{hours} h"), "beyond a day the time tells more"


def test_a_device_that_never_reported(support: Person) -> None:
    page = support.get(f"/devices/{fleet.NEVER_ACTIVATED}/")
    assert page.status_code == 200
    facts = {one(row, "dt").get_text(): text(one(row, "dd")) for row in soup(page).select(".facts > div")}
    assert facts["Activated"] == "Never"
    assert "Never" in words(page)
    assert [group.get_text() for group in soup(page).select(".table-values .group")] == ["Never reported"]


def test_a_serial_number_metafield_is_in_the_heading(support: Person) -> None:
    for device_id, holds in ((fleet.NEVER_ACTIVATED, True), (fleet.RICH, False)):
        heads = [head.get_text() for head in soup(support.get(f"/devices/{device_id}/")).select(".facts dt")]
        assert ("Serial" in heads) is holds
    fact = soup(support.get(f"/devices/{fleet.NEVER_ACTIVATED}/")).select(".facts > div")[1]
    copied = one(fact, "[data-copy]")
    assert copied["data-copy"] == fact.select("dd span")[0].get_text() != ""


@pytest.mark.parametrize(
    ("path", "tab"), [("", "metafields"), ("timeline/", "timeline"), ("logs/", "logs"), ("tags/", "tags")]
)
def test_a_panel_updates_the_count_on_its_tab(support: Person, path: str, tab: str) -> None:
    page = one(support.get(f"/devices/{fleet.RICH}/{path}"), f".tabs #count-{tab}")
    assert page.get_text().strip()
    assert not page.has_attr("hidden")
    beside = soup(support.htmx(f"/devices/{fleet.RICH}/{path}")).select(f"#count-{tab}[hx-swap-oob]")
    assert [count.get_text() for count in beside] == [page.get_text()]


@pytest.mark.parametrize("device_id", [fleet.NO_OWNER, fleet.NO_HARDWARE, fleet.NO_HISTORY, fleet.BENCH])
def test_missing_facts_are_never_blank(support: Person, device_id: int) -> None:
    page = support.get(f"/devices/{device_id}/")
    assert page.status_code == 200
    for fact in soup(page).select(".facts dd, .dl-grid dd"):
        assert fact.get_text().strip()


def test_no_owner_is_stated(support: Person) -> None:
    assert "No owner" in words(support.get(f"/devices/{fleet.NO_OWNER}/"))


def test_each_tab_has_an_address_and_is_marked_as_current(support: Person) -> None:
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
        assert [one(link, "[data-words]").get_text() for link in current] == [word]
        assert current[0]["href"] == f"/devices/{fleet.RICH}/{tab}"


@pytest.mark.parametrize("device_id", [fleet.OUT_OF_REACH, fleet.NOBODY])
def test_deleted_and_out_of_reach_devices_look_the_same(support: Person, device_id: int) -> None:
    for tab in ("", "metafields/", "tags/", "online/", "rename/"):
        for request in (support.get, support.htmx):
            response = request(f"/devices/{device_id}/{tab}")
            assert response.status_code == 404
            assert "gone" in words(response)
            assert "belong to another organization" not in words(response), "not the API's own text"


@pytest.mark.parametrize("address", ["/devices/0/", "/devices/2147483648/", "/devices/99999999999/", "/devices/-1/"])
def test_an_impossible_id_is_not_found_without_a_call(support: Person, platform: SandboxServer, address: str) -> None:
    assert support.get(address).status_code == 404
    assert calls(platform) == []


def test_an_owner_sees_only_their_own_device(owner: Person) -> None:
    assert owner.get(f"/devices/{fleet.MINE}/").status_code == 200
    refused = owner.get(f"/devices/{fleet.RICH}/")
    assert refused.status_code == 403
    assert "ORG_DEVICES_VIEW" in words(refused)


def test_a_locked_tab_names_the_missing_permission(viewer: Person) -> None:
    page = viewer.get(f"/devices/{fleet.RICH}/")
    tab = next(link for link in soup(page).select(".tabs a") if "User actions" in link.get_text())
    assert tab.select_one('[aria-label="Locked:"]')
    for ask in (viewer.get, viewer.htmx):
        refused = ask(f"/devices/{fleet.RICH}/logs/")
        assert refused.status_code == 403
        assert "ORG_DEVICE_VIEW_ACTION_LOG" in words(refused)


def test_a_refusal_known_in_advance_costs_no_call(viewer: Person, platform: SandboxServer) -> None:
    viewer.htmx(f"/devices/{fleet.RICH}/logs/")
    assert calls(platform) == []


def test_sign_in_leads_back_to_the_tab(platform: SandboxServer) -> None:
    response = Person().get("/devices/1/logs/", secure=True)
    assert response.status_code == 302
    assert response["Location"].endswith("%2Fdevices%2F1%2Flogs%2F")
    banner = Person().htmx("/devices/1/logs/")
    assert banner.status_code == 401
    assert banner["HX-Push-Url"] == "false", "the requested tab is not on the screen"


def test_an_unreachable_platform_is_a_503_on_pages_and_fragments(support: Person, platform_down: Any) -> None:
    with platform_down():
        for tab in ("", "tags/", "rename/"):
            for request in (support.get, support.htmx):
                response = request(f"/devices/{fleet.RICH}/{tab}")
                assert response.status_code == 503, tab
                assert "cannot be reached" in words(response)


def test_tabs_accept_no_post(support: Person) -> None:
    for tab in (*tabs.CALLS, "online/"):
        assert support.post(f"/devices/{fleet.RICH}/{tab}").status_code == 405, tab


@pytest.mark.parametrize("device_id", fleet.HOSTILE)
def test_hostile_strings_are_escaped_in_every_tab(admin: Person, device_id: int) -> None:
    for tab in tabs.CALLS:
        page = admin.get(f"/devices/{device_id}/{tab}")
        assert page.status_code == 200
        tree = soup(page)
        assert not tree.select("script:not([src]), main img, main i, main svg[onload]")
        assert not [a for a in tree.select("a[href]") if str(a["href"]).lower().startswith(("javascript:", "data:"))]
        for forbidden in ("\x00", "\x1b", "\x07", "\N{RIGHT-TO-LEFT OVERRIDE}"):
            assert forbidden not in page.content.decode()
