"""Nobody gets so much of the policy's turns and calls that others go without."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from devices.gateway.errors import (
    ConcurrencyExceeded,
    RateExceeded,
    RateLimited,
    UserConcurrencyExceeded,
    UserRateExceeded,
)
from devices.gateway.resilience.limits import Limits
from devices.gateway.resilience.policy import Policy, Priority
from devices.gateway.resilience.rate_limiter import TOLD, RateLimiter
from devices.gateway.resilience.shared_state import MemorySharedState
from devices.gateway.timeouts import Deadline
from tests.devices.gateway.resilience.policy_world import JOB, OK, PERSON, POLL, World, read

SCRIPT, ANN, BOB = "script@example.com", "ann@example.com", "bob@example.com"


def made(policy: Policy, person: str, times: int, priority: Priority = PERSON) -> int:
    """How many of so many calls were made. The others were refused properly."""
    refused = []
    for _ in range(times):
        try:
            read(policy, priority, person=person)
        except RateLimited as error:
            refused.append(error)
    assert all(not error.sent and 0 < (error.retry_after or 0) <= 62 for error in refused)
    return times - len(refused)


# --- calls of a minute ------------------------------------------------------------------------------------------------


def test_a_script_leaves_half_of_the_minute_to_the_others_and_each_more_a_part_of_its_own() -> None:
    policy = World().policy(rate_limit=600)
    assert made(policy, SCRIPT, 1000) == 300
    assert made(policy, "another script", 1000) == 150
    assert made(policy, ANN, 50) == 50
    with pytest.raises(UserRateExceeded) as caught:
        read(policy, person=SCRIPT)
    assert "share" in caught.value.sentence


@pytest.mark.parametrize("scripts", [2, 5])
def test_those_who_ask_as_much_as_they_can_get_the_same_and_leave_as_much(scripts: int) -> None:
    policy = World().policy(rate_limit=600)
    got = dict.fromkeys(range(scripts), 0)
    for _ in range(600):
        for number in got:
            got[number] += made(policy, f"script {number}", 1)
    part = 600 / (scripts + 1)
    assert all(part - 1 <= count <= part + 1 for count in got.values())
    assert made(policy, ANN, 40) == 40


def test_polls_and_jobs_of_one_person_stay_below_their_own_part() -> None:
    policy = World().policy(rate_limit=600)
    assert made(policy, SCRIPT, 1000, JOB) == 150
    assert made(policy, SCRIPT, 1000, POLL) == 60
    assert made(policy, SCRIPT, 1000) == 90, "300 in all"


def test_a_share_comes_back_as_the_minute_passes_and_the_time_told_is_enough() -> None:
    world = World()
    policy = world.policy(rate_limit=100)
    assert made(policy, SCRIPT, 200) == 50
    with pytest.raises(UserRateExceeded) as caught:
        read(policy, person=SCRIPT)
    world.now += caught.value.retry_after or 0
    assert read(policy, person=SCRIPT) == OK
    world.now += 70
    assert made(policy, SCRIPT, 200) == 50
    assert list(policy._ceiling._people) == [SCRIPT]
    world.now += 130
    read(policy, person=ANN)
    assert list(policy._ceiling._people) == [ANN], "who has gone is forgotten"


def test_a_thread_that_looked_at_the_clock_a_moment_early_loses_no_count() -> None:
    ceiling = RateLimiter(Limits(rate_limit=100), "test")
    for wall in (102.0, 102.0, 102.0, 101.9, 102.1):
        assert ceiling.take(PERSON, wall, SCRIPT) is None
    assert (ceiling._all.total, ceiling._people[SCRIPT].total, ceiling.untold) == (5, 5, 5)


def test_where_the_whole_ceiling_is_used_up_nobody_is_blamed() -> None:
    policy = World().policy(rate_limit=10)
    for number in range(10):
        read(policy, person=f"person {number}")
    with pytest.raises(RateExceeded) as caught:
        read(policy, person=ANN)
    assert not isinstance(caught.value, UserRateExceeded)
    assert caught.value.sent is False


def test_processes_know_together_what_one_person_has_used() -> None:
    world = World()
    store = MemorySharedState(lambda: world.now)
    policies = [world.policy(store, rate_limit=640) for _ in range(4)]
    total = 0
    for _ in range(640):
        for policy in policies:
            total += made(policy, SCRIPT, 1)
        world.now += 0.01
    assert total <= 320 + 4 * 20, "what they have not told each other yet"
    assert made(policies[0], ANN, 100) == 100
    assert not any("example.com" in key for key in store._kept), "no person's name stands in the store"


def test_people_who_ask_little_cost_the_store_nothing() -> None:
    world = World()
    store = MemorySharedState(lambda: world.now)
    policy = world.policy(store, rate_limit=6400)
    for number in range(30):
        made(policy, f"person {number}", 6400 // TOLD // 30)
        world.now += 1
    assert all(key.count(":") == 3 for key in store._kept), store._kept.keys()


# --- turns ------------------------------------------------------------------------------------------------------------


class Slow(World):
    """Answers when the gate opens."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        super().__init__(lambda: (self.gate.wait(20), OK)[1])
        self.threads: list[threading.Thread] = []

    def start(
        self,
        policy: Policy,
        person: str,
        count: int,
        then: Callable[[str], None] = lambda _: None,
        priority: Priority = PERSON,
    ) -> None:
        def ask() -> None:
            try:
                read(policy, priority, person=person)
            except ConcurrencyExceeded as busy:
                then(type(busy).__name__)
            else:
                then(person)

        for _ in range(count):
            thread = threading.Thread(target=ask)
            self.threads.append(thread)
            thread.start()

    def end(self) -> None:
        self.gate.set()
        for thread in self.threads:
            thread.join(20)


def test_one_person_holds_half_of_the_turns_and_the_others_pass() -> None:
    world = Slow()
    policy = world.policy(max_concurrency=16, queue_timeout=20.0, max_queued_per_user=8)
    heard: list[str] = []
    world.start(policy, SCRIPT, 30, heard.append)
    while len(heard) < 14:
        pass
    assert heard == ["Crowded"] * 14, "more than eight in the line are told at once, and hold no thread"
    assert (policy._turns.held(), policy._turns.waiting()) == (8, 8)
    with pytest.raises(UserConcurrencyExceeded) as caught:
        read(policy, person=SCRIPT)
    assert (caught.value.sent, caught.value.status, caught.value.retry_after) == (False, 503, 20)
    world.start(policy, ANN, 8, heard.append)
    while policy._turns.held() < 16:
        pass
    assert policy._turns.waiting() == 8, "who came later did not wait"
    with pytest.raises(ConcurrencyExceeded) as others:
        read(policy, person=BOB, deadline=Deadline(0.05))
    assert not isinstance(others.value, UserConcurrencyExceeded), "it is not for BOB's own calls that he waits"
    world.end()
    assert heard.count(ANN) == 8
    assert heard.count(SCRIPT) == 16
    assert policy._turns.held() == policy._turns.waiting() == 0
    assert not policy._turns._held_by
    assert not policy._turns._waiting_by


def test_the_calls_of_a_few_receipts_wait_however_many_they_are() -> None:
    world = Slow()
    policy = world.policy(max_concurrency=16, queue_timeout=20.0)
    heard: list[str] = []
    world.start(policy, ANN, 40, heard.append, JOB)
    while policy._turns.waiting() < 32:
        pass
    world.end()
    assert heard == [ANN] * 40


def test_a_small_process_gives_one_person_four_turns() -> None:
    world = Slow()
    policy = world.policy(max_concurrency=5, queue_timeout=0.0)
    heard: list[str] = []
    world.start(policy, SCRIPT, 6, heard.append)
    while len(heard) < 2:
        pass
    assert policy._turns.held() == 4
    world.end()
