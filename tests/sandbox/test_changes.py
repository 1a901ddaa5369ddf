"""Writes change what the documentation says, and nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox import seed_cases as cases
from tests.servers import SandboxServer


def read(sandbox: SandboxServer, device_id: int) -> dict[str, Any]:
    answer = sandbox.get("/device", deviceId=device_id)
    assert answer.status_code == 200
    data: dict[str, Any] = answer.json()
    return data


def post(sandbox: SandboxServer, path: str, user: str = "admin", **body: Any) -> Any:
    return sandbox.call("POST", path, user, json=body)


def delete(sandbox: SandboxServer, path: str, device_id: int, user: str = "admin") -> Any:
    return sandbox.call("DELETE", path, user, params={"deviceId": device_id})


def assert_done(answer: Any) -> None:
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("name", ["Boiler room 3", "x", "x" * 50, "Küche's_Насос-9 森", " edge ", "'", "٣"])
def test_rename(fresh_sandbox: SandboxServer, name: str) -> None:
    before = read(fresh_sandbox, cases.RICH)
    answer = fresh_sandbox.call("PUT", "/device", params={"deviceId": cases.RICH}, json={"name": name})
    assert answer.status_code == 200
    assert answer.json()["name"] == name
    assert "dataStreamValues" not in answer.json()
    after = read(fresh_sandbox, cases.RICH)
    assert after["name"] == name
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"name", "metaFieldValues"}


BAD_NAMES = (
    "", " ", "   ", "x" * 51, "a.b", "a/b", "a#b", "(a)", "a\tb", "a\nb", "a\u00a0b", "a’b", "a–b", "🧊", "a²", "Ⅷ",
    "e\u0301",
)  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_invalid_names(sandbox: SandboxServer, name: str) -> None:
    for method, path, body in (
        ("PUT", "/device?deviceId=1", {"name": name}),
        ("POST", "/device/create", {"templateId": "TMPL2cRm01aQ9", "name": name}),
    ):
        answer = sandbox.call(method, path, json=body)
        assert answer.status_code == 400
        assert answer.json() == {"error": {"message": "Request with incorrect parameters"}}


def test_create(fresh_sandbox: SandboxServer) -> None:
    answer = post(fresh_sandbox, "/device/create", templateId="TMPL2bGw08xK4", orgId=2, name="Plant room 1", ownerId=26)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["name"], made["templateId"], made["orgId"], made["ownerUserId"]) == ("Plant room 1", 12, 2, 26)
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", made["token"])
    assert made.get("activatedAt") is None
    assert [field["name"] for field in made["metaFieldValues"]][:2] == ["Device Name", "Device Owner"]
    assert made == read(fresh_sandbox, made["id"])
    assert made["id"] > 300
    found = fresh_sandbox.get("/devices", orgId=2, size=1000).json()["content"]
    assert found[-1]["id"] == made["id"]
    assert fresh_sandbox.get("/device/online", deviceId=made["id"]).json() == {"connected": False}


def test_create_with_required_members_only(fresh_sandbox: SandboxServer) -> None:
    """The organization is the token's. The owner is the caller, or none for an organization's token."""
    body = {"templateId": "TMPL2cRm01aQ9", "name": "Least"}
    mine = fresh_sandbox.call("POST", "/device/create", json=body, params={"baseInfoResponse": "true"}).json()
    assert (mine["orgId"], mine["ownerUserId"]) == (1, 1)
    assert "dataStreamValues" not in mine
    assert "connectTime" in mine
    clients = post(fresh_sandbox, "/device/create", "client", **body).json()
    assert not clients.get("ownerUserId")
    assert clients["id"] != mine["id"]
    assert clients["token"] != mine["token"]
    assert "dataStreamValues" in clients


def test_delete(fresh_sandbox: SandboxServer) -> None:
    total = fresh_sandbox.get("/devices").json()["totalElements"]
    assert_done(delete(fresh_sandbox, "/device", cases.RICH))
    for path in ("/device", "/device/baseInfo", "/device/timeline", "/device/logs", "/device/online"):
        assert fresh_sandbox.get(path, deviceId=cases.RICH).status_code == 404
    assert delete(fresh_sandbox, "/device", cases.RICH).status_code == 404
    assert fresh_sandbox.get("/devices").json()["totalElements"] == total - 1
    assert fresh_sandbox.get("/search/devices", query="door's sensor").json()["content"][0]["id"] != cases.RICH


def test_transfer_to_an_owner_moves_the_device_into_their_organization(fresh_sandbox: SandboxServer) -> None:
    assert_done(post(fresh_sandbox, "/device/transfer/to-owner", deviceId=cases.RICH, newOwnerUserId=12))
    after = read(fresh_sandbox, cases.RICH)
    assert (after["ownerUserId"], after["orgId"]) == (12, 1)
    assert_done(post(fresh_sandbox, "/device/transfer/to-owner", deviceId=cases.RICH, newOwnerUserId=40))
    after = read(fresh_sandbox, cases.RICH)
    assert (after["ownerUserId"], after["orgId"]) == (40, 4)
    owned = fresh_sandbox.get("/device/by-owner", orgId=4, ownerEmail="sigrun.jons@example.org", size=1000).json()
    assert cases.RICH in {row["id"] for row in owned["content"]}


def test_transfer_to_a_64_bit_user_id(fresh_sandbox: SandboxServer) -> None:
    assert_done(post(fresh_sandbox, "/device/transfer/to-owner", deviceId=cases.RICH, newOwnerUserId=4_294_967_301))
    assert read(fresh_sandbox, cases.RICH)["ownerUserId"] == 4_294_967_301


@pytest.mark.parametrize(
    ("owner", "status", "message"),
    [
        (11, 400, "Can't transfer to the same owner"),
        (9, 400, "User is not activated."),
        (10, 400, "User is not activated."),
        (46, 404, "User is not found or you don't have access to him."),
        (0, 404, "User is not found or you don't have access to him."),
        (-1, 404, "User is not found or you don't have access to him."),
    ],
)
def test_refused_transfers_to_an_owner(sandbox: SandboxServer, owner: int, status: int, message: str) -> None:
    answer = post(sandbox, "/device/transfer/to-owner", deviceId=cases.RICH, newOwnerUserId=owner)
    assert (answer.status_code, answer.json()) == (status, {"error": {"message": message}})
    assert read(sandbox, cases.RICH)["ownerUserId"] == 11


def test_transfer_to_an_organization_removes_the_owner(fresh_sandbox: SandboxServer) -> None:
    assert_done(post(fresh_sandbox, "/device/transfer/to-organization", deviceId=cases.RICH, newOrgId=3))
    after = read(fresh_sandbox, cases.RICH)
    assert after["orgId"] == 3
    assert not after.get("ownerUserId")
    again = post(fresh_sandbox, "/device/transfer/to-organization", deviceId=cases.RICH, newOrgId=3)
    assert (again.status_code, again.json()["error"]["message"]) == (400, "Can't transfer to the same organization")


def test_a_transfer_upwards_is_out_of_reach(fresh_sandbox: SandboxServer) -> None:
    """Users of Halden North cannot see Halden, so they cannot transfer to it."""
    answer = post(
        fresh_sandbox, "/device/transfer/to-organization", "north@example.com", deviceId=cases.NORTHS, newOrgId=1
    )
    assert answer.status_code == 404
    assert_done(
        post(fresh_sandbox, "/device/transfer/to-organization", "north@example.com", deviceId=cases.NORTHS, newOrgId=4)
    )


def test_removing_the_owner(fresh_sandbox: SandboxServer) -> None:
    assert_done(delete(fresh_sandbox, "/device/owner", cases.RICH))
    assert not read(fresh_sandbox, cases.RICH).get("ownerUserId")
    assert_done(delete(fresh_sandbox, "/device/owner", cases.RICH))
    # A user who sees only their own devices can no longer see this one.
    assert_done(delete(fresh_sandbox, "/device/owner", cases.INSTALLERS, "installer"))
    assert fresh_sandbox.get("/device", "installer", deviceId=cases.INSTALLERS).status_code == 403


def test_clear_deletes_only_the_history(fresh_sandbox: SandboxServer) -> None:
    before = read(fresh_sandbox, cases.RICH)
    logs = fresh_sandbox.get("/device/logs", deviceId=cases.RICH).json()
    assert_done(delete(fresh_sandbox, "/device/clear", cases.RICH))
    timeline = fresh_sandbox.get("/device/timeline", deviceId=cases.RICH).json()
    assert timeline == {"content": [], "totalElements": 0}
    assert read(fresh_sandbox, cases.RICH) == before
    assert fresh_sandbox.get("/device/logs", deviceId=cases.RICH).json() == logs
    assert fresh_sandbox.get("/device/timeline", deviceId=122).json()["totalElements"] > 0


def test_trigger_event(fresh_sandbox: SandboxServer) -> None:
    before = fresh_sandbox.get("/device/timeline", deviceId=cases.RICH).json()["totalElements"]
    text = "d" * 199 + "é"
    assert_done(
        post(fresh_sandbox, "/device/trigger-event", deviceId=cases.RICH, eventCode="door_open", eventDescription=text)
    )
    timeline = fresh_sandbox.get("/device/timeline", deviceId=cases.RICH).json()
    newest = timeline["content"][0]
    assert timeline["totalElements"] == before + 1
    assert (newest["eventType"], newest["eventId"], newest["description"]) == ("WARNING", 1108, text)
    assert newest["isResolved"] is False
    assert_done(post(fresh_sandbox, "/device/trigger-event", deviceId=cases.RICH, eventCode="note"))
    newest = fresh_sandbox.get("/device/timeline", deviceId=cases.RICH).json()["content"][0]
    assert (newest["eventType"], newest["description"]) == ("NOTE", None)


def test_events_with_one_code_need_a_gap(fresh_sandbox: SandboxServer) -> None:
    def trigger(device_id: int, code: str) -> Any:
        return post(fresh_sandbox, "/device/trigger-event", deviceId=device_id, eventCode=code)

    fresh_sandbox.switch(event_gap=3600)
    assert_done(trigger(cases.RICH, "note"))
    refused = trigger(cases.RICH, "note")
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        429,
        "Events limit is reached for this device.",
    )
    assert "Retry-After" not in refused.headers
    assert_done(trigger(cases.RICH, "door_open"))
    assert_done(trigger(cases.MINE, "note"))


def test_a_hundred_events_a_day(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(event_gap=0)
    statuses = [
        post(fresh_sandbox, "/device/trigger-event", deviceId=cases.NO_HISTORY, eventCode="note").status_code
        for _ in range(101)
    ]
    assert statuses == [204] * 100 + [429]
    total = fresh_sandbox.get("/device/timeline", deviceId=cases.NO_HISTORY).json()["totalElements"]
    assert total == 100
    # Clearing the device does not reset the count.
    assert_done(delete(fresh_sandbox, "/device/clear", cases.NO_HISTORY))
    assert post(fresh_sandbox, "/device/trigger-event", deviceId=cases.NO_HISTORY, eventCode="note").status_code == 429
