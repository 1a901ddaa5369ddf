"""The response cache as a state machine: people, sessions and processes do everything that can make a response wrong.

What must hold is what devices/gateway/response_cache.py promises: nobody gets a response of another session, nobody
gets one from before a change of their own, and a response older than `max_age` is marked as stale, or not given at all.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, Unauthorized
from devices.gateway.resilience.policy import Policy
from devices.gateway.response_cache import CacheOwner, CacheVersions, ResponseCache, SingleFlight
from devices.gateway.transport import Transport
from tests.devices.gateway.response_cache_world import FAULTS, Api, Person, Thing, World

MAX_AGE = {"get_base_info": 15.0, "list_tags": 60.0, "list_templates": 600.0, "list_users": 600.0}
"""Seconds for which a response may be given again unmarked; other operations: never."""
STALE_IF_ERROR = 3600.0
"""Seconds for which a stale one may be given, marked."""
REFERENCE_READS = frozenset({"list_templates", "list_users"})
ABOUT_DEVICES: dict[str, Callable[[Gateway, int], Any]] = {
    "get_base_info": lambda gateway, device: gateway.get_base_info(device),
    "get_device": lambda gateway, device: gateway.get_device(device),
    "list_tags": lambda gateway, device: gateway.list_tags(device),
    "list_timeline": lambda gateway, device: gateway.list_timeline(device),
    "list_devices": lambda gateway, device: gateway.list_devices(),
}
READS = ABOUT_DEVICES | {
    "list_templates": lambda gateway, device: gateway.list_templates(),
    "list_users": lambda gateway, device: gateway.list_users(),
}
PROCESSES = (0, 1)
SESSIONS = ("ann", "ann elsewhere", "ben", "cia")
USERS = {"ann": 1, "ann elsewhere": 1, "ben": 2, "cia": 3}
PAUSES = (0.1, 5.0, 14.0, 16.0, 45.0, 61.0, 400.0, 601.0, 3601.0)
sessions, processes = st.sampled_from(SESSIONS), st.sampled_from(PROCESSES)
devices, reads = st.integers(1, 4), st.sampled_from([*READS, "get_base_info"])


class Cache:
    """Django's cache, as far as the response cache needs it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.entries: dict[str, tuple[Any, float]] = {}

    def get(self, key: str) -> Any:
        value, expires = self.entries.get(key, (None, 0.0))
        return value if self._world.now < expires else None

    def set_in_group(self, group: str, key: str, value: Any, timeout: float) -> None:
        self.entries[key] = (value, self._world.now + timeout)

    def delete(self, key: str) -> None:
        self.entries.pop(key, None)


@dataclass
class Session:
    """A sign-in, with the cache versions of its grant."""

    person: int
    token: str
    device_version: int = 0
    directory_version: int = 0


@dataclass
class Floors:
    """The number of the call from which on responses about devices, or reference data, may be given to a request."""

    devices: int = 0
    directory: int = 0


@dataclass
class Request:
    id: str
    session: Session
    gateway: Gateway
    began: Floors
    changing: bool


class ResponseCacheMachine(RuleBasedStateMachine):
    steps: ClassVar[int] = 0
    saw: ClassVar[Counter[str]] = Counter()
    """How often each result of a read or a change was seen, over all runs."""

    @initialize(shared=st.booleans())
    def begin(self, shared: bool) -> None:
        """`shared`: the processes have one cache."""
        people = [Person(1, 1, True), Person(2, 1, False), Person(3, 2, True)]
        things = [Thing(1, 1, 1, "a"), Thing(2, 1, 2, "b"), Thing(3, 2, 3, "c"), Thing(4, 2, 3, "d")]
        self.world = World({each.id: each for each in people}, {each.id: each for each in things})
        caches = [Cache(self.world) for _ in PROCESSES]
        self.caches = [caches[0]] * len(PROCESSES) if shared else caches
        self.flights = [SingleFlight() for _ in PROCESSES]
        self.policies = [self._policy() for _ in PROCESSES]
        self.sessions: dict[str, Session] = {}
        self.floors = {each.id: Floors() for each in people}
        self.written: dict[tuple[int, int], int] = {}
        self.open: list[Request] = []
        self.requests = 0
        for name in SESSIONS:
            self._sign_in(name)

    def _policy(self) -> Policy:
        world = self.world
        api = cast(Transport, Api(world))
        return Policy(api, clock=world.clock, wall=world.clock, sleep=world.sleep, random=lambda: 0.5)

    def _sign_in(self, name: str) -> None:
        token = f"{name} {self.world.tick()}"
        self.world.tokens[token] = USERS[name]
        self.sessions[name] = Session(USERS[name], token)

    # --- one request of the portal ------------------------------------------------------------------------------------

    def _begin(self, name: str, process: int, *, changing: bool = False) -> Request:
        session, person = self.sessions[name], self.world.people[USERS[name]]
        self.requests += 1
        floors = self.floors[person.id]

        def token(rejected: str | None) -> str:
            if rejected is not None:
                raise Unauthorized
            return session.token

        def bump(directory: bool) -> None:
            self.bump(session, directory)

        owner = CacheOwner(Api.base_url, f"user:{person.id}", person.id, person.org_id, session.token)
        cache = ResponseCache(
            self.caches[process],
            owner,
            CacheVersions(session.device_version, session.directory_version),
            bump,
            changing=changing,
            clock=self.world.clock,
            single_flight=self.flights[process],
        )
        request_id = f"r{self.requests}"
        gateway = Gateway(self.policies[process], token, request_id=request_id, cache=cache)
        return Request(request_id, session, gateway, Floors(floors.devices, floors.directory), changing)

    def bump(self, session: Session, directory: bool) -> None:
        """What the portal does in the rows of all grants of the person."""
        for each in self.sessions.values():
            if each.person == session.person:
                if directory:
                    each.directory_version += 1
                else:
                    each.device_version += 1

    def _read(self, request: Request, operation: str, device: int, way: str = "plain") -> None:
        gateway = request.gateway.fresh() if way == "fresh" else request.gateway
        try:
            answer = (
                self._in_thread(gateway, operation, device) if way == "thread" else READS[operation](gateway, device)
            )
        except GatewayError as error:
            self._saw(type(error).__name__)
            if error.status in (401, 403, 404):
                request.gateway.flush()
                number = self.world.tick()
                for floors in (self.floors[request.session.person], request.began):
                    self._raise(floors, operation, number)
        else:
            self._judge(request, operation, answer, fresh=way == "fresh")

    @staticmethod
    def _raise(floors: Floors, operation: str, number: int) -> None:
        if operation in REFERENCE_READS:
            floors.directory = number
        else:
            floors.devices = number

    @staticmethod
    def _in_thread(gateway: Gateway, operation: str, device: int) -> Any:
        found: list[Any] = []
        shared = gateway.for_threads()

        def call() -> None:
            try:
                found.append(READS[operation](shared, device))
            except GatewayError as error:
                found.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        gateway.flush()
        if isinstance(found[0], GatewayError):
            raise found[0]
        return found[0]

    # --- what must hold -----------------------------------------------------------------------------------------------

    def _judge(self, request: Request, operation: str, answer: Any, *, fresh: bool) -> None:
        items = getattr(answer, "items", answer if isinstance(answer, tuple) else (answer,))
        for number in {int(item.name.rsplit("#", 1)[1]) for item in items}:
            call = self.world.calls[number]
            own = call.request == request.id
            assert call.token == request.session.token, f"a leak: {operation} was read by {call.token}"
            assert call.operation == operation
            if own:
                self._saw("fetched")
                continue
            assert not fresh, f"{operation}: fresh() got a cached response"
            self._judge_cached(request, operation, number)
            self._judge_versions(request, operation, number)

    def _judge_cached(self, request: Request, operation: str, number: int) -> None:
        call = self.world.calls[number]
        reference = operation in REFERENCE_READS
        floor = request.began.directory if reference else request.began.devices
        assert number > floor, f"{operation}: from before a change or a denial that ended before this request"
        assert reference or not request.changing, f"{operation}: a changing request got a cached response"
        age = self.world.now - call.at
        marked = [each for each in request.gateway.stale if each.operation == operation]
        self._saw("cached, marked" if marked else "cached")
        assert age < STALE_IF_ERROR + 60, f"{operation}: {age:.0f} s old"
        if not marked:
            # While it was waited for, a call that failed in between may have taken its time.
            assert age < MAX_AGE.get(operation, 0.0), f"{operation}: {age:.0f} s old, and not marked"
        else:
            assert any(abs(each.read_at - call.at) < 1 for each in marked), f"{operation}: marked with another time"

    def _judge_versions(self, request: Request, operation: str, number: int) -> None:
        for device, version in self.world.calls[number].versions.items():
            mine = self.written.get((request.session.person, device), 0)
            assert version >= mine or operation in REFERENCE_READS, f"{operation}: from before the person's own change"

    # --- what happens -------------------------------------------------------------------------------------------------

    @rule(
        name=sessions,
        process=processes,
        operation=reads,
        device=devices,
        way=st.sampled_from(["plain"] * 4 + ["fresh", "thread"]),
    )
    def view(self, name: str, process: int, operation: str, device: int, way: str) -> None:
        self._read(self._begin(name, process), operation, device, way)

    @rule(name=sessions, process=processes, device=devices, operations=st.lists(reads, min_size=2, max_size=4))
    def page(self, name: str, process: int, device: int, operations: list[str]) -> None:
        request = self._begin(name, process)
        for operation in operations:
            self._read(request, operation, device)

    @rule(name=sessions, process=processes)
    def begin_slowly(self, name: str, process: int) -> None:
        """A request that reads later, when much may have happened."""
        self.open = [*self.open[-2:], self._begin(name, process)]

    @precondition(lambda self: self.open)
    @rule(operation=reads, device=devices, ends=st.booleans())
    def read_slowly(self, operation: str, device: int, ends: bool) -> None:
        self._read(self.open[0], operation, device)
        if ends:
            self.open.pop(0)

    @rule(name=sessions, process=processes, device=devices, renames=st.booleans(), owner=st.integers(1, 3), shown=reads)
    def change(self, name: str, process: int, device: int, renames: bool, owner: int, shown: str) -> None:
        """As the portal does it: read, send, read back, and then show something."""
        request = self._begin(name, process, changing=True)
        person = request.session.person
        self._read(request, "get_base_info", device, "fresh")
        before = self.world.devices[device].version
        try:
            if renames:
                request.gateway.rename_device(device, f"by {person}")
            else:
                request.gateway.transfer_to_owner(device, owner)
        except GatewayError:
            self._saw("change not made, or unknown")
        ended = self.world.tick()
        for floors in (self.floors[person], request.began):
            floors.devices = ended
        if self.world.devices[device].version > before:
            self.written[person, device] = self.world.devices[device].version
        self._read(request, "get_base_info", device, "fresh")
        self._read(request, shown, device)

    @rule(name=sessions, before=processes, process=processes, device=devices, operation=reads, renames=st.booleans())
    def view_change_view(
        self, name: str, before: int, process: int, device: int, operation: str, renames: bool
    ) -> None:
        """Perhaps with the change in another session of the same person, or in another process."""
        twin = {"ann": "ann elsewhere", "ann elsewhere": "ann"}.get(name, name)
        owner = self.world.devices[device].owner_id
        self.view(name, before, operation, device, "plain")
        self.change(twin, process, device, renames, owner, operation)
        self.view(name, before, operation, device, "plain")

    @rule(name=sessions, process=processes, device=devices, operation=reads, fault=st.sampled_from(FAULTS))
    def view_fail_view(self, name: str, process: int, device: int, operation: str, fault: str) -> None:
        self.view(name, process, operation, device, "plain")
        self.fail(fault, False)
        self.view(name, process, operation, device, "plain")
        self.recover()

    @rule(device=devices, org=st.integers(1, 2), owner=st.integers(1, 3))
    def elsewhere(self, device: int, org: int, owner: int) -> None:
        """Somebody changes it outside the portal."""
        thing = self.world.devices[device]
        thing.version += 1
        thing.name, thing.org_id, thing.owner_id = "elsewhere", org, owner

    @rule(person=st.integers(1, 3), sees_all=st.booleans())
    def permissions(self, person: int, sees_all: bool) -> None:
        self.world.people[person].sees_all = sees_all

    @rule(name=sessions, noticed=st.booleans())
    def sign_in_again(self, name: str, noticed: bool) -> None:
        """The platform ends the token; the person signs in again, perhaps after a denied read."""
        if noticed:
            del self.world.tokens[self.sessions[name].token]
            self._read(self._begin(name, 0), "get_base_info", 1)
        self._sign_in(name)
        self.open = [request for request in self.open if request.session.token in self.world.tokens]

    @rule(fault=st.sampled_from(["", *FAULTS]), carried_out=st.booleans())
    def fail(self, fault: str, carried_out: bool) -> None:
        self.world.fault, self.world.carried_out = fault, carried_out

    @rule()
    def recover(self) -> None:
        """And the backoff of the policy is over."""
        self.world.fault = ""
        self.world.now += 6.0

    @rule(seconds=st.sampled_from(PAUSES))
    def wait(self, seconds: float) -> None:
        self.world.now += seconds

    @rule(process=processes)
    def restart(self, process: int) -> None:
        self.policies[process] = self._policy()
        self.caches[process].entries.clear()

    @invariant()
    def counted(self) -> None:
        ResponseCacheMachine.steps += 1

    @staticmethod
    def _saw(what: str) -> None:
        ResponseCacheMachine.saw[what] += 1
