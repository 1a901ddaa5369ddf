"""One circuit breaker: what depends on the order of calls from several threads and processes."""

from __future__ import annotations

from devices.gateway.resilience.circuit_breaker import CLOSED, CircuitBreaker, Permit
from devices.gateway.resilience.limits import Limits
from devices.gateway.resilience.shared_state import SharedState
from tests.devices.gateway.resilience.policy_world import MemorySharedState

WALL = 1.7e9


def breaker() -> CircuitBreaker:
    return CircuitBreaker("read", Limits(), "policy:read")


def permit(one: CircuitBreaker, now: float, store: SharedState | None = None) -> Permit:
    found = one.acquire(now, store)
    assert found is not None
    return found


def calls(one: CircuitBreaker, now: float, *outcomes: bool, store: SharedState | None = None) -> float:
    """Make these calls; the seconds until the next one may be tried."""
    for good in outcomes:
        one.record(permit(one, now, store), good, now, WALL + now, store)
    return one.retry_after(now)


FAILED = (False,) * 20


def test_one_probe_until_it_counts_as_lost() -> None:
    one = breaker()
    assert calls(one, 0.0, *FAILED) == 10
    assert one.acquire(9.9, None) is None
    assert permit(one, 10.0).probe
    assert one.acquire(10.0, None) is one.acquire(26.9, None) is None
    assert one.retry_after(12.0) == 1
    assert permit(one, 27.1).probe


def test_results_of_an_earlier_generation_do_not_count() -> None:
    one = breaker()
    early = [permit(one, 0.0) for _ in range(20)]
    calls(one, 0.0, *FAILED)
    lost = permit(one, 10.0)
    one.record(permit(one, 27.1), True, 27.2, WALL, None)
    for each in early:
        one.record(each, False, 27.3, WALL, None)
    assert one.retry_after(27.3) == 0, "failures from before it closed open nothing"
    calls(one, 28.0, *FAILED)
    one.record(lost, True, 29.0, WALL, None)
    assert one.retry_after(29.0) == 9, "a lost probe of an earlier generation closes nothing"


def test_it_counts_the_window_only() -> None:
    one = breaker()
    calls(one, 0.0, *FAILED[:19])
    assert calls(one, 31.0, *[True] * 15, *[False] * 5) == 0, "old failures"
    one = breaker()
    assert calls(one, 0.0, *[True] * 20, False) == 0, "one failure"
    one = breaker()
    calls(one, 0.0, *FAILED)
    one.record(permit(one, 10.0), True, 10.0, WALL, None)
    assert calls(one, 31.0, *[True, False] * 10) == 10, "failures from before it closed are not subtracted"


def test_after_a_probe_without_a_result_the_next_may_start_at_once() -> None:
    one = breaker()
    calls(one, 0.0, *FAILED)
    one.record(permit(one, 10.0), None, 11.0, WALL, None)
    assert permit(one, 11.0).probe


def test_ten_seconds_from_probe_to_probe_and_one_after_a_slow_probe() -> None:
    for ended, wait in ((14.0, 6.0), (25.0, 1.0)):
        one = breaker()
        calls(one, 0.0, *FAILED)
        one.record(permit(one, 10.0), False, ended, WALL, None)
        assert one.retry_after(ended) == wait


def test_processes_share_one_probe_and_its_result() -> None:
    now = 0.0
    store = MemorySharedState(lambda: now)
    one, two = breaker(), breaker()

    def synced(other: CircuitBreaker) -> float:
        other.sync(store.get_many([other.key]).get(other.key), now, WALL + now, store)
        return round(other.retry_after(now), 2)

    calls(one, now, *FAILED, store=store)
    assert synced(two) == 10
    now = 10.0
    probe = permit(one, now, store)
    assert two.acquire(now, store) is None, "another process is probing"
    assert two.retry_after(now) == 1, "and the store is asked again after a second"
    now = 12.0
    one.record(probe, False, now, WALL + now, store)
    assert synced(two) == 8, "a failed probe delays the next one in all processes"
    now = 20.0
    one.record(permit(one, now, store), None, now, WALL + now, store)
    two.record(permit(two, now, store), True, now, WALL + now, store)
    assert synced(one) == 0, "the second process closed it for both"


def test_shared_times_are_bounded() -> None:
    one = breaker()
    one.sync(int((WALL + 3600) * 1000), 0.0, WALL, MemorySharedState())
    assert one.retry_after(0.0) == 10, "their clock may be wrong"
    assert permit(one, 10.0).probe
    one.sync(int((WALL + 15) * 1000), 10.0, WALL + 10, MemorySharedState())
    assert one.retry_after(10.0) == 1, "our own probe tells more"
    one.sync(CLOSED, 11.0, WALL + 11, MemorySharedState())
    assert one.retry_after(11.0) == 0
    one.sync(int((WALL + 5) * 1000), 12.0, WALL + 12, MemorySharedState())
    assert not permit(one, 12.0).probe, "what is over opens nothing"
