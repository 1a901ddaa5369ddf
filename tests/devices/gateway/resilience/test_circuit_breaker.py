"""The circuit breakers of the policy, and what several processes share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from devices.gateway.errors import BadReply, CircuitOpen, GatewayError, TimedOut, Unreachable
from devices.gateway.resilience.policy import Policy, Priority
from devices.gateway.response import Reply
from tests.devices.gateway.resilience.policy_world import (
    OK,
    PERSON,
    Answer,
    MemorySharedState,
    World,
    read,
    refusals,
    status,
    write,
)

# --- breaker ----------------------------------------------------------------------------------------------------------


def fail(policy: Policy, times: int, send: Callable[[Policy], Reply] = read) -> int:
    """How many of so many calls were refused by the open breaker."""
    refused = 0
    for _ in range(times):
        try:
            send(policy)
        except GatewayError as error:
            refused += isinstance(error, CircuitOpen) and not error.sent and bool(error.retry_after)
    return refused


DOWN = [
    Unreachable(),
    BadReply(),
    status(500),
    status(503),
    Reply(200, b"<html>Maintenance", "text/html"),
]


@pytest.mark.parametrize("answer", DOWN, ids=str)
def test_it_opens_when_half_of_twenty_fail_logs_it_and_closes_again(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(*[OK] * 10, answer)
    policy = world.policy(max_retries=0)
    assert fail(policy, 20) == 0
    assert policy.platform_status().reads_retry_after == 10
    assert fail(policy, 50) == 50
    assert len(world.sent) == 20
    assert fail(policy, 1, write) == 0, "another kind has a breaker of its own"
    world.now += 10
    world.answers = [OK]
    assert read(policy) == OK, "the probe"
    assert fail(policy, 30) == 0
    assert [record.getMessage() for record in caplog.records] == [
        "Circuit breaker opened: read calls to the platform keep failing, next try in 10 s.",
        "Circuit breaker closed: read calls to the platform work again.",
    ]


@pytest.mark.parametrize("answer", [OK, status(404), status(403), status(401), status(400), status(429, 0)], ids=str)
def test_other_statuses_do_not_open_it(answer: Answer) -> None:
    policy = World(answer).policy(max_retries=0)
    assert fail(policy, 100) == 0


def test_one_failing_endpoint_does_not_open_it() -> None:
    world = World()
    policy = world.policy(max_retries=0)

    def page(timeline: Answer, online: Answer, priority: Priority = PERSON) -> None:
        for operation, answer in (("list_timeline", timeline), ("get_online", online)):
            world.answers = [answer]
            with suppress(GatewayError):
                read(policy, priority, operation=operation)

    for _ in range(100):
        page(status(500), OK)
    assert policy.platform_status().reads_retry_after == 0, "half of all calls, but of one operation"
    for _ in range(9):
        page(status(500), Unreachable())
    page(status(500), Unreachable())
    assert policy.platform_status().reads_retry_after == 10, "two operations failed"
    world.now += 10
    page(OK, OK)
    for _ in range(100):
        page(Unreachable(), Unreachable(), Priority.POLL)
    assert policy.platform_status().reads_retry_after == 0, "polls do not count"
    world.answers = [Unreachable()]
    assert fail(policy, 19, lambda policy: read(policy, operation="list_timeline")) == 0
    assert policy.platform_status().reads_retry_after == 10, "no other operation succeeded"


def test_a_filter_s_page_does_not_open_it() -> None:
    world = World(Reply(403, b"<html>Blocked", "text/html"))
    policy = world.policy(max_retries=0)
    assert fail(policy, 100) == 0


@pytest.mark.parametrize("send", [read, write])
@pytest.mark.parametrize("answer", [status(500), BadReply(), Unreachable()], ids=str)
def test_one_operation_of_one_person_does_not_open_it_alone(send: Callable[..., Reply], answer: Answer) -> None:
    """Such as searches that the platform fails on, while nobody else calls."""
    world = World(answer)

    def failing(policy: Policy, times: int, operation: str = "search_devices", person: str = "ann") -> int:
        return fail(policy, times, lambda one: send(one, operation=operation, person=person))

    for other in ({"operation": "get_device"}, {"person": "bob"}):
        policy = world.policy(max_retries=0)
        assert failing(policy, 40) == 0
        assert failing(policy, 1, **other) == 0
        assert failing(policy, 1) == 1, "somebody else failed too"
        world.now += 100
    policy = world.policy(max_retries=0)
    failing(policy, 19, operation="get_device", person="bob")
    world.now += 31
    assert failing(policy, 40) == 0, "failures of others have left the window"


def test_failed_connections_of_one_person_open_it() -> None:
    policy = World(Unreachable(sent=False)).policy(max_retries=0)
    for _ in range(21):
        with suppress(Unreachable):
            read(policy, operation="search_devices", person="ann")
    assert policy.platform_status().reads_retry_after == 10


def test_few_failures_old_failures_and_refusals_by_the_policy_do_not_open_it() -> None:
    world = World(Unreachable())
    policy = world.policy(max_retries=0)
    assert fail(policy, 19) == 0
    world.now += 31
    assert fail(policy, 19) == 0
    limited = World().policy(rate_limit=1)
    read(limited)
    refusals(limited, PERSON, 100)
    assert limited.platform_status().reads_retry_after == 0


def test_twenty_time_outs_in_a_row_open_it_after_many_successes() -> None:
    world = World(*[OK] * 300, TimedOut())
    policy = world.policy(max_retries=0)
    assert fail(policy, 300) == 0
    world.answers = [world.slow(3.0, TimedOut())]
    world.now += 1
    count = 0
    while not policy.platform_status().reads_retry_after:
        assert fail(policy, 1) == 0
        world.now -= 2.9  # they hang at the same time
        count += 1
    assert count == 20


def test_a_success_in_twenty_keeps_it_closed() -> None:
    world = World(*[OK] * 300, *[*[Unreachable()] * 19, OK] * 5)
    policy = world.policy(max_retries=0)
    assert fail(policy, 400) == 0


def test_time_outs_count_if_the_platform_had_time() -> None:
    for took, wait in ((0.2, 0), (3.0, 10), (15.0, 10)):
        world = World(OK)
        world.answers = [world.slow(took, TimedOut())]
        policy = world.policy(max_retries=0, failure_window=1000.0)
        assert fail(policy, 20) == 0
        assert policy.platform_status().reads_retry_after == wait, took


def test_one_probe_at_a_time() -> None:
    world = World(Unreachable())
    policy = world.policy(max_retries=0)
    fail(policy, 20)
    world.now += 10
    nested: list[int] = []

    def probing() -> Reply:
        nested.append(fail(policy, 5))
        world.now += 4
        raise Unreachable

    world.answers = [probing]
    assert fail(policy, 1) == 0
    assert nested == [5], "all others are refused while it runs"
    assert policy.platform_status().reads_retry_after == 6, "ten seconds from probe to probe"
    world.now += 6

    def lost() -> Reply:
        raise ValueError("lost")

    world.answers = [lost]
    with pytest.raises(ValueError, match="lost"):
        read(policy)
    world.answers = [OK]
    assert read(policy) == OK


def test_the_result_of_a_call_from_before_it_opened_does_not_count() -> None:
    world = World(OK)
    policy = world.policy(max_retries=0)

    def late() -> Reply:
        world.answers = [Unreachable()]
        fail(policy, 20)
        return OK

    world.answers = [late]
    read(policy)
    assert policy.platform_status().reads_retry_after == 10


# --- several processes ------------------------------------------------------------------------------------------------


def test_two_processes_share_rate_limit_backoff_and_breaker() -> None:
    world = World()
    store = MemorySharedState(lambda: world.now)
    one, two = world.policy(store, rate_limit=100, max_retries=0), world.policy(store, rate_limit=100, max_retries=0)
    for _ in range(60):
        read(one)
        read(two) if len(world.sent) < 100 else None
    world.now += 0.5
    assert refusals(one, PERSON, 5) == refusals(two, PERSON, 5) == 5
    world.now += 70
    world.answers = [status(429, 20)]
    read(one)
    world.now += 0.5
    assert two.platform_status().backoff == 19.5
    world.now += 20
    world.answers = [Unreachable()]
    fail(two, 20)
    world.now += 0.5
    assert fail(one, 1) == 1
    world.now += 10
    nested: list[int] = []

    def probing() -> Reply:
        nested.append(fail(two, 3))
        return OK

    world.answers = [probing, OK]
    assert read(one) == OK
    assert nested == [3], "one probe for all"
    world.now += 1
    assert read(two) == OK


class StoreWithClock(MemorySharedState):
    def __init__(self, world: World) -> None:
        super().__init__(lambda: world.now)
        self.world = world

    def now(self) -> float | None:
        return self.world.now + 1.7e9


@pytest.mark.parametrize("off", [-40.0, 40.0], ids=["behind", "ahead"])
def test_hosts_use_the_clock_of_the_store(off: float) -> None:
    world = World(status(500))
    store = StoreWithClock(world)
    here, there = world.policy(store, max_retries=0), world.policy(store, off=off, max_retries=0)
    read(here)
    read(there)
    fail(there, 20)
    world.now += 1
    assert here.platform_status().reads_retry_after == pytest.approx(9)
    world.now += 9
    world.answers = [OK]
    assert read(here) == OK, "the probe is not delayed"
    world.now += 1
    assert read(there) == OK
    world.answers = [status(429, 30)]
    read(there)
    world.now += 1
    assert here.platform_status().backoff == pytest.approx(29)


def test_the_rate_limit_holds_for_both_processes_together() -> None:
    world = World()
    store = MemorySharedState(lambda: world.now)
    both = [world.policy(store, rate_limit=100, sync_after_calls=5, max_retries=0) for _ in range(2)]
    for _ in range(200):
        for policy in both:
            refusals(policy, PERSON, 1)
    assert len(world.sent) == 100
    world.now += 62
    for policy in both:
        assert refusals(policy, PERSON, 40) == 0, "refused calls are not counted"


class DownStore(MemorySharedState):
    """As Redis while it is down."""

    def incr(self, key: str, by: int, ttl: float) -> int | None:
        return None

    def get_many(self, keys: Any) -> dict[str, int]:
        return {}

    def set(self, key: str, value: int, ttl: float) -> None:
        pass

    def add(self, key: str, value: int, ttl: float) -> bool | None:
        return None


class ForgetfulStore(MemorySharedState):
    """As Redis that does not keep values for a moment, or was restarted."""

    keeps = False

    def set(self, key: str, value: int, ttl: float) -> None:
        if self.keeps:
            super().set(key, value, ttl)


def test_what_the_store_has_lost_is_shared_again() -> None:
    world = World(status(500))
    store = ForgetfulStore(lambda: world.now)
    here, there = world.policy(store, max_retries=0), world.policy(store, max_retries=0)
    fail(here, 20)
    store.keeps = True
    world.now += 1
    here.platform_status()
    assert there.platform_status().reads_retry_after == pytest.approx(9)
    store.keeps = False
    world.now += 9
    world.answers = [OK, status(429, 30)]
    assert read(here) == OK
    read(here)
    store.keeps = True
    world.now += 1
    here.platform_status()
    assert there.platform_status().backoff == pytest.approx(29)


def test_without_the_store_each_process_goes_on_alone() -> None:
    world = World()
    policy = world.policy(DownStore(), rate_limit=100, max_retries=0)
    for _ in range(10):
        refusals(policy, PERSON, 12)
        world.now += 0.5
    assert len(world.sent) == 100
    world.now += 70
    world.answers = [Unreachable()]
    fail(policy, 20)
    assert fail(policy, 3) == 3
    world.now += 10
    world.answers = [OK]
    assert read(policy) == OK
