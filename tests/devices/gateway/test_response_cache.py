"""Which answers are given again, to whom and for how long: as devices/gateway/answers.py promises."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest

from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound, ServerFault, TimedOut, Unreachable
from devices.gateway.response_cache import Counts, Owner, ResponseCache, SingleFlight, Stale
from devices.gateway.timeouts import Deadline
from devices.gateway.transport import Transport
from tests.canary import secrets_in
from tests.servers import SandboxServer

DEVICE = 1
"""Its metafields hold an application key."""
OTHER = 2


class Portal:
    """Processes of a portal: each has a memory of its own and all read the same counts. Time is what it is set to."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        self.now = 1_790_000_000.0
        self.counts: dict[str, list[int]] = {}
        self.memories: dict[str, dict[str, tuple[Any, float]]] = {}
        self.flights: dict[str, SingleFlight] = {}

    def request(
        self, user: str = "admin", *, process: str = "one", changing: bool = False, session: str = "", **told: Any
    ) -> Gateway:
        """The gateway of one request that begins now."""
        counts = self.counts.setdefault(user, [0, 0])

        def bump(words: bool) -> None:
            counts[words] += 1

        owner = Owner(self.sandbox.url, told.pop("person", user), len(user), told.pop("org", 1), session or user)
        answers = ResponseCache(
            Memory(self, process),
            owner,
            Counts(*counts),
            bump,
            changing=changing,
            clock=lambda: self.now,
            flights=self.flights.setdefault(process, SingleFlight()),
        )
        token = lambda rejected: self.sandbox.token(user)  # noqa: E731
        return Gateway(Transport(self.sandbox.url), token, answers=answers, **told)

    def asked(self, path: str = "/device/baseInfo") -> int:
        """How often the API was asked since this was asked last."""
        count: int = sum(entry["path"].endswith(path) for entry in self.sandbox.requests())
        self.sandbox.clear_requests()
        return count


class Memory:
    def __init__(self, portal: Portal, process: str) -> None:
        self.kept = portal.memories.setdefault(process, {})
        self.portal = portal

    def get(self, key: str) -> Any:
        value, until = self.kept.get(key, (None, 0.0))
        return value if self.portal.now < until else None

    def keep(self, group: str, key: str, value: Any, timeout: float) -> None:
        self.kept[key] = (value, self.portal.now + timeout)

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)


@pytest.fixture
def portal(fresh_sandbox: SandboxServer) -> Portal:
    return Portal(fresh_sandbox)


def down(portal: Portal) -> None:
    portal.sandbox.fault("/*", "status", status=503)


def test_base_info_is_given_again_for_fifteen_seconds_and_a_list_never(portal: Portal) -> None:
    first = portal.request().get_base_info(DEVICE)
    portal.now += 14.9
    again = portal.request()
    assert again.get_base_info(DEVICE) == first
    assert again.read_at("get_base_info") == portal.now - 14.9
    assert portal.asked() == 1
    portal.now += 0.2
    portal.request().get_base_info(DEVICE)
    assert portal.asked() == 1
    for _ in range(2):
        portal.request().list_devices()
    assert portal.asked("/devices") == 2


def test_nobody_is_given_what_another_session_read(portal: Portal) -> None:
    """Nor the same session for another person or organization, should a handle come again."""
    portal.request().get_base_info(DEVICE)
    portal.request("support").get_base_info(DEVICE)
    portal.request(session="another browser").get_base_info(DEVICE)
    portal.request(person="somebody else").get_base_info(DEVICE)
    portal.request(org=2).get_base_info(DEVICE)
    assert portal.asked() == 5
    down(portal)
    with pytest.raises(ServerFault):
        portal.request("viewer").get_base_info(DEVICE)


def test_what_one_may_not_see_is_never_given_from_what_another_saw(portal: Portal) -> None:
    portal.request("admin").list_users()
    with pytest.raises(Forbidden):
        portal.request("viewer").list_users()


def test_an_old_answer_stands_in_for_an_hour_and_is_told(portal: Portal) -> None:
    page = portal.request().list_devices(size=5)
    read_at = portal.now
    down(portal)
    portal.now += 3599
    later = portal.request()
    assert later.within(3).list_devices(size=5) == page
    assert later.stale == [Stale("list_devices", read_at)]
    with pytest.raises(ServerFault):
        portal.request().list_devices(size=6)  # another question
    with pytest.raises(ServerFault):
        portal.request().fresh().list_devices(size=5)
    with pytest.raises(ServerFault):
        portal.request(changing=True).list_devices(size=5)
    portal.now += 2
    with pytest.raises(ServerFault):
        portal.request().list_devices(size=5)


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_told_and_deletes_what_was_kept_in_every_process(portal: Portal, status: int) -> None:
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


def test_a_refusal_in_a_thread_counts_when_the_request_ends(portal: Portal) -> None:
    """Counting writes to the database, which belongs to the thread of the request."""
    portal.sandbox.fault("/device/baseInfo", "status", status=404)
    gateway = portal.request()
    with ThreadPoolExecutor(1) as pool, pytest.raises(NotFound):
        pool.submit(gateway.for_threads().get_base_info, DEVICE).result()
    assert portal.counts["admin"] == [0, 0]
    gateway.settle()
    gateway.settle()
    assert portal.counts["admin"] == [1, 0]


@pytest.mark.parametrize("outcome", ["made", "refused", "unknown"])
def test_after_ones_own_change_no_process_gives_what_was_before(portal: Portal, outcome: str) -> None:
    for process in ("one", "two"):
        portal.request(process=process).get_base_info(DEVICE)
    slow = portal.request(process="two")  # began before the change
    writer = portal.request(changing=True)
    if outcome == "unknown":
        portal.sandbox.fault("/device", "drop", method="PUT", apply=True)
    with nullcontext() if outcome == "made" else pytest.raises(GatewayError):
        writer.rename_device(DEVICE, "x" * 51 if outcome == "refused" else "Renamed")
    slow.fresh().get_base_info(OTHER)  # kept, but for those who began before
    portal.asked()
    for process in ("one", "two"):
        info = portal.request(process=process).get_base_info(DEVICE)
        assert (info.name == "Renamed") is (outcome != "refused")
    portal.request(process="two").get_base_info(OTHER)
    assert portal.asked() == 3
    assert portal.counts["admin"][0] >= 2, "before it was sent and after"


def test_a_read_that_ends_after_the_change_is_kept_for_nobody(portal: Portal) -> None:
    """It may hold what was before, however late it is written down."""
    reader, held, go = portal.request(), threading.Event(), threading.Event()
    send = reader._send

    def slowly(*args: Any, **told: Any) -> Any:
        reply = send(*args, **told)
        held.set()
        assert go.wait(10)
        return reply

    reader._send = slowly  # type: ignore[method-assign]
    with ThreadPoolExecutor(1) as pool:
        before = pool.submit(reader.get_base_info, DEVICE)
        assert held.wait(10)
        portal.request(changing=True).rename_device(DEVICE, "Renamed meanwhile")
        during = portal.request().get_base_info(DEVICE)  # asks for itself: not the flight from before
        go.set()
        assert before.result().name != "Renamed meanwhile"
    assert during.name == portal.request().get_base_info(DEVICE).name == "Renamed meanwhile"


def test_names_outlive_changes_of_devices_but_not_a_refusal(portal: Portal) -> None:
    portal.request().list_templates()
    portal.request(changing=True).rename_device(DEVICE, "Renamed")
    portal.request(changing=True).list_templates()
    assert portal.asked("/templates") == 1
    portal.sandbox.fault("/templates", "status", status=403)
    with pytest.raises(Forbidden):
        portal.request().fresh().list_templates()
    portal.sandbox.clear_faults()
    portal.request(process="one").list_templates()
    assert portal.asked("/templates") == 2


def test_threads_of_one_process_ask_once(portal: Portal) -> None:
    portal.sandbox.fault("/device/baseInfo", "delay", delay=0.3)
    gateways = [portal.request() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda gateway: gateway.get_base_info(DEVICE), gateways))
    assert len(set(map(id, found))) == 1
    assert portal.asked() == 1


def test_a_flight_that_does_not_end_holds_nobody_longer_than_their_time() -> None:
    flights, go = SingleFlight(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(flights.share, "key", lambda: go.wait(10), 1.0, "get_device")
        while not flights._open:
            pass
        with pytest.raises(TimedOut):
            flights.share("key", lambda: True, 0.05, "get_device")
        go.set()
        assert first.result() is True
    assert flights.share("key", lambda: "anew", 0.0, "get_device") == "anew"


@pytest.mark.parametrize(("failure", "asked"), [(Unreachable(), 1), (TimedOut(), 2), (KeyError(), 2)])
def test_what_fails_for_one_fails_for_those_who_waited_unless_it_was_their_own(failure: Exception, asked: int) -> None:
    flights, go, calls = SingleFlight(), threading.Event(), []

    def fails(wait: bool) -> Callable[[], str]:
        def ask() -> str:
            calls.append(1)
            assert not wait or go.wait(10)
            raise failure

        return ask

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flights.share, "key", fails(True), 1.0, "get_device")
        while not flights._open:
            pass
        second = pool.submit(flights.share, "key", fails(False), 5.0, "get_device")
        while second.running() is False:
            pass
        threading.Timer(0.1, go.set).start()
        for each in (first, second):
            assert type(each.exception()) is type(failure)
    assert len(calls) == asked


def test_who_waits_does_so_within_the_time_of_their_page(portal: Portal) -> None:
    portal.sandbox.fault("/device/baseInfo", "delay", delay=0.6)
    first, hasty = portal.request(), portal.request(deadline=Deadline(0.2))
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(first.get_base_info, DEVICE)
        while not portal.flights["one"]._open:
            pass
        with pytest.raises(TimedOut):
            hasty.get_base_info(DEVICE)
        assert read.result().id == DEVICE


def test_no_credential_and_no_key_is_in_what_is_kept(portal: Portal) -> None:
    gateway = portal.request()
    gateway.get_base_info(DEVICE)
    gateway.get_device(DEVICE)
    gateway.list_metafields(DEVICE)
    gateway.list_metafields(OTHER)
    gateway.list_devices()
    assert gateway.reveal_token(DEVICE)
    kept = portal.memories["one"]
    assert len(kept) >= 3
    for key, ((_asked_at, written), _until) in kept.items():
        assert not secrets_in(written), key
        assert b"token" not in written.lower(), key
        assert b"0011223344556677" not in written, "a key of another system"
    assert not any(b"admin" in key.encode() for key in kept)


def test_what_is_too_large_or_cannot_be_read_any_more_is_asked_for(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.request().get_base_info(DEVICE)
    [key] = portal.memories["one"]
    portal.memories["one"][key] = ((portal.now, b"\x93 of another version"), portal.now + 100)
    portal.request().get_base_info(DEVICE)
    assert portal.asked() == 2
    monkeypatch.setattr("devices.gateway.response_cache.LARGEST", 10)
    portal.request().get_base_info(OTHER)
    assert len(portal.memories["one"]) == 1
