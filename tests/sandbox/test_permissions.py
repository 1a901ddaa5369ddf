"""Permissions for writes to a device by role, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import seed_cases as cases
from tests.servers import SandboxServer

# Roles and their permissions.
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
# method, path, further query, further body (None: no body), status on success
OPERATIONS: dict[str, tuple[str, str, Body, Body | None, int]] = {
    "details": ("GET", "/device", {}, None, 200),
    "rename": ("PUT", "/device", {}, {"name": "Renamed"}, 200),
    "remove owner": ("DELETE", "/device/owner", {}, None, 204),
    "set metafield": ("POST", "/device/metafield", {}, {"metaFieldId": 3, "newValue": "B-7"}, 204),
    "delete": ("DELETE", "/device", {}, None, 204),
    "clear": ("DELETE", "/device/clear", {}, None, 204),
    "trigger": ("POST", "/device/trigger-event", {}, {"eventCode": "note"}, 204),
    "to another": ("POST", "/device/transfer/to-owner", {}, {"newOwnerUserId": 12}, 204),
    "to organization": ("POST", "/device/transfer/to-organization", {}, {"newOrgId": 3}, 204),
}
# For each operation: roles allowed for every device in reach, then roles allowed for their own devices only.
MAY: dict[str, tuple[str, str]] = {
    "details": ("admin support viewer client", "installer owner"),
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
    """Each role with its own device, another's, one of an organization below, and one out of reach."""
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
                expected[role, place] = 403  # the permission is checked before the device
            elif place == "beyond":
                expected[role, place] = 404
            else:
                expected[role, place] = done if allowed or place == "own" else 403
            found[role, place] = attempt(fresh_sandbox, role, operation, device)
            if found[role, place] == done and OPERATIONS[operation][0] != "GET":
                fresh_sandbox.reset()
    assert found == expected


READS = (
    "/devices", "/search/devices?query=an", "/device/last-activated",
    "/device/by-owner?ownerEmail=ana.lund@example.org",
    "/device/by-user-org?userEmail=ana.lund@example.org", "/device/tags?deviceId=1", "/device/timeline?deviceId=1",
    "/device/logs?deviceId=1", "/device/metafield?deviceId=1", "/profile", "?orgId=2", "/search?query=an",
    "/sub-organizations", "/users", "/search/users?query=an", "/user?userId=11", "/templates",
    "/template?templateId=11", "/template/events?templateId=11", "/template/datastreams?templateId=11",
)  # fmt: skip


def test_an_organization_token_needs_no_permission(sandbox: SandboxServer) -> None:
    """What users may read: tests/contract/test_agreement.py."""
    for path in READS:
        assert sandbox.get(path, "client").status_code == 200, path
    assert sandbox.get("/user/profile", "client").status_code == 403


@pytest.mark.parametrize("path", ["/device/by-owner", "/device/by-user-org"])
def test_lists_of_the_callers_own_devices(sandbox: SandboxServer, path: str) -> None:
    """by-owner is open to users who see only their own devices, by-user-org is not."""
    name = "ownerEmail" if path.endswith("owner") else "userEmail"
    found = {role: sandbox.get(path, role, **{name: f"{role.upper()}@example.com"}).status_code for role in ROLES[:6]}
    allowed = {"admin", "support", "viewer"} | ({"installer", "owner"} if name == "ownerEmail" else set())
    assert found == {role: 200 if role in allowed else 403 for role in found}


def test_create(fresh_sandbox: SandboxServer) -> None:
    body = {"templateId": "TMPL2cRm01aQ9", "name": "New room"}
    found = {role: fresh_sandbox.call("POST", "/device/create", role, json=body).status_code for role in ROLES}
    assert found == {role: 201 if role in ("admin", "installer", "client") else 403 for role in ROLES}
    for_me = {**body, "ownerId": 5}
    assert fresh_sandbox.call("POST", "/device/create", "installer", json=for_me).status_code == 201
    for_another = fresh_sandbox.call("POST", "/device/create", "installer", json={**body, "ownerId": 11})
    assert for_another.status_code == 403
    assert "ORG_VIEW_USERS" in for_another.json()["error"]["message"]


def test_only_a_transfer_to_another_user_needs_the_users_permission(fresh_sandbox: SandboxServer) -> None:
    body = {"deviceId": cases.INSTALLERS, "newOwnerUserId": 5}
    answer = fresh_sandbox.call("POST", "/device/transfer/to-owner", "installer", json=body)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "Can't transfer to the same owner")
    body["newOwnerUserId"] = 12
    answer = fresh_sandbox.call("POST", "/device/transfer/to-owner", "installer", json=body)
    assert answer.status_code == 403
    assert "ORG_VIEW_USERS" in answer.json()["error"]["message"]


def test_messages_of_refusals(sandbox: SandboxServer) -> None:
    missing = sandbox.call("PUT", "/device", "viewer", params={"deviceId": OTHER}, json={"name": "x"})
    message = "User viewer@example.com has no permission for 'ORG_DEVICES_EDIT' operation."
    assert missing.json() == {"error": {"message": message}}
    not_mine = sandbox.get("/device", "owner", deviceId=OTHER)
    assert not_mine.json() == {"error": {"message": "User is not owner of requested device."}}
    beyond = sandbox.get("/device", deviceId=BEYOND)
    message = f"Device with identifier {BEYOND} is not found or belong to another organization."
    assert beyond.json() == {"error": {"message": message}}


def test_a_sub_organization_cannot_see_its_parent(sandbox: SandboxServer) -> None:
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
