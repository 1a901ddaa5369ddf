"""Which responses are given again, to whom and for how long, as devices/gateway/response_cache.py promises."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest

from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound, ServerFault, TimedOut, Unreachable
from devices.gateway.response_cache import CacheOwner, CacheVersions, ResponseCache, SingleFlight, Stale
from devices.gateway.timeouts import Deadline
from devices.gateway.transport import Transport
from tests.canary import secrets_in
from tests.servers import SandboxServer

DEVICE = 1
"""Its metafields hold an application key."""
OTHER = 2


class Portal:
    """Processes of a portal, each with its own memory, and all with the same cache versions. Time is `now`."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        self.now = 1_790_000_000.0
        self.versions: dict[str, list[int]] = {}
        self.memories: dict[str, dict[str, tuple[Any, float]]] = {}
        self.flights: dict[str, SingleFlight] = {}

    def request(
        self, user: str = "admin", *, process: str = "one", changing: bool = False, session: str = "", **options: Any
    ) -> Gateway:
        """The gateway of one request that begins now."""
        versions = self.versions.setdefault(user, [0, 0])

        def bump(directory: bool) -> None:
            versions[directory] += 1

        owner = CacheOwner(
            self.sandbox.url, options.pop("person", user), len(user), options.pop("org", 1), session or user
        )
        cache = ResponseCache(
            Memory(self, process),
            owner,
            CacheVersions(*versions),
            bump,
            changing=changing,
            clock=lambda: self.now,
            single_flight=self.flights.setdefault(process, SingleFlight()),
        )
        token = options.pop("token", lambda rejected: self.sandbox.token(user))
        return Gateway(options.pop("transport", Transport(self.sandbox.url)), token, cache=cache, **options)

    def calls(self, path: str = "/device/baseInfo") -> int:
        """How many calls the API got since the last time."""
        count: int = sum(entry["path"].endswith(path) for entry in self.sandbox.requests())
        self.sandbox.clear_requests()
        return count


class Memory:
    def __init__(self, portal: Portal, process: str) -> None:
        self.entries = portal.memories.setdefault(process, {})
        self.portal = portal

    def get(self, key: str) -> Any:
        value, until = self.entries.get(key, (None, 0.0))
        return value if self.portal.now < until else None

    def set_in_group(self, group: str, key: str, value: Any, timeout: float) -> None:
        self.entries[key] = (value, self.portal.now + timeout)

    def delete(self, key: str) -> None:
        self.entries.pop(key, None)


class Held:
    """A call that says when it has begun, and ends when it may."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.began, self.go, self.calls = threading.Event(), threading.Event(), 0
        self.failure = failure

    def __call__(self) -> str:
        self.calls += 1
        self.began.set()
        assert self.go.wait(10)
        if self.failure is not None:
            raise self.failure
        return "held"


@pytest.fixture
def portal(fresh_sandbox: SandboxServer) -> Portal:
    return Portal(fresh_sandbox)


def down(portal: Portal) -> None:
    portal.sandbox.fault("/*", "status", status=503)


def test_base_info_is_cached_for_fifteen_seconds_and_a_list_never(portal: Portal) -> None:
    first = portal.request().get_base_info(DEVICE)
    portal.now += 14.9
    again = portal.request()
    assert again.get_base_info(DEVICE) == first
    assert again.read_at("get_base_info") == portal.now - 14.9
    assert portal.calls() == 1
    portal.now += 0.2
    portal.request().get_base_info(DEVICE)
    assert portal.calls() == 1
    for _ in range(2):
        portal.request().list_devices()
    assert portal.calls("/devices") == 2


def test_nobody_gets_a_response_of_another_session(portal: Portal) -> None:
    """Nor the same session for another person or organization, should a handle come again."""
    portal.request().get_base_info(DEVICE)
    portal.request("support").get_base_info(DEVICE)
    portal.request(session="another browser").get_base_info(DEVICE)
    portal.request(person="somebody else").get_base_info(DEVICE)
    portal.request(org=2).get_base_info(DEVICE)
    assert portal.calls() == 5
    down(portal)
    with pytest.raises(ServerFault):
        portal.request("viewer").get_base_info(DEVICE)


def test_a_denial_is_not_replaced_by_another_person_s_response(portal: Portal) -> None:
    portal.request("admin").list_users()
    with pytest.raises(Forbidden):
        portal.request("viewer").list_users()


def test_a_stale_response_is_given_for_an_hour_and_marked(portal: Portal) -> None:
    page = portal.request().list_devices(size=5)
    read_at = portal.now
    down(portal)
    portal.now += 3599
    later = portal.request()
    assert later.within(3).list_devices(size=5) == page
    assert later.stale == [Stale("list_devices", read_at)]
    with pytest.raises(ServerFault):
        portal.request().list_devices(size=6)  # another page size
    with pytest.raises(ServerFault):
        portal.request().fresh().list_devices(size=5)
    with pytest.raises(ServerFault):
        portal.request(changing=True).list_devices(size=5)
    portal.now += 2
    with pytest.raises(ServerFault):
        portal.request().list_devices(size=5)


@pytest.mark.parametrize("status", [403, 404])
def test_a_denial_is_raised_and_deletes_the_cached_responses_in_every_process(portal: Portal, status: int) -> None:
    for process in ("one", "two"):
        portal.request(process=process).get_device(DEVICE)
    portal.sandbox.fault("/device", "status", status=status)
    with pytest.raises((Forbidden, NotFound)):
        portal.request().get_device(DEVICE)
    portal.sandbox.clear_faults()
    down(portal)
    for process in ("one", "two"):
        with pytest.raises(ServerFault):
            portal.request(process=process).get_device(DEVICE)


def test_a_denial_in_a_thread_raises_the_version_when_the_request_ends(portal: Portal) -> None:
    """Raising it writes to the database, whose connection belongs to the thread of the request."""
    portal.sandbox.fault("/device/baseInfo", "status", status=404)
    gateway = portal.request()
    with ThreadPoolExecutor(1) as pool, pytest.raises(NotFound):
        pool.submit(gateway.for_threads().get_base_info, DEVICE).result()
    assert portal.versions["admin"] == [0, 0]
    gateway.flush()
    gateway.flush()
    assert portal.versions["admin"] == [1, 0]


@pytest.mark.parametrize("outcome", ["made", "refused", "unknown"])
def test_after_a_person_s_own_change_no_process_gives_responses_from_before(portal: Portal, outcome: str) -> None:
    for process in ("one", "two"):
        portal.request(process=process).get_base_info(DEVICE)
    slow = portal.request(process="two")  # began before the change
    writer = portal.request(changing=True)
    if outcome == "unknown":
        portal.sandbox.fault("/device", "drop", method="PUT", apply=True)
    with nullcontext() if outcome == "made" else pytest.raises(GatewayError):
        writer.rename_device(DEVICE, "x" * 51 if outcome == "refused" else "Renamed")
    slow.fresh().get_base_info(OTHER)  # cached, for requests that began before
    portal.calls()
    for process in ("one", "two"):
        info = portal.request(process=process).get_base_info(DEVICE)
        assert (info.name == "Renamed") is (outcome != "refused")
    portal.request(process="two").get_base_info(OTHER)
    assert portal.calls() == 3
    assert portal.versions["admin"][0] >= 2, "before it was sent and after"


def test_a_read_that_ends_after_the_change_is_cached_for_nobody(portal: Portal) -> None:
    """It may hold the old state, however late it is stored."""
    held = Held()
    transport = Transport(portal.sandbox.url)
    send = transport.send
    transport.send = lambda *args, **options: (send(*args, **options), held())[0]  # type: ignore[method-assign]
    reader = portal.request(transport=transport)
    with ThreadPoolExecutor(1) as pool:
        before = pool.submit(reader.get_base_info, DEVICE)
        assert held.began.wait(10)
        portal.request(changing=True).rename_device(DEVICE, "Renamed meanwhile")
        during = portal.request().get_base_info(DEVICE)  # its own call: not the flight from before
        held.go.set()
        assert before.result().name != "Renamed meanwhile"
    assert during.name == portal.request().get_base_info(DEVICE).name == "Renamed meanwhile"


def test_reference_data_is_kept_after_a_change_but_not_after_a_denial(portal: Portal) -> None:
    portal.request().list_templates()
    portal.request(changing=True).rename_device(DEVICE, "Renamed")
    portal.request(changing=True).list_templates()
    assert portal.calls("/templates") == 1
    portal.sandbox.fault("/templates", "status", status=403)
    with pytest.raises(Forbidden):
        portal.request().fresh().list_templates()
    portal.sandbox.clear_faults()
    portal.request(process="one").list_templates()
    assert portal.calls("/templates") == 2


def test_threads_of_one_process_make_one_call(portal: Portal) -> None:
    portal.sandbox.fault("/device/baseInfo", "delay", delay=0.3)
    gateways = [portal.request() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda gateway: gateway.get_base_info(DEVICE), gateways))
    assert len(set(map(id, found))) == 1
    assert portal.calls() == 1


def test_a_flight_is_awaited_no_longer_than_the_time_given() -> None:
    flights, held = SingleFlight(), Held()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(flights.share, "key", held, 1.0, "get_device")
        assert held.began.wait(10)
        with pytest.raises(TimedOut):
            flights.share("key", lambda: "other", 0.05, "get_device")
        held.go.set()
        assert first.result() == "held"
    assert flights.share("key", lambda: "anew", 0.0, "get_device") == "anew"


@pytest.mark.parametrize(("failure", "calls"), [(Unreachable(), 1), (TimedOut(), 2), (KeyError(), 2)])
def test_which_errors_of_a_flight_its_waiters_share(failure: Exception, calls: int) -> None:
    flights, held = SingleFlight(), Held(failure)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flights.share, "key", held, 1.0, "get_device")
        assert held.began.wait(10)
        second = pool.submit(flights.share, "key", held, 5.0, "get_device")
        threading.Timer(0.1, held.go.set).start()
        for each in (first, second):
            assert type(each.exception()) is type(failure)
    assert held.calls == calls


def test_a_flight_is_awaited_within_the_deadline_of_the_page(portal: Portal) -> None:
    held = Held()
    first, hasty = (
        portal.request(token=lambda rejected: held() and portal.sandbox.token()),
        portal.request(deadline=Deadline(0.05)),
    )
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(first.get_base_info, DEVICE)
        assert held.began.wait(10)
        with pytest.raises(TimedOut):
            hasty.get_base_info(DEVICE)
        held.go.set()
        assert read.result().id == DEVICE


def test_no_credential_and_no_key_is_cached(portal: Portal) -> None:
    gateway = portal.request()
    gateway.get_base_info(DEVICE)
    gateway.get_device(DEVICE)
    gateway.list_metafields(DEVICE)
    gateway.list_metafields(OTHER)
    gateway.list_devices()
    assert gateway.reveal_token(DEVICE)
    entries = portal.memories["one"]
    assert len(entries) >= 3
    for key, ((_read_at, written), _until) in entries.items():
        assert not secrets_in(written), key
        assert b"token" not in written.lower(), key
        assert b"0011223344556677" not in written, "a key of another system"
    assert not any(b"admin" in key.encode() for key in entries)


def test_entries_that_are_too_large_or_unreadable_are_fetched(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    portal.request().get_base_info(DEVICE)
    [key] = portal.memories["one"]
    portal.memories["one"][key] = ((portal.now, b"\x93 of another version"), portal.now + 100)
    portal.request().get_base_info(DEVICE)
    assert portal.calls() == 2
    monkeypatch.setattr("devices.gateway.response_cache.MAX_BYTES", 10)
    portal.request().get_base_info(OTHER)
    assert len(portal.memories["one"]) == 1
