"""Retry, rate limit and backoff of the resilience policy."""

from __future__ import annotations

from contextlib import suppress

import pytest

from devices.gateway.errors import BadReply, GatewayError, RateLimited, TimedOut, Unreachable
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
def test_a_read_is_retried_twice_and_a_change_or_token_call_never(answer: Answer) -> None:
    for send, times in ((read, 3), (write, 1), (token, 1)):
        world = World(answer)
        try:
            assert send(world.policy()) == answer
        except Unreachable:
            assert isinstance(answer, Unreachable)
        assert len(world.sent) == times, send.__name__
    assert len(world.sent) == 1


@pytest.mark.parametrize("answer", [status(500), status(404), TimedOut(), BadReply(), RateLimited()])
def test_what_would_fail_again_is_not_retried(answer: Answer) -> None:
    world = World(answer)
    with suppress(GatewayError):
        assert read(world.policy()) is answer
    assert len(world.sent) == 1


def test_the_delay_has_jitter_and_doubles() -> None:
    world = World(status(503), status(503), OK)
    world.chance = 0.9
    assert read(world.policy()) == OK
    assert world.slept == pytest.approx([0.18, 0.36])


@pytest.mark.parametrize(
    ("wanted", "left", "times"),
    [(7.0, 20.0, 2), (10.0, 20.0, 2), (11.0, 20.0, 1), (7.0, 6.0, 1), (7.0, 7.3, 1), (3600.0, 20.0, 1)],
)
def test_retry_after_is_honoured_if_the_page_has_the_time(wanted: float, left: float, times: int) -> None:
    world = World(status(503, wanted), OK)
    reply = read(world.policy(), deadline=world.deadline(left))
    assert len(world.sent) == times
    if times == 2:
        assert reply == OK
        assert world.sent[1] - world.sent[0] >= wanted
    else:
        assert world.slept == [], "given up at once"


def test_the_retry_budget_is_a_tenth_of_the_calls() -> None:
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
    world.answers = [status(429, 30)]
    read(policy)
    world.answers = [status(503)]
    assert refusals(policy, PERSON, 1000) == 1000
    world.now += 31
    world.sent.clear()
    for _ in range(10):
        read(policy)
    assert len(world.sent) == 13, "what was refused here was no call"


def test_a_poll_is_not_retried() -> None:
    world = World(status(503))
    read(world.policy(), POLL)
    assert len(world.sent) == 1


# --- rate limit and backoff -------------------------------------------------------------------------------------------


def test_people_go_before_polls_and_polls_before_jobs() -> None:
    world = World()
    policy = world.policy(rate_limit=100)
    assert refusals(policy, JOB, 60) == 10
    assert refusals(policy, POLL, 30) == 10
    assert refusals(policy, PERSON, 40) == 10
    assert len(world.sent) == 100


def test_no_minute_has_more_calls_than_the_limit() -> None:
    world = World()
    policy = world.policy(rate_limit=100)
    for _ in range(600):
        refusals(policy, PERSON, 2)
        world.now += 0.5
    assert len(world.sent) > 400, "and the limit is used"
    for start in world.sent:
        assert sum(start <= at < start + 60 for at in world.sent) <= 100


def test_after_retry_after_there_is_room_again() -> None:
    world = World()
    policy = world.policy(rate_limit=10)
    refusals(policy, PERSON, 10)
    with pytest.raises(RateLimited) as caught:
        read(policy)
    world.now += caught.value.retry_after or 0
    assert read(policy) == OK


def test_after_a_429_nothing_is_sent_until_retry_after() -> None:
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
def test_how_long_the_backoff_is(given: float | None, seconds: float) -> None:
    world = World(status(429, given))
    policy = world.policy(max_retries=0)
    read(policy)
    assert policy.platform_status().backoff == pytest.approx(seconds)


def test_a_429_of_the_token_endpoint_stops_token_calls_alone() -> None:
    """Otherwise many sign-ins would stop the people who are signed in."""
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


def test_a_429_of_a_change_stops_nobody_else() -> None:
    world = World(status(429, 30), OK)
    policy = world.policy()
    assert write(policy).status == 429
    assert read(policy) == OK


def test_a_429_is_retried_after_the_backoff() -> None:
    world = World(status(429, 4), OK)
    assert read(world.policy()) == OK
    assert world.sent[1] - world.sent[0] >= 4


def test_the_log_has_one_line_for_a_backoff(caplog: pytest.LogCaptureFixture) -> None:
    world = World(status(429, 30))
    policy = world.policy()
    for _ in range(3):
        with suppress(RateLimited):
            read(policy)
    assert [record.getMessage() for record in caplog.records] == [
        "The platform answered 429 (too many requests): no calls for 30.0 s."
    ]


def test_the_reply_is_kept_if_the_policy_refuses_the_retry() -> None:
    world = World(status(503))
    policy = world.policy(rate_limit=1)
    assert read(policy).status == 503
    assert len(world.sent) == 1
