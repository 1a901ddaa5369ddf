"""The rate limit, and each person's share of it."""

from __future__ import annotations

import pytest

from devices.gateway.errors import RateExceeded, RateLimited, UserRateExceeded
from devices.gateway.resilience.limits import Limits
from devices.gateway.resilience.policy import Policy, Priority
from devices.gateway.resilience.rate_limiter import SHARED_PART, RateLimiter
from tests.devices.gateway.resilience.policy_world import JOB, OK, PERSON, POLL, MemorySharedState, World, read

SCRIPT, ANN = "script@example.com", "ann@example.com"


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


def test_one_script_gets_half_of_the_limit_and_a_second_one_half_of_the_rest() -> None:
    policy = World().policy(rate_limit=120)
    assert made(policy, SCRIPT, 100) == 60
    assert made(policy, "another script", 100) == 30
    assert made(policy, ANN, 10) == 10
    with pytest.raises(UserRateExceeded) as caught:
        read(policy, person=SCRIPT)
    assert "share" in caught.value.sentence


@pytest.mark.parametrize("scripts", [2, 5])
def test_scripts_at_the_same_time_get_equal_shares_and_leave_one_more(scripts: int) -> None:
    policy = World().policy(rate_limit=120)
    got = dict.fromkeys(range(scripts), 0)
    for _ in range(120):
        for number in got:
            got[number] += made(policy, f"script {number}", 1)
    part = 120 / (scripts + 1)
    assert all(part - 1 <= count <= part + 1 for count in got.values())
    assert made(policy, ANN, 10) == 10


def test_polls_and_jobs_of_one_person_stop_earlier() -> None:
    policy = World().policy(rate_limit=120)
    assert made(policy, SCRIPT, 80, JOB) == 30
    assert made(policy, SCRIPT, 80, POLL) == 12
    assert made(policy, SCRIPT, 80) == 18, "60 in all"


def test_a_share_is_free_again_after_retry_after() -> None:
    world = World()
    policy = world.policy(rate_limit=100)
    assert made(policy, SCRIPT, 200) == 50
    with pytest.raises(UserRateExceeded) as caught:
        read(policy, person=SCRIPT)
    world.now += caught.value.retry_after or 0
    assert read(policy, person=SCRIPT) == OK
    world.now += 70
    assert made(policy, SCRIPT, 200) == 50
    assert policy.rate_limiter.tracked_people() == [SCRIPT]
    world.now += 130
    read(policy, person=ANN)
    assert policy.rate_limiter.tracked_people() == [ANN]


def test_a_thread_with_a_late_clock_loses_no_count() -> None:
    limiter = RateLimiter(Limits(rate_limit=100), "test")
    for wall in (102.0, 102.0, 102.0, 101.9, 102.1):
        assert limiter.acquire(PERSON, wall, SCRIPT) is None
    assert (limiter.count(), limiter.count(SCRIPT), limiter.unshared) == (5, 5, 5)


def test_the_limit_of_all_is_not_reported_as_one_person_s() -> None:
    policy = World().policy(rate_limit=10)
    for number in range(10):
        read(policy, person=f"person {number}")
    with pytest.raises(RateExceeded) as caught:
        read(policy, person=ANN)
    assert not isinstance(caught.value, UserRateExceeded)
    assert caught.value.sent is False


def test_processes_share_the_count_of_a_person() -> None:
    world = World()
    store = MemorySharedState(lambda: world.now)
    policies = [world.policy(store, rate_limit=640) for _ in range(4)]
    total = 0
    for _ in range(640):
        for policy in policies:
            total += made(policy, SCRIPT, 1)
        world.now += 0.01
    assert total <= 320 + 4 * 20, "plus what is not shared yet"
    assert made(policies[0], ANN, 100) == 100
    assert not any("example.com" in key for key in store.stored_keys()), "no names in the store"


def test_people_with_few_calls_are_not_in_the_store() -> None:
    world = World()
    store = MemorySharedState(lambda: world.now)
    policy = world.policy(store, rate_limit=6400)
    for number in range(30):
        made(policy, f"person {number}", 6400 // SHARED_PART // 30)
        world.now += 1
    assert all(key.count(":") == 3 for key in store.stored_keys()), store.stored_keys()
