"""Who may do what to which device, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import seed_cases as cases
from tests.servers import SandboxServer

# Columns. None of the roles below may do more than its row says.
#   admin      every permission
#   support    view, edit, timeline, logs, tags, transfer, organizations, users, templates
#   viewer     view, timeline, templates
#   installer  own devices only, edit, create, control, transfer, timeline, templates
#   owner      own devices only
#   guest      nothing
ROLES = ("admin", "support", "viewer", "installer", "owner", "guest", "client")
OWN: dict[str, int] = {"installer": cases.INSTALLERS, "owner": cases.MINE}
OTHER = cases.RICH
BELOW = cases.NORTHS
BEYOND = cases.OUT_OF_REACH

Body = dict[str, Any]
# method, path, further query, further body (None: no body), status of a success
OPERATIONS: dict[str, tuple[str, str, Body, Body | None, int]] = {
    "details": ("GET", "/device", {}, None, 200),
    "base info": ("GET", "/device/baseInfo", {}, None, 200),
    "online": ("GET", "/device/online", {}, None, 200),
    "metafields": ("GET", "/device/metafield", {}, None, 200),
    "tags": ("GET", "/device/tags", {}, None, 200),
    "timeline": ("GET", "/device/timeline", {}, None, 200),
    "logs": ("GET", "/device/logs", {}, None, 200),
    "rename": ("PUT", "/device", {}, {"name": "Renamed"}, 200),
    "remove owner": ("DELETE", "/device/owner", {}, None, 204),
    "set metafield": ("POST", "/device/metafield", {}, {"metaFieldId": 3, "newValue": "B-7"}, 204),
    "delete": ("DELETE", "/device", {}, None, 204),
    "clear": ("DELETE", "/device/clear", {}, None, 204),
    "trigger": ("POST", "/device/trigger-event", {}, {"eventCode": "note"}, 204),
    "to another": ("POST", "/device/transfer/to-owner", {}, {"newOwnerUserId": 12}, 204),
    "to organization": ("POST", "/device/transfer/to-organization", {}, {"newOrgId": 3}, 204),
}
# For each operation the roles that may do it to every device in reach, then those that may to their own alone.
MAY: dict[str, tuple[str, str]] = {
    "details": ("admin support viewer client", "installer owner"),
    "base info": ("admin support viewer client", "installer owner"),
    "online": ("admin support viewer client", "installer owner"),
    "metafields": ("admin support viewer client", "installer owner"),
    "tags": ("admin support client", ""),
    "timeline": ("admin support viewer client", "installer"),
    "logs": ("admin support client", ""),
    "rename": ("admin support client", "installer"),
    "remove owner": ("admin support client", "installer"),
    "set metafield": ("admin support client", "installer"),
    "delete": ("admin client", ""),
    "clear": ("admin client", ""),
    "trigger": ("admin client", "installer"),
    "to another": ("admin support client", ""),
    "to organization": ("admin support client", ""),
}


def attempt(sandbox: SandboxServer, role: str, operation: str, device: int) -> int:
    method, path, query, body, _ = OPERATIONS[operation]
    if method == "POST":
        return sandbox.call(method, path, role, params=query, json={"deviceId": device, **(body or {})}).status_code
    return sandbox.call(method, path, role, params={"deviceId": device, **query}, json=body).status_code


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operations_on_a_device(fresh_sandbox: SandboxServer, operation: str) -> None:
    """One row of the table for every role: a device of one's own, of another, of an organization below, and beyond."""
    done = OPERATIONS[operation][4]
    all_devices, own_only = (set(names.split()) for names in MAY[operation])
    expected: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], int] = {}
    for role in ROLES:
        allowed = role in all_devices
        some = allowed or role in own_only
        places = {"other": OTHER, "below": BELOW, "beyond": BEYOND}
        if role in OWN:
            places["own"] = OWN[role]
        for place, device in places.items():
            if not some:
                expected[role, place] = 403  # the permission is missed before the device is looked for
            elif place == "beyond":
                expected[role, place] = 404
            else:
                expected[role, place] = done if allowed or place == "own" else 403
            found[role, place] = attempt(fresh_sandbox, role, operation, device)
            if found[role, place] == done and OPERATIONS[operation][0] != "GET":
                fresh_sandbox.reset()
    assert found == expected


LISTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "devices": ("/devices", {}, "admin support viewer client"),
    "search": ("/search/devices", {"query": "room"}, "admin support viewer client"),
    "recent": ("/device/last-activated", {}, "admin support viewer client"),
    "owned by another": ("/device/by-owner", {"ownerEmail": "ana.lund@example.org"}, "admin support client"),
    "seen by another": ("/device/by-user-org", {"userEmail": "ana.lund@example.org"}, "admin support client"),
    "profile": ("/user/profile", {}, "admin support viewer installer owner guest"),
    "own organization": ("/profile", {}, "admin support viewer installer owner guest client"),
    "organization": ("", {"orgId": 2}, "admin support client"),
    "organizations": ("/search", {"query": "north"}, "admin support client"),
    "sub-organizations": ("/sub-organizations", {}, "admin support client"),
    "users": ("/users", {}, "admin support client"),
    "user search": ("/search/users", {"query": "an"}, "admin support client"),
    "user": ("/user", {"userId": 11}, "admin support client"),
    "templates": ("/templates", {}, "admin support viewer installer client"),
    "template": ("/template", {"templateId": 11}, "admin support viewer installer client"),
    "template events": ("/template/events", {"templateId": 11}, "admin support viewer installer client"),
    "template fields": ("/template/metafields", {"templateId": 11}, "admin support viewer installer client"),
    "template streams": ("/template/datastreams", {"templateId": 11}, "admin support viewer installer client"),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_and_names(sandbox: SandboxServer, name: str) -> None:
    path, query, roles = LISTS[name]
    found = {role: sandbox.get(path, role, **query).status_code for role in ROLES}
    assert found == {role: 200 if role in roles.split() else 403 for role in ROLES}


@pytest.mark.parametrize("path", ["/device/by-owner", "/device/by-user-org"])
def test_one_may_always_ask_for_oneself(sandbox: SandboxServer, path: str) -> None:
    """by-owner is the only list for those who see their own devices alone; for by-user-org that is not enough."""
    name = "ownerEmail" if path.endswith("owner") else "userEmail"
    found = {role: sandbox.get(path, role, **{name: f"{role.upper()}@example.com"}).status_code for role in ROLES[:6]}
    allowed = {"admin", "support", "viewer"} | ({"installer", "owner"} if name == "ownerEmail" else set())
    assert found == {role: 200 if role in allowed else 403 for role in found}


def test_creating(fresh_sandbox: SandboxServer) -> None:
    body = {"templateId": "TMPL2cRm01aQ9", "name": "New room"}
    found = {role: fresh_sandbox.call("POST", "/device/create", role, json=body).status_code for role in ROLES}
    assert found == {role: 201 if role in ("admin", "installer", "client") else 403 for role in ROLES}
    for_me = {**body, "ownerId": 5}
    assert fresh_sandbox.call("POST", "/device/create", "installer", json=for_me).status_code == 201
    for_another = fresh_sandbox.call("POST", "/device/create", "installer", json={**body, "ownerId": 11})
    assert for_another.status_code == 403
    assert "ORG_VIEW_USERS" in for_another.json()["error"]["message"]


def test_taking_over_needs_no_right_to_see_people(fresh_sandbox: SandboxServer) -> None:
    """The new owner is oneself. The installer does not own this one any more after giving it up, though."""
    body = {"deviceId": cases.INSTALLERS, "newOwnerUserId": 5}
    answer = fresh_sandbox.call("POST", "/device/transfer/to-owner", "installer", json=body)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "Can't transfer to the same owner")
    body["newOwnerUserId"] = 12
    answer = fresh_sandbox.call("POST", "/device/transfer/to-owner", "installer", json=body)
    assert answer.status_code == 403
    assert "ORG_VIEW_USERS" in answer.json()["error"]["message"]


def test_what_a_refusal_says(sandbox: SandboxServer) -> None:
    missing = sandbox.call("PUT", "/device", "viewer", params={"deviceId": OTHER}, json={"name": "x"})
    message = "User viewer@example.com has no permission for 'ORG_DEVICES_EDIT' operation."
    assert missing.json() == {"error": {"message": message}}
    not_mine = sandbox.get("/device", "owner", deviceId=OTHER)
    assert not_mine.json() == {"error": {"message": "User is not owner of requested device."}}
    beyond = sandbox.get("/device", deviceId=BEYOND)
    message = f"Device with identifier {BEYOND} is not found or belong to another organization."
    assert beyond.json() == {"error": {"message": message}}


def test_someone_below_sees_nothing_above(sandbox: SandboxServer) -> None:
    north = "north@example.com"
    assert sandbox.get("/device", north, deviceId=cases.NORTHS).status_code == 200
    assert sandbox.get("/device", north, deviceId=cases.MARINES).status_code == 200
    assert sandbox.get("/device", north, deviceId=cases.RICH).status_code == 404
    assert sandbox.get("/device", north, deviceId=cases.DEPOTS).status_code == 404
    assert sandbox.get("/devices", north, orgId=1).status_code == 404
    assert sandbox.get("", north, orgId=1).status_code == 404
    assert sandbox.get("/user", north, userId=1).status_code == 404


def test_another_company_sees_only_its_own(sandbox: SandboxServer) -> None:
    other = "brightwater@example.net"
    answer = sandbox.get("/devices", other, includeSubOrgDevices="true").json()
    assert tuple(row["id"] for row in answer["content"]) == cases.OUT_OF_REACH_ALL
    assert sandbox.get("/device", other, deviceId=cases.RICH).status_code == 404
    assert sandbox.get("/template", other, templateId=11).status_code == 404
    assert sandbox.get("/device/by-owner", other, ownerEmail="ana.lund@example.org").json()["content"] == []
