"""The seeded data: the same for the same seed, with times relative to today."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox import seed_cases as cases
from tests.servers import ROOT, SandboxServer

TIMES = (
    "activated_at", "first_connect_time", "connect_time", "disconnect_time", "firmware_updated_at", "last_event_at",
    "reported_at",
)  # fmt: skip


def make(folder: Path, *arguments: str) -> Path:
    file = folder / "sandbox.sqlite3"
    command = [sys.executable, "-m", "sandbox", "seed", "--db", str(file), *arguments]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return file


def rows(file: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(file)) as base:
        return base.execute(sql).fetchall()


def fleet(file: Path, below: int = 10**9) -> dict[str, list[Any]]:
    """All seed data of devices with smaller ids; times relative to the moment of seeding."""
    anchor = rows(file, "SELECT anchor FROM sandbox_world")[0][0]
    ages = ", ".join(f"CASE WHEN {name} > 0 THEN {anchor} - {name} END" for name in TIMES)
    return {
        "devices": rows(
            file,
            f"SELECT id, name, org_id, template_id, owner_id, token, connected, stage, hardware, 'values', {ages} "
            f"FROM sandbox_device WHERE id < {below} ORDER BY id",
        ),
        "fields": rows(
            file,
            "SELECT device_id, metafield_id, value FROM sandbox_metafieldvalue "
            f"WHERE device_id < {below} ORDER BY 1, 2",
        ),
        "tags": rows(
            file, f"SELECT device_id, tag_id FROM sandbox_device_tags WHERE device_id < {below} ORDER BY 1, 2"
        ),
        "timeline": rows(
            file,
            f"SELECT device_id, event_id, type, description, {anchor} - ts, is_resolved FROM sandbox_timelineevent "
            f"WHERE device_id < {below} ORDER BY device_id, id",
        ),
        "logs": rows(
            file,
            f"SELECT device_id, email, value, pin, {anchor} - created_at FROM sandbox_logentry "
            f"WHERE device_id < {below} ORDER BY device_id, id",
        ),
    }


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("seeded"), "--devices", "300", "--seed", "1")


def test_the_same_seed_gives_the_same_fleet(seeded: Path, tmp_path: Path) -> None:
    assert fleet(make(tmp_path, "--devices", "300", "--seed", "1")) == fleet(seeded)


def test_another_seed_changes_only_the_random_devices(seeded: Path, tmp_path: Path) -> None:
    one, two = fleet(seeded), fleet(make(tmp_path, "--devices", "300", "--seed", "2"))
    for part in one:
        assert one[part] != two[part]
    names = [{row[0]: row[1] for row in world["devices"]} for world in (one, two)]
    assert all(names[0][pk] == names[1][pk] == name for pk, name in cases.NAMES.items())


def test_a_larger_fleet_starts_with_the_same_devices(seeded: Path, tmp_path: Path) -> None:
    assert fleet(make(tmp_path, "--devices", "450", "--seed", "1"), below=301) == fleet(seeded)


def test_amount_of_history(seeded: Path) -> None:
    lengths = dict(rows(seeded, "SELECT device_id, count(*) FROM sandbox_timelineevent GROUP BY 1"))
    assert 100 < len(lengths) < 250
    assert min(lengths.values()) < 5
    assert sum(length > 150 for length in lengths.values()) >= 2
    assert max(lengths.values()) == lengths[cases.RICH] == 640


def test_times_are_in_order(seeded: Path) -> None:
    """Nothing happened before a device was activated, nor after the seeding."""
    wrong = rows(
        seeded,
        "SELECT count(*) FROM sandbox_device, sandbox_world WHERE max(activated_at, connect_time, disconnect_time, "
        "firmware_updated_at, reported_at) > anchor OR (first_connect_time > 0 AND first_connect_time < activated_at) "
        "OR (connect_time > 0 AND connect_time < first_connect_time) OR (connected AND disconnect_time > connect_time)",
    )
    assert wrong == [(0,)]
    wrong = rows(
        seeded,
        "SELECT count(*) FROM sandbox_timelineevent e JOIN sandbox_device d ON d.id = e.device_id, sandbox_world "
        "WHERE ts > anchor OR ts < activated_at OR resolved_at > anchor",
    )
    assert wrong == [(0,)]


@pytest.fixture
def own_server(seeded: Path, tmp_path: Path) -> Iterator[SandboxServer]:
    """A server with its own copy of the seeded files, which a test may stop."""
    for file in seeded.parent.glob("sandbox*.sqlite3"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    server = SandboxServer(folder=tmp_path)
    yield server
    server.stop()


def test_reset_restores_data_and_keeps_tokens(fresh_sandbox: SandboxServer) -> None:
    def seen() -> list[Any]:
        return [
            fresh_sandbox.get("/devices", size=1000).json()["totalElements"],
            fresh_sandbox.get("/device/metafield", deviceId=1).json(),
            [event["id"] for event in fresh_sandbox.get("/device/timeline", deviceId=1).json()["content"]],
            fresh_sandbox.get("/device", deviceId=2).json()["name"],
            fresh_sandbox.get("/device", deviceId=3).json()["orgId"],
        ]

    before = seen()
    fresh_sandbox.call("DELETE", "/device?deviceId=9")
    fresh_sandbox.call("POST", "/device/metafield", json={"deviceId": 1, "metaFieldId": 3, "newValue": "new"})
    fresh_sandbox.call("POST", "/device/trigger-event", json={"deviceId": 1, "eventCode": "note"})
    fresh_sandbox.call("PUT", "/device?deviceId=2", json={"name": "new"})
    fresh_sandbox.call("POST", "/device/transfer/to-organization", json={"deviceId": 3, "newOrgId": 2})
    fresh_sandbox.call("POST", "/device/create", json={"templateId": "TMPL2cRm01aQ9", "name": "new"})
    fresh_sandbox.switch(create_status="200")
    fresh_sandbox.fault("/users", "empty")
    after = seen()
    assert all(one != other for one, other in zip(before[1:], after[1:], strict=True))
    begun = time.monotonic()
    fresh_sandbox.reset()
    assert time.monotonic() - begun < 2
    assert seen() == before
    assert fresh_sandbox.get("/users").json()["content"]
    assert fresh_sandbox.control("GET", "switches")["create_status"] == "201"


def test_a_reset_during_calls(fresh_sandbox: SandboxServer) -> None:
    url, headers = (
        f"{fresh_sandbox.url}/api/v1/organization/profile",
        {"Authorization": f"Bearer {fresh_sandbox.token()}"},
    )
    over = threading.Event()

    def ask(_: int) -> set[int]:
        statuses = set()
        with requests.Session() as session:
            while not over.is_set():
                statuses.add(session.get(url, headers=headers, timeout=20).status_code)
        return statuses

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, number) for number in range(4)]
        for _ in range(10):
            fresh_sandbox.reset()
        over.set()
    assert [future.result() for future in asked] == [{200}] * 4


def test_reset_with_tokens(own_server: SandboxServer) -> None:
    assert own_server.get("/profile").status_code == 200
    own_server.control("POST", "reset", {"tokens": True})
    assert own_server.get("/profile").status_code == 401


def test_times_are_shifted_to_today(own_server: SandboxServer, tmp_path: Path) -> None:
    """A database of three days ago still has recently activated devices; later rows keep their times."""
    own_server.call("POST", "/device/trigger-event", json={"deviceId": 1, "eventCode": "note"})
    before = own_server.get("/device/timeline", deviceId=1, size=1000).json()["content"]
    online = own_server.get("/device", deviceId=1).json()
    own_server.stop()
    three_days = 3 * 24 * 60 * 60 * 1000
    with closing(sqlite3.connect(tmp_path / "sandbox.sqlite3")) as base:
        base.execute(f"UPDATE sandbox_world SET anchor = anchor - {three_days}")
        base.commit()
    server = SandboxServer(folder=tmp_path)
    try:
        after = server.get("/device/timeline", deviceId=1, size=1000).json()["content"]
        moved = {old["id"]: new["ts"] - old["ts"] for old, new in zip(before, sorted_as(before, after), strict=True)}
        assert moved.pop(before[0]["id"]) == 0
        assert all(three_days <= shift < three_days + 60_000 for shift in moved.values())
        now_online = server.get("/device", deviceId=1).json()
        assert now_online["connectTime"] - online["connectTime"] >= three_days
        assert now_online["dataStreamValues"][0]["updatedAt"] - online["dataStreamValues"][0]["updatedAt"] >= three_days
    finally:
        server.stop()


def sorted_as(model: list[dict[str, Any]], events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_id = {event["id"]: event for event in events}
    return [by_id[event["id"]] for event in model]


def test_recently_activated_order(sandbox: SandboxServer) -> None:
    events = sandbox.get("/device/timeline", deviceId=cases.RICH, size=1000).json()["content"]
    assert all((a["ts"], a["id"]) > (b["ts"], b["id"]) for a, b in pairwise(events))
