"""The chart over a device's timeline and the list under it: what they cost, what they tell, how they fail."""

from __future__ import annotations

import re

import pytest

from tests.devices import fleet
from tests.devices.conftest import Person
from tests.html import one, soup, words
from tests.servers import SandboxServer

TIMELINE = f"/devices/{fleet.RICH}/timeline/"
CHART = TIMELINE + "chart/"
API = "/api/v1/organization/"


def calls(platform: SandboxServer) -> list[str]:
    """Each call; what names events, remembered for an hour, left out."""
    paths = [entry["path"].removeprefix(API) for entry in platform.requests()]
    return [path for path in paths if "template" not in path]


def few(platform: SandboxServer) -> int:
    """A device whose whole timeline fits on a page."""
    for device_id in range(130, 200):
        if 0 < platform.get("/device/timeline", deviceId=device_id, size=1).json()["totalElements"] < 40:
            return device_id
    raise AssertionError("no such device")


def test_the_chart_loads_separately_with_one_call(support: Person, platform: SandboxServer) -> None:
    tab = soup(support.htmx(TIMELINE))
    assert calls(platform).count("device/timeline") == 1
    slot = one(tab, "#chart")
    assert not slot.select("svg.chart-drawing")
    platform.clear_requests()
    chart = soup(support.htmx(str(slot["hx-get"])))
    assert calls(platform) == ["device/timeline"]
    assert chart.select_one("svg.chart-drawing")
    assert re.search(r"\d+ of 640 events, from .+ to today", chart.get_text())


def test_a_timeline_of_one_page_needs_no_chart_call(support: Person, platform: SandboxServer) -> None:
    device_id = few(platform)
    platform.clear_requests()
    tab = soup(support.htmx(f"/devices/{device_id}/timeline/"))
    assert calls(platform).count("device/timeline") == 1
    assert tab.select_one("#chart svg.chart-drawing")
    assert "load" not in str(one(tab, "#chart")["hx-trigger"])


def test_no_events_no_chart(support: Person) -> None:
    assert not soup(support.get(f"/devices/{fleet.NO_HISTORY}/timeline/")).select("#chart")


def test_the_drawing_has_a_name_and_a_table_of_its_numbers(support: Person) -> None:
    page = soup(support.get(CHART))
    assert page.h1, "without script it is a page of its own"
    drawing = one(page, "svg.chart-drawing")
    assert drawing["role"] == "img"
    named = [page.find(id=each) for each in str(drawing["aria-labelledby"]).split()]
    assert all(each and each.get_text() for each in named)
    assert not drawing.select("a, [tabindex]"), "what is inside an image cannot be reached"
    lanes = [lane.get_text(" ").split(" , ")[0].strip() for lane in page.select(".chart-lanes li")]
    assert lanes == ["Critical", "Warning", "Offline", "Online", "Information", "Other"]
    sums = [int(each.get_text()) for each in page.select(".chart-totals b")]
    rows = [[int(td.get_text()) for td in row.select("td")] for row in page.select(".table-days tbody tr")]
    assert [sum(column) for column in zip(*rows, strict=True)] == [*sums, sum(sums)]
    assert all(sum(row[:-1]) == row[-1] for row in rows)
    assert not page.select("[style]")


def test_a_lane_filters_and_a_day_links_into_the_list(support: Person) -> None:
    chart = soup(support.htmx(CHART))
    lane = one(chart, "#lane-critical")
    assert lane["href"] == lane["hx-get"] == TIMELINE + "?type=CRITICAL"
    assert lane["hx-target"] == "#events"
    days = [str(link["href"]) for link in chart.select(".table-days th a")]
    assert days == [str(link["href"]) for link in reversed(chart.select(".chart-days a"))]
    for address in (days[0], days[len(days) // 2], days[-1]):
        page, anchor = address.split("#")
        assert soup(support.get(page)).find(id=anchor), address


def test_a_filter_swaps_the_list_alone_and_announces_it(support: Person) -> None:
    answer = support.htmx(TIMELINE + "?type=CRITICAL", **{"HX-Target": "events"})
    tree = soup(answer)
    assert not tree.select("#chart, #events")
    assert tree.select_one("[data-type=critical] .table-events")
    assert re.match(r"Events 1 to \d+ of \d+", str(one(tree, "[data-announce]")["data-announce"]))
    assert "HX-Target" in answer["Vary"]
    assert "HX-Trigger" not in answer


def test_read_again_announces_the_time_and_reloads_the_chart(support: Person) -> None:
    answer = support.htmx(TIMELINE, **{"HX-Target": "events", "HX-Trigger": "read-again"})
    assert re.match(r"Events read \d\d:\d\d:\d\d UTC", str(one(answer, "[data-announce]")["data-announce"]))
    assert "timelineRead" in answer["HX-Trigger"]
    assert "timelineRead from:body" in str(one(support.htmx(TIMELINE), "#chart")["hx-trigger"])


def test_chart_and_list_fail_alone(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/timeline", "status", status=500)
    for address, target in ((CHART, "chart"), (TIMELINE, "events")):
        failed = support.htmx(address, **{"HX-Target": target})
        assert failed.status_code == 502
        again = one(failed, "a[hx-get]")
        assert again["hx-target"] == f"#{target}"
        assert not soup(failed).select("h1")


def test_open_and_resolved_events_differ(support: Person) -> None:
    rows = soup(support.get(TIMELINE + "?type=CRITICAL&size=200")).select(".table-events tbody tr:not(.group)")
    states = {one(row, ".state").get_text().split()[0] for row in rows}
    assert states == {"Open", "Resolved"}
    others = soup(support.get(TIMELINE + "?type=LIFECYCLE")).select(".table-events .state")
    assert not any(state.get_text().strip() for state in others)


def test_type_filters_count_this_page(support: Person) -> None:
    page = soup(support.get(TIMELINE))
    shown = [cell.get_text().strip() for cell in page.select("td.event")]
    for chip in page.select(".segments a")[1:]:
        here = one(chip, ".here")
        kind = chip.get_text().removesuffix(here.get_text()).strip()
        assert int(here.get_text()) == shown.count(kind), kind
    assert not soup(support.get(TIMELINE + "?type=ONLINE")).select(".segments .here"), "nobody has counted the others"


@pytest.mark.parametrize("device_id", [fleet.HOSTILE[2], fleet.HOSTILE[4]])
def test_hostile_strings_are_escaped_in_the_chart(admin: Person, device_id: int) -> None:
    tree = soup(admin.get(f"/devices/{device_id}/timeline/"))
    assert tree.select_one("svg.chart-drawing")
    assert not tree.select("main script, main i, main img")
    ids = [str(each["id"]) for each in tree.select("[id]")]
    assert len(ids) == len(set(ids))


def test_tabs_show_only_counts_that_were_read(support: Person, platform: SandboxServer) -> None:
    def counted(tab: str) -> dict[str, str]:
        links = soup(support.get(f"/devices/{fleet.RICH}/{tab}")).select(".tabs a")
        found = {str(one(link, "[data-words]").get_text()): link.select_one(".count") for link in links}
        return {name: count.get_text() for name, count in found.items() if count and not count.has_attr("hidden")}

    fields = len(platform.get("/device/metafield", deviceId=fleet.RICH).json())
    platform.clear_requests()
    assert counted("") == {"Metafields": str(fields)}
    assert sorted(calls(platform)) == ["device", "device/online"]
    assert counted("timeline/") == {"Timeline": "640"}
    assert counted("timeline/?type=CRITICAL") == {}
    assert counted("logs/") == {"User actions": "160"}
    assert list(counted("tags/")) == ["Tags"]


def test_an_http_only_device_is_never_offline(admin: Person, platform: SandboxServer) -> None:
    page = soup(admin.get(f"/devices/{fleet.HTTP_ONLY}/"))
    badge = one(page, "#online")
    text = " ".join(badge.get_text(" ").split())
    assert "Never connected" in text
    assert "The platform never shows those as connected" in text
    assert re.search(r"Last report: \d\d:\d\d:\d\d|Last report: \d+ \w+", text)
    assert "Offline" not in text
    again = one(badge, "#check-again")
    platform.clear_requests()
    assert "Never connected" in words(admin.htmx(str(again["hx-get"])))
    assert calls(platform) == ["device/online"], "what the page knows already is not asked again"
    for wrong in ("?last=x", "?last=-1", "?last=" + "9" * 40):
        assert "Offline" in words(admin.htmx(f"/devices/{fleet.HTTP_ONLY}/online/{wrong}"))
    decision = words(admin.get(f"/devices/{fleet.HTTP_ONLY}/delete/"))
    assert "Never connected" in decision


def test_a_device_that_never_connected_is_not_offline(admin: Person) -> None:
    badge = one(admin.get(f"/devices/{fleet.NEVER_ACTIVATED}/"), "#online")
    for text in (badge.get_text(" "), words(admin.htmx(str(one(badge, "#check-again")["hx-get"])))):
        assert "Never connected" in text
        assert "It has neither been connected nor reported so far." in text
        assert "Offline" not in text
    assert "Never connected" in words(admin.get(f"/devices/{fleet.NEVER_ACTIVATED}/delete/"))


def test_a_long_name_is_cut_and_shown_in_full_below(admin: Person) -> None:
    page = soup(admin.get("/devices/127/"))
    assert page.h1
    assert len(page.h1.get_text()) == 120
    whole = one(page, "#whole-name details p")
    assert whole.get_text() == "x" * 2000
    assert not soup(admin.get(f"/devices/{fleet.RICH}/")).select("#whole-name *")


def test_destructive_actions_are_in_the_danger_zone(admin: Person) -> None:
    page = soup(admin.get(f"/devices/{fleet.RICH}/"))
    apart = [str(link["id"]) for link in page.select("#danger-zone .button")]
    grave = ["transfer-to-owner", "remove-owner", "transfer-to-organization", "clear", "delete"]
    assert apart == [f"choose-{name}" for name in grave]
    assert not page.select("#danger-zone ~ section"), "nothing comes after it"


def test_a_deletion_lists_only_existing_data(admin: Person, platform: SandboxServer) -> None:
    page = words(admin.get(f"/devices/{fleet.NO_HISTORY}/delete/"))
    assert "0 events" not in page
    assert "0 entries" not in page
    assert "events in its timeline" in words(admin.get(f"/devices/{fleet.RICH}/delete/"))
