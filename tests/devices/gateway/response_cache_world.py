"""A platform in memory, for tests of the response cache: every response names the call it belongs to.

Each name in a response ends in `#` and the number of the call, so that a test knows who made it, when, and what was
true then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devices.gateway.errors import TimedOut, Unreachable
from devices.gateway.response import Reply, read_retry_after
from devices.gateway.timeouts import Timeouts

ROOT = "/api/v1/organization"
BEGINNING = 1_800_000_000.0
BROKEN = {"500": (500, b"{}"), "html": (200, b"<html>"), "429": (429, b"{}"), "503": (503, b"{}")}
FAULTS = ("unreachable", "timed out", *BROKEN)


@dataclass
class Person:
    id: int
    org_id: int
    sees_all: bool

    @property
    def email(self) -> str:
        return f"user{self.id}@example.com"


@dataclass
class Thing:
    """A device. `version` goes up with every change, whoever makes it."""

    id: int
    org_id: int
    owner_id: int
    name: str
    version: int = 1


@dataclass(frozen=True)
class Call:
    """A successful call. `versions`: of the devices in the response; `request`: the id of the portal's request."""

    number: int
    at: float
    token: str
    request: str
    operation: str
    versions: Mapping[int, int]


@dataclass
class World:
    people: dict[int, Person]
    devices: dict[int, Thing]
    now: float = BEGINNING
    tokens: dict[str, int] = field(default_factory=dict)
    calls: dict[int, Call] = field(default_factory=dict)
    count: int = 0
    fault: str = ""
    carried_out: bool = False
    """Whether a change is made although the call fails."""

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def tick(self) -> int:
        """A new number, and a new moment."""
        self.count += 1
        self.now += 0.001
        return self.count


class Api:
    """A `Transport`, as far as a Policy needs one."""

    base_url = "http://127.0.0.1:1"
    timeouts = Timeouts()

    def __init__(self, world: World) -> None:
        self._world = world

    def close(self) -> None: ...

    def send(self, method: str, path: str, **arguments: Any) -> Reply:
        world = self._world
        number = world.tick()
        details = {"operation": arguments["operation"], "request_id": arguments["request_id"]}
        if world.fault and method != "GET" and world.carried_out:
            self._answer(method, path, arguments, number)
        if world.fault == "unreachable":
            raise Unreachable(**details)
        if world.fault == "timed out":
            world.sleep(10)
            raise TimedOut(**details)
        status, body = BROKEN[world.fault] if world.fault else self._answer(method, path, arguments, number)
        return Reply(status, body, "application/json", read_retry_after(None), arguments["request_id"])

    def _answer(self, method: str, path: str, arguments: Mapping[str, Any], number: int) -> tuple[int, bytes]:
        person = self._world.people.get(self._world.tokens.get(arguments["bearer"], 0))
        if person is None:
            return 401, b"{}"
        given = {**(arguments["query"] or {}), **(arguments["json"] or {})}
        short = path.removeprefix(ROOT)
        seen: list[Thing] = []
        if "deviceId" in given:
            device = self._world.devices.get(given["deviceId"])
            if device is None or device.org_id != person.org_id:
                return 404, b"{}"
            if not person.sees_all and device.owner_id != person.id:
                return 403, b"{}"
            seen = [device]
            if method != "GET":
                self._change(short, device, given)
        elif short == "/devices":
            if not person.sees_all:
                return 403, b"{}"
            seen = [device for device in self._world.devices.values() if device.org_id == person.org_id]
        data = self._data(short, person, seen, number)
        if method == "GET":
            versions = {device.id: device.version for device in seen}
            self._world.calls[number] = Call(
                number, self._world.now, arguments["bearer"], arguments["request_id"], arguments["operation"], versions
            )
        return 200, json.dumps(data).encode()

    @staticmethod
    def _change(path: str, device: Thing, given: Mapping[str, Any]) -> None:
        device.version += 1
        if path == "/device":
            device.name = given["name"]
        else:
            device.owner_id = given["newOwnerUserId"]

    @staticmethod
    def _data(path: str, person: Person, seen: list[Thing], number: int) -> Any:
        rows = [
            {
                "id": it.id,
                "name": f"{it.name}#{number}",
                "templateId": 1,
                "orgId": it.org_id,
                "ownerUserId": it.owner_id,
            }
            for it in seen
        ]
        if path in ("/device", "/device/baseInfo"):
            return rows[0]
        if path == "/devices":
            return {"content": rows, "totalElements": len(rows)}
        if path == "/device/tags":
            return [{"id": 1, "name": f"of org {person.org_id}#{number}"}]
        if path == "/device/timeline":
            return {"content": [{"ts": 1, "id": seen[0].version, "name": f"event#{number}"}], "totalElements": 1}
        if path == "/templates":
            return {"content": [{"id": 1, "name": f"template of {person.org_id}#{number}"}]}
        if path == "/users":
            return {"content": [{"id": person.id, "email": person.email, "name": f"{person.id}#{number}"}]}
        return {}
