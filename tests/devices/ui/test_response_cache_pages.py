"""Pages of two processes with a cache each: a person sees their own change at once, and never another person's data.

Like tests/devices/gateway/response_cache_stateful.py, but through views, grants and cookies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from portal.platform import transport
from tests.devices import fleet
from tests.devices.conftest import Person, SignIn
from tests.html import soup
from tests.servers import SandboxServer

PEOPLE = ("admin", "admin elsewhere", "owner")
MAY_SEE = {"admin": (fleet.RICH, fleet.MINE), "owner": (fleet.MINE,)}
PAGES = ("", "tags/", "timeline/", "logs/")
people, devices, processes = st.sampled_from(PEOPLE), st.sampled_from((fleet.RICH, fleet.MINE)), st.integers(0, 1)
SMALL = settings(
    max_examples=2,
    stateful_step_count=6,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def in_process(number: int) -> None:
    caches["default"] = LocMemCache(f"process {number}", {})
    transport.cache_clear()


def machine(platform: SandboxServer, persons: dict[str, Person], new_name: Callable[[], str]) -> Any:
    class Pages(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            platform.reset()
            self.names: dict[int, list[str]] = {}
            for device in (fleet.RICH, fleet.MINE):
                self.rename_elsewhere(device)
            self.seen_from = {(who, device): 0 for who in MAY_SEE for device in self.names}

        @rule(who=people, process=processes, device=devices, page=st.sampled_from(PAGES), down=st.booleans())
        def look(self, who: str, process: int, device: int, page: str, down: bool) -> None:
            in_process(process)
            if down:
                platform.fault("*", "status", status=500)
            answer = persons[who].get(f"/devices/{device}/{page}")
            platform.clear_faults()
            text, user = answer.content.decode(), who.split(maxsplit=1)[0]
            shown = [name for name in self.names[device] if name in text]
            if device not in MAY_SEE[user]:
                assert shown == [], f"{user} is shown {device}"
                return
            if not shown:
                assert down, f"{answer.status_code}: the page shows no name"
                return
            assert self.names[device].index(shown[-1]) >= self.seen_from[user, device], "older than their own change"
            if down:
                assert soup(answer).select_one("[data-old]"), "an old answer without its mark"

        @rule(who=people, process=processes, device=devices)
        def rename(self, who: str, process: int, device: int) -> None:
            in_process(process)
            name, user = new_name(), who.split(maxsplit=1)[0]
            answer = persons[who].post(f"/devices/{device}/rename/", {"name": name})
            if user == "admin":
                assert answer.status_code == 303
                self.names[device].append(name)
                self.seen_from[user, device] = len(self.names[device]) - 1

        @rule(who=people, before=processes, process=processes, device=devices)
        def look_rename_look(self, who: str, before: int, process: int, device: int) -> None:
            """The change in another session of the same person, where there is one."""
            twin = {"admin": "admin elsewhere", "admin elsewhere": "admin"}.get(who, who)
            self.look(who, before, device, "tags/", False)
            self.rename(twin, process, device)
            self.look(who, before, device, "tags/", False)

        @rule(device=devices)
        def rename_elsewhere(self, device: int) -> None:
            name = new_name()
            renamed = platform.call("PUT", "/device", params={"deviceId": device}, json={"name": name})
            assert renamed.status_code == 200
            self.names.setdefault(device, []).append(name)

    return Pages


def test_pages_of_two_processes(sign_in: SignIn, fresh_sandbox: SandboxServer) -> None:
    persons = {who: sign_in(who.split()[0]) for who in PEOPLE}
    numbers = iter(range(10_000))
    before = caches["default"]
    try:
        pages = machine(fresh_sandbox, persons, lambda: f"Cached {next(numbers):04d} x")
        surely = pages()
        surely.begin()
        surely.look_rename_look("admin", 0, 1, fleet.RICH)
        run_state_machine_as_test(pages, settings=SMALL)
    finally:
        caches["default"] = before
        transport.cache_clear()
