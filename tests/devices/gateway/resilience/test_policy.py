"""Retry, ceiling, cool-down and queue of the policy towards the API."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest

from devices.gateway.errors import BadReply, ConcurrencyExceeded, GatewayError, RateLimited, TimedOut, Unreachable
from devices.gateway.resilience.policy import Priority
from devices.gateway.response import Reply
from devices.gateway.timeouts import Deadline
from tests.devices.gateway.resilience.policy_world import (
    JOB,
    OK,
    PERSON,
    POLL,
    Answer,
    World,
    read,
    refusals,
    status,
    token,
    write,
)

TEMPORARY = [status(502), status(503), status(504), status(429), Unreachable(sent=False), Unreachable()]
each_temporary = pytest.mark.parametrize("answer", TEMPORARY, ids=lambda a: str(getattr(a, "status", a)))


# --- retry ------------------------------------------------------------------------------------------------------------


@each_temporary
def test_a_reading_is_tried_three_times_and_a_change_or_token_once(answer: Answer) -> None:
    for send, times in ((read, 3), (write, 1), (token, 1)):
        world = World(answer)
        try:
            assert send(world.policy()) == answer
        except Unreachable:
            assert isinstance(answer, Unreachable)
        assert len(world.sent) == times, send.__name__
    assert len(world.sent) == 1


@pytest.mark.parametrize("answer", [status(500), status(404), TimedOut(), BadReply(), RateLimited()])
def test_what_would_fail_again_is_not_tried_again(answer: Answer) -> None:
    world = World(answer)
    with suppress(GatewayError):
        assert read(world.policy()) is answer
    assert len(world.sent) == 1


def test_the_pauses_are_by_chance_and_the_second_may_be_longer() -> None:
    world = World(status(503), status(503), OK)
    world.chance = 0.9
    assert read(world.policy()) == OK
    assert world.slept == pytest.approx([0.18, 0.36])


@pytest.mark.parametrize(
    ("asked", "left", "times"),
    [(7.0, 20.0, 2), (10.0, 20.0, 2), (11.0, 20.0, 1), (7.0, 6.0, 1), (7.0, 7.3, 1), (3600.0, 20.0, 1)],
)
def test_retry_after_is_kept_to_where_the_page_has_the_time(asked: float, left: float, times: int) -> None:
    world = World(status(503, asked), OK)
    reply = read(world.policy(), deadline=world.deadline(left))
    assert len(world.sent) == times
    if times == 2:
        assert reply == OK
        assert world.sent[1] - world.sent[0] >= asked
    else:
        assert world.slept == [], "given up at once"


def test_where_everything_fails_few_are_tried_again() -> None:
    world = World(status(503))
    policy = world.policy(min_calls_to_open=10_000)
    for _ in range(100):
        read(policy)
    assert len(world.sent) == 100 + 10, "a tenth of the calls of this minute, five at least"
    world.now += 70
    world.sent.clear()
    for _ in range(10):
        read(policy)
    assert len(world.sent) == 15

    policy = world.policy(min_calls_to_open=10_000, rate_limit=30)
    read(policy)
    policy._start_cooling(30.0, "read")
    assert refusals(policy, PERSON, 1000) == 1000
    world.now += 31
    world.sent.clear()
    for _ in range(10):
        read(policy)
    assert len(world.sent) == 13, "what was refused here was no call"


def test_a_poll_is_not_tried_again() -> None:
    world = World(status(503))
    read(world.policy(), POLL)
    assert len(world.sent) == 1


def test_a_turn_is_not_held_during_the_pause() -> None:
    world = World(status(503), OK)
    policy = world.policy(max_concurrency=1)
    held: list[int] = []
    policy._sleep = lambda seconds: held.append(policy._turns.held())
    read(policy)
    assert held == [0]


# --- ceiling and cool-down --------------------------------------------------------------------------------------------


def test_people_go_before_polls_and_polls_before_jobs() -> None:
    world = World()
    policy = world.policy(rate_limit=100)
    assert refusals(policy, JOB, 60) == 10
    assert refusals(policy, POLL, 30) == 10
    assert refusals(policy, PERSON, 40) == 10
    assert len(world.sent) == 100


def test_no_minute_has_more_than_the_ceiling() -> None:
    world = World()
    policy = world.policy(rate_limit=100)
    for _ in range(600):
        refusals(policy, PERSON, 2)
        world.now += 0.5
    assert len(world.sent) > 400, "and the ceiling is used"
    for start in world.sent:
        assert sum(start <= at < start + 60 for at in world.sent) <= 100


def test_the_time_told_is_enough() -> None:
    world = World()
    policy = world.policy(rate_limit=10)
    refusals(policy, PERSON, 10)
    with pytest.raises(RateLimited) as caught:
        read(policy)
    world.now += caught.value.retry_after or 0
    assert read(policy) == OK


def test_after_429_nobody_asks_until_the_time_given() -> None:
    world = World(status(429, 30), OK)
    policy = world.policy()
    assert read(policy).status == 429
    assert policy.platform_status().backoff == 30
    world.now += 29
    for send in (read, write, token):
        with pytest.raises(RateLimited) as caught:
            send(policy)
        assert (caught.value.sent, caught.value.retry_after) == (False, 1)
    assert len(world.sent) == 1
    world.now += 1
    assert read(policy) == OK
    assert policy.platform_status() == (0, 0, 0, 0)


@pytest.mark.parametrize(("given", "seconds"), [(None, 5.0), (3600, 60.0), (0, 0.0)])
def test_how_long_it_cools_down(given: float | None, seconds: float) -> None:
    world = World(status(429, given))
    policy = world.policy(max_retries=0)
    read(policy)
    assert policy.platform_status().backoff == pytest.approx(seconds)


def test_where_tokens_are_given_a_429_stops_tokens_alone() -> None:
    """Or whoever makes it refuse sign-ins keeps everybody who is signed in from their devices."""
    world = World(status(429, 30), OK)
    policy = world.policy()
    assert token(policy).status == 429
    with pytest.raises(RateLimited) as caught:
        token(policy)
    assert caught.value.retry_after == 30
    assert read(policy) == OK
    assert policy.platform_status().tokens_retry_after == 30
    assert policy.platform_status().backoff == 0
    world.now += 30
    assert token(policy) == OK


def test_a_change_that_is_refused_for_its_device_stops_nobody() -> None:
    world = World(status(429, 30), OK)
    policy = world.policy()
    assert write(policy).status == 429
    assert read(policy) == OK


def test_one_s_own_429_is_tried_again_when_the_cool_down_is_over() -> None:
    world = World(status(429, 4), OK)
    assert read(world.policy()) == OK
    assert world.sent[1] - world.sent[0] >= 4


def test_the_log_tells_of_a_cool_down_once(caplog: pytest.LogCaptureFixture) -> None:
    world = World(status(429, 30))
    policy = world.policy()
    for _ in range(3):
        with suppress(RateLimited):
            read(policy)
    assert [record.getMessage() for record in caplog.records] == [
        "The platform asks to wait (429): no calls for 30.0 s."
    ]


# --- queue ------------------------------------------------------------------------------------------------------------


def test_first_come_first_served_and_busy_when_it_takes_too_long() -> None:
    gate, order, lock = threading.Event(), [], threading.Lock()
    world = World(lambda: (gate.wait(20), OK)[1])
    policy = world.policy(max_concurrency=1, queue_timeout=20.0)
    hand = threading.Thread(target=read, args=(policy,))
    hand.start()
    threads = []
    for name in range(5):
        before = policy._turns.waiting()

        def go(name: int = name) -> None:
            read(policy)
            with lock:
                order.append(name)

        threads.append(threading.Thread(target=go))
        threads[-1].start()
        while policy._turns.waiting() == before:
            pass
    with pytest.raises(ConcurrencyExceeded) as caught:
        read(policy, deadline=Deadline(0.05))
    assert (caught.value.sent, caught.value.status) == (False, 503)
    gate.set()
    for thread in [hand, *threads]:
        thread.join(20)
    assert order == sorted(order)
    assert policy._turns.held() == policy._turns.waiting() == 0


def test_polls_and_jobs_keep_to_their_part_and_let_people_pass() -> None:
    gate = threading.Event()
    world = World(lambda: (gate.wait(20), OK)[1])
    policy = world.policy(max_concurrency=20, queue_timeout=20.0)
    waiting = [threading.Thread(target=read, args=(policy, priority)) for priority in (POLL, JOB) for _ in range(10)]
    for thread in waiting:
        thread.start()
    while policy._turns.waiting() < 4:
        pass
    assert policy._turns.held() == 16
    people = [threading.Thread(target=read, args=(policy,)) for _ in range(4)]
    for thread in people:
        thread.start()
    while len(world.sent) < 20:
        pass
    gate.set()
    for thread in waiting + people:
        thread.join(20)
    assert policy._turns.held() == policy._turns.waiting() == 0
    assert len(world.sent) == 24


def test_no_turn_is_lost_whatever_goes_wrong() -> None:
    faults: list[Any] = [OK, Unreachable(), ValueError("ours"), KeyboardInterrupt(), status(500)]

    class Broken(World):
        def send(self, method: str, path: str, **asked: Any) -> Reply:
            fault = faults[hash(threading.get_ident() + len(self.sent)) % len(faults)]
            self.sent.append(0)
            if isinstance(fault, BaseException):
                raise fault
            return fault  # type: ignore[no-any-return]

    policy = Broken().policy(max_concurrency=3, queue_timeout=0.01, max_retries=0, min_calls_to_open=100_000)

    def hammer() -> None:
        for at in range(300):
            with suppress(GatewayError, ValueError, KeyboardInterrupt):
                read(policy, list(Priority)[at % 3])

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert policy._turns.held() == policy._turns.waiting() == 0
    assert set(policy._turns._held.values()) == {0}


def test_what_the_platform_said_is_told_even_if_the_retry_is_refused_by_ourselves() -> None:
    world = World(status(503))
    policy = world.policy(rate_limit=1)
    assert read(policy).status == 503
    assert len(world.sent) == 1
