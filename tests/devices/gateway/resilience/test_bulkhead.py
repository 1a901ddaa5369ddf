"""The bulkhead, by itself and in the policy."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from devices.gateway.errors import ConcurrencyExceeded, GatewayError, Unreachable, UserConcurrencyExceeded
from devices.gateway.resilience.bulkhead import Bulkhead
from devices.gateway.resilience.policy import Priority
from devices.gateway.timeouts import Deadline
from tests.devices.gateway.resilience.policy_world import (
    JOB,
    OK,
    POLL,
    Answer,
    SlowWorld,
    World,
    read,
    status,
    wait_until,
)

SCRIPT, ANN, BOB = "script@example.com", "ann@example.com", "bob@example.com"


def test_without_a_queue_it_admits_so_many_of_each_person() -> None:
    bulkhead = Bulkhead(per_user=2)
    with bulkhead.slot("ann") as first, bulkhead.slot("ann") as second:
        with bulkhead.slot("ann") as third, bulkhead.slot("bob") as other:
            assert (first, second, third, other) == (True, True, False, True)
        assert bulkhead.user_limit_reached("ann")
        assert not bulkhead.user_limit_reached("bob")
    with bulkhead.slot("ann") as again:
        assert again
    assert (bulkhead.in_use(), bulkhead.tracked_people()) == (0, 0)


def test_first_in_first_out_and_an_error_after_the_queue_timeout() -> None:
    world = SlowWorld()
    policy = world.policy(max_concurrency=1, queue_timeout=20.0)
    for number in range(6):  # the first runs, the others wait
        world.start(policy, f"person {number}", 1)
        wait_until(lambda number=number: policy.bulkhead.in_use() + policy.bulkhead.queued() == number + 1)
    with pytest.raises(ConcurrencyExceeded) as caught:
        read(policy, deadline=Deadline(0.05))
    assert (caught.value.sent, caught.value.status) == (False, 503)
    world.end()
    assert world.operations == [f"person {number}" for number in range(6)]
    assert policy.bulkhead.in_use() == policy.bulkhead.queued() == 0


def test_polls_and_jobs_keep_to_their_part_and_let_people_pass() -> None:
    world = SlowWorld()
    policy = world.policy(max_concurrency=20, queue_timeout=20.0)
    for priority in (POLL, JOB):
        world.start(policy, "", 10, priority)
    wait_until(lambda: (policy.bulkhead.in_use(), policy.bulkhead.queued()) == (16, 4))
    world.start(policy, "", 4)
    wait_until(lambda: len(world.sent) == 20)
    world.end()
    assert policy.bulkhead.in_use() == policy.bulkhead.queued() == 0
    assert len(world.sent) == 24


def test_one_person_gets_half_of_the_slots_and_others_pass() -> None:
    world = SlowWorld()
    policy = world.policy(max_concurrency=16, queue_timeout=20.0, max_queued_per_user=8)
    world.start(policy, SCRIPT, 30)
    wait_until(lambda: len(world.results) == 14)
    assert world.results == ["UserConcurrencyExceeded"] * 14, "at once: at most eight wait, and hold a thread"
    assert (policy.bulkhead.in_use(), policy.bulkhead.queued()) == (8, 8)
    with pytest.raises(UserConcurrencyExceeded) as caught:
        read(policy, person=SCRIPT)
    assert (caught.value.sent, caught.value.status, caught.value.retry_after) == (False, 503, 20)
    world.start(policy, ANN, 8)
    wait_until(lambda: policy.bulkhead.in_use() == 16)
    assert policy.bulkhead.queued() == 8, "those who came later did not wait"
    with pytest.raises(ConcurrencyExceeded) as others:
        read(policy, person=BOB, deadline=Deadline(0.05))
    assert not isinstance(others.value, UserConcurrencyExceeded), "not BOB's own calls are in the way"
    world.end()
    assert world.results.count(ANN) == 8
    assert world.results.count(SCRIPT) == 16
    assert (policy.bulkhead.in_use(), policy.bulkhead.queued(), policy.bulkhead.tracked_people()) == (0, 0, 0)


def test_all_calls_of_jobs_may_wait() -> None:
    world = SlowWorld()
    policy = world.policy(max_concurrency=16, queue_timeout=20.0)
    world.start(policy, ANN, 40, JOB)
    wait_until(lambda: policy.bulkhead.queued() == 32)
    world.end()
    assert world.results == [ANN] * 40


def test_a_small_process_gives_one_person_four_slots() -> None:
    world = SlowWorld()
    policy = world.policy(max_concurrency=5, queue_timeout=0.0)
    world.start(policy, SCRIPT, 6)
    wait_until(lambda: len(world.results) == 2)
    assert policy.bulkhead.in_use() == 4
    world.end()


def test_a_slot_is_free_during_the_delay_before_a_retry() -> None:
    in_use: list[int] = []

    class Sleeping(World):
        def sleep(self, seconds: float) -> None:
            in_use.append(policy.bulkhead.in_use())

    policy = Sleeping(status(503), OK).policy(max_concurrency=1)
    read(policy)
    assert in_use == [0]


def fails(error: BaseException) -> Answer:
    def answer() -> None:
        raise error

    return answer  # type: ignore[return-value]


def test_no_slot_is_lost_whatever_goes_wrong() -> None:
    outcomes = [OK, Unreachable(), fails(ValueError("ours")), fails(KeyboardInterrupt()), status(500)] * 500
    policy = World(*outcomes).policy(
        max_concurrency=3, queue_timeout=0.01, max_retries=0, min_calls_to_open=100_000, user_concurrency_share=1.0
    )

    def hammer() -> None:
        for at in range(300):
            with suppress(GatewayError, ValueError, KeyboardInterrupt):
                read(policy, list(Priority)[at % 3], person=ANN)

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (policy.bulkhead.in_use(), policy.bulkhead.queued(), policy.bulkhead.tracked_people()) == (0, 0, 0)
