"""Lists: pages, totals, order and search."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from sandbox import seed_cases as cases
from tests.servers import SandboxServer

# Path -> its query, and whether it always has totalElements.
PAGED: dict[str, tuple[dict[str, Any], bool]] = {
    "/devices": ({}, True),
    "/search/devices": ({"query": "room"}, True),
    "/device/timeline": ({"deviceId": cases.RICH}, True),
    "/device/logs": ({"deviceId": cases.RICH}, False),
    "/device/by-owner": ({"ownerEmail": "ana.lund@example.org"}, False),
    "/device/by-user-org": ({"userEmail": "viewer@example.com"}, False),
    "/users": ({"includeSubOrgUsers": "true"}, True),
    "/search/users": ({"query": "a"}, True),
    "/search": ({"query": "halden"}, True),
    "/sub-organizations": ({}, True),
    "/templates": ({}, True),
}


@pytest.mark.parametrize("path", PAGED)
def test_pages_are_complete_and_end_empty(sandbox: SandboxServer, path: str) -> None:
    query, has_total = PAGED[path]
    first = sandbox.get(path, size=1000, **query).json()
    whole = first["content"]
    step = max(1, len(whole) // 3)
    joined: list[Any] = []
    for page in range(len(whole) // step + 2):
        joined += sandbox.get(path, page=page, size=step, **query).json()["content"]
    assert whole
    assert joined == whole
    past = sandbox.get(path, page=2**31 - 1, size=1000, **query).json()
    assert past["content"] == []
    assert past.get("totalElements") == first.get("totalElements")
    if has_total:
        assert first["totalElements"] >= len(whole)


def test_the_default_size_is_fifty(sandbox: SandboxServer) -> None:
    assert len(sandbox.get("/devices").json()["content"]) == 50


def test_devices_are_ordered_by_id_and_sub_organizations_are_optional(sandbox: SandboxServer) -> None:
    own = sandbox.get("/devices", size=1000).json()
    below = sandbox.get("/devices", size=1000, includeSubOrgDevices="true").json()
    assert {row["orgId"] for row in own["content"]} == {1}
    assert {row["orgId"] for row in below["content"]} == {1, 2, 3, 4}
    assert below["totalElements"] == 300 - len(cases.OUT_OF_REACH_ALL) == len(below["content"])
    ids = [row["id"] for row in below["content"]]
    assert ids == sorted(ids)
    north = sandbox.get("/devices", orgId=2, size=1000).json()
    assert {row["orgId"] for row in north["content"]} == {2}
    below_north = sandbox.get("/devices", orgId=2, includeSubOrgDevices="true").json()
    assert {row["orgId"] for row in below_north["content"]} == {2, 4}


@pytest.mark.parametrize("org", [cases.OUT_OF_REACH, 5, 0, -1, 2**31 - 1])
def test_an_organization_out_of_reach_is_not_found(sandbox: SandboxServer, org: int) -> None:
    for path, query in (
        ("/devices", {}),
        ("/device/by-owner", {"ownerEmail": "admin@example.com"}),
        ("/device/last-activated", {}),
    ):
        answer = sandbox.get(path, orgId=org, **query)
        assert answer.status_code == 404
        assert answer.json() == {"error": {"message": "Organization is not found or you don't have access to it."}}


def names(answer: Any) -> list[str]:
    return [row["name"] for row in answer.json()["content"]]


def test_search_ignores_case(sandbox: SandboxServer) -> None:
    assert "Cold room 14 - door's sensor" in names(sandbox.get("/search/devices", query="ROOM 14 - DOOR'S"))
    assert all("room" in name.casefold() for name in names(sandbox.get("/search/devices", query="rOOm", size=1000)))
    # Letters beyond ASCII have cases too.
    assert names(sandbox.get("/search/devices", query="НАСОСНАЯ")) == [cases.NAMES[119]]


@pytest.mark.parametrize("wild", ["%", "_", "*", "\\", "' OR 1=1"])
def test_search_has_no_wildcards(sandbox: SandboxServer, wild: str) -> None:
    found = names(sandbox.get("/search/devices", query=wild, size=1000))
    assert all(wild.casefold() in name.casefold() for name in found)
    assert len(found) < 150


def test_search_finds_an_exact_id_and_never_a_token(sandbox: SandboxServer) -> None:
    found = sandbox.get("/search/devices", query="75", size=1000).json()["content"]
    assert 75 in {row["id"] for row in found}
    assert all(row["id"] == 75 or "75" in row["name"] for row in found)
    token = found[0]["token"]
    assert sandbox.get("/search/devices", query=token).json() == {"content": [], "totalElements": 0}
    assert sandbox.get("/search/devices", query=str(cases.OUT_OF_REACH)).json()["content"] == []


SORTED_BY: dict[str, str] = {
    "Device Id": "id",
    "Name": "name",
    "Auth Token": "token",
    "Owner Id": "ownerUserId",
    "Activated At": "activatedAt",
    "Template Id": "templateId",
    "Organization Id": "orgId",
}


@pytest.mark.parametrize(("field", "order"), [*((field, "ASC") for field in SORTED_BY), ("Owner Id", "DESC")])
def test_search_sorts(sandbox: SandboxServer, field: str, order: str) -> None:
    query = {"query": "room", "sortBy": field, "sortOrder": order, "size": 1000}
    rows = sandbox.get("/search/devices", **query).json()["content"]
    values = [row.get(SORTED_BY[field]) or None for row in rows]
    known = [v.casefold() if field == "Name" else v for v in values if v is not None]
    assert known == sorted(known, reverse=order == "DESC")
    assert len(known) > 20
    # Rows without a value are at the end.
    assert None not in values[: len(known)]


@pytest.mark.parametrize(
    "field",
    ["Device Owner Name", "Device Owner", "Last Reported At", "Activated By", "Model", "Template Name", "Status"],
)
def test_search_sorts_by_hidden_fields(sandbox: SandboxServer, field: str) -> None:
    up = sandbox.get("/search/devices", query="room", sortBy=field, size=1000).json()["content"]
    down = sandbox.get("/search/devices", query="room", sortBy=field, sortOrder="DESC", size=1000).json()["content"]
    assert {row["id"] for row in up} == {row["id"] for row in down}
    assert [row["id"] for row in up] != [row["id"] for row in down]


def test_sorting_by_firmware(sandbox: SandboxServer) -> None:
    rows = sandbox.get("/search/devices", query="room", sortBy="Firmware Version", size=1000).json()["content"]
    known = [v for row in rows if (v := (row.get("hardwareInfo") or {}).get("version"))]
    assert known == sorted(known)


def test_by_owner_and_by_user(sandbox: SandboxServer) -> None:
    mine = sandbox.get("/device/by-owner", "owner", ownerEmail="Owner@Example.com").json()
    assert tuple(row["id"] for row in mine["content"]) == cases.OWNERS
    # What the owner can see is what they own; what the viewer can see is the whole organization.
    theirs = sandbox.get("/device/by-user-org", userEmail="owner@example.com").json()
    assert tuple(row["id"] for row in theirs["content"]) == cases.OWNERS
    viewers = sandbox.get("/device/by-user-org", userEmail="viewer@example.com", size=1000).json()
    assert len(viewers["content"]) == sandbox.get("/devices").json()["totalElements"]
    assert sandbox.get("/device/by-user-org", userEmail="guest@example.com").json()["content"] == []
    assert sandbox.get("/device/by-owner", ownerEmail="kofi+plant@example.org").json()["content"]
    assert sandbox.get("/device/by-owner", ownerEmail="nobody@example.org").json()["content"] == []


def test_optional_totals_are_sometimes_missing(sandbox: SandboxServer) -> None:
    emails = ["ana.lund@example.org", "jonas.aas@example.org", "mei.tan@example.org", "raj.patel@example.org"]
    emails += ["erik.solberg@example.org", "david.cohen@example.org", "peter.novak@example.org", "owner@example.com"]
    counted = ["totalElements" in sandbox.get("/device/by-owner", ownerEmail=email).json() for email in emails]
    assert {True, False} == set(counted)
    logs = ["totalElements" in sandbox.get("/device/logs", deviceId=device).json() for device in range(1, 9)]
    assert {True, False} == set(logs)


def test_recently_activated(sandbox: SandboxServer) -> None:
    hour = sandbox.get("/device/last-activated", minutes=60).json()
    ids = {row["id"] for row in hour}
    assert ids == {device for device in cases.RECENT if device not in (cases.NORTHS, cases.DEPOTS)}
    times = [row["activationTime"] for row in hour]
    assert all(newer >= older for newer, older in pairwise(times))
    few = {row["id"] for row in sandbox.get("/device/last-activated").json()}
    assert few == {device for device in ids if cases.RECENT[device] <= 5}
    below = sandbox.get("/device/last-activated", orgId=2, minutes=60).json()
    assert [row["id"] for row in below] == [cases.NORTHS]
    assert set(below[0]) == {"id", "orgId", "templateId", "activationTime", "ownerUserId"}


def test_timeline_order_and_filter(sandbox: SandboxServer) -> None:
    rows = sandbox.get("/device/timeline", deviceId=cases.RICH, size=1000).json()["content"]
    assert len(rows) == 640
    times = [row["ts"] for row in rows]
    assert times == sorted(times, reverse=True)
    types = {row["eventType"] for row in rows}
    assert types == {
        "ONLINE", "OFFLINE", "INFORMATION", "WARNING", "CRITICAL", "CONTENT", "INACTIVE", "LIFECYCLE", "NOTE",
        "FORECAST",
    }  # fmt: skip
    for kind in types - {"FORECAST"}:
        some = sandbox.get("/device/timeline", deviceId=cases.RICH, eventType=kind, size=1000).json()
        assert some["content"] == [row for row in rows if row["eventType"] == kind]
        assert some["totalElements"] == len(some["content"])
    unknown = sandbox.get("/device/timeline", deviceId=cases.RICH, eventType="FORECAST")
    assert unknown.status_code == 400


def test_log_has_all_kinds_of_values(sandbox: SandboxServer) -> None:
    rows = sandbox.get("/device/logs", deviceId=cases.RICH, size=1000).json()["content"]
    kinds = {type(row["value"]).__name__ for row in rows}
    assert kinds == {"int", "float", "str", "bool", "list", "NoneType"}
    assert {row["pinType"] for row in rows} == {"VIRTUAL", "DIGITAL", "ANALOG"}
    times = [row["createdAt"] for row in rows]
    assert times == sorted(times, reverse=True)


def test_people_and_organizations(sandbox: SandboxServer) -> None:
    own = sandbox.get("/users", size=1000).json()["content"]
    everyone = sandbox.get("/users", size=1000, includeSubOrgUsers="true").json()["content"]
    assert {row["orgId"] for row in own} == {1}
    assert {row["orgId"] for row in everyone} == {1, 2, 3, 4}
    assert max(row["id"] for row in own) > 2**32
    assert [row["id"] for row in sandbox.get("/search/users", query="ANA.LUND").json()["content"]] == [11]
    by_count = sandbox.get("/search/users", query="@example", sortBy="Devices Count", sortOrder="DESC").json()
    assert by_count["content"][-1]["email"] != by_count["content"][0]["email"]
    below = sandbox.get("/sub-organizations").json()["content"]
    assert [(row["id"], row["parentOrganizationId"]) for row in below] == [(2, 1), (3, 1), (4, 2)]
    assert [row["id"] for row in sandbox.get("/sub-organizations", orgId=2).json()["content"]] == [4]
    largest = sandbox.get("/search", query="halden", sortBy="Device Count", sortOrder="DESC").json()["content"]
    assert [row["id"] for row in largest][:2] == [1, 2]
    assert sandbox.get("/user", userId=4_294_967_301).json()["status"] == "Active"


def test_templates(sandbox: SandboxServer) -> None:
    rows = sandbox.get("/templates").json()["content"]
    assert len(rows) == 6
    assert rows == sandbox.get("/templates", orgId=4).json()["content"]  # handed down
    for row in rows:
        known = row["id"]
        events = sandbox.get("/template/events", templateId=known).json()
        assert {event["type"] for event in events} >= {"ONLINE", "OFFLINE", "CRITICAL"}
        assert any("eventCode" not in event for event in events)
        assert any("eventCode" in event for event in events)
        fields = sandbox.get("/template/metafields", templateId=known).json()
        streams = sandbox.get("/template/datastreams", templateId=known).json()
        assert len(fields) > 3
        assert len(streams) > 1
    missing = sandbox.get("/template", templateId=99)
    assert missing.json() == {"error": {"message": "Template is not found or you don't have access to it."}}
