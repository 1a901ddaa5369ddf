"""One breaker by itself: what only threads and processes that come at the same moment would show through a policy."""

from __future__ import annotations

from devices.gateway.resilience.circuit_breaker import CLOSED, CircuitBreaker, Ticket
from devices.gateway.resilience.limits import Limits
from devices.gateway.resilience.shared_state import MemorySharedState, SharedState

WALL = 1.7e9


def breaker() -> CircuitBreaker:
    return CircuitBreaker("read", Limits(), "policy:read")


def passed(one: CircuitBreaker, now: float, store: SharedState | None = None) -> Ticket:
    ticket = one.enter(now, store)
    assert ticket is not None
    return ticket


def calls(one: CircuitBreaker, now: float, *outcomes: bool, store: SharedState | None = None) -> float:
    """Calls that end as they began; how long it rests then."""
    for good in outcomes:
        one.leave(passed(one, now, store), good, now, WALL + now, store)
    return one.rest(now)


FAILED = (False,) * 20


def test_nobody_passes_beside_the_probe_until_it_counts_as_lost() -> None:
    one = breaker()
    assert calls(one, 0.0, *FAILED) == 10
    assert one.enter(9.9, None) is None
    assert passed(one, 10.0).probe
    assert one.enter(10.0, None) is one.enter(26.9, None) is None
    assert one.rest(12.0) == 1
    assert passed(one, 27.1).probe


def test_who_asked_before_it_opened_or_closed_says_nothing_about_afterwards() -> None:
    one = breaker()
    early = [passed(one, 0.0) for _ in range(20)]
    calls(one, 0.0, *FAILED)
    lost = passed(one, 10.0)
    one.leave(passed(one, 27.1), True, 27.2, WALL, None)
    for ticket in early:
        one.leave(ticket, False, 27.3, WALL, None)
    assert one.rest(27.3) == 0, "failures of before it closed open nothing"
    calls(one, 28.0, *FAILED)
    one.leave(lost, True, 29.0, WALL, None)
    assert one.rest(29.0) == 9, "a lost probe of the time before closes nothing"


def test_it_counts_what_the_window_holds_and_nothing_of_the_time_before() -> None:
    one = breaker()
    calls(one, 0.0, *FAILED[:19])
    assert calls(one, 31.0, *[True] * 15, *[False] * 5) == 0, "old failures"
    one = breaker()
    assert calls(one, 0.0, *[True] * 20, False) == 0, "one failure"
    one = breaker()
    calls(one, 0.0, *FAILED)
    one.leave(passed(one, 10.0), True, 10.0, WALL, None)
    assert calls(one, 31.0, *[True, False] * 10) == 10, "failures from before it closed are not taken off"


def test_a_probe_that_shows_nothing_leaves_it_open_and_the_next_may_try_at_once() -> None:
    one = breaker()
    calls(one, 0.0, *FAILED)
    one.leave(passed(one, 10.0), None, 11.0, WALL, None)
    assert passed(one, 11.0).probe


def test_from_probe_to_probe_it_is_ten_seconds_and_a_slow_one_gives_a_pause() -> None:
    for ended, rest in ((14.0, 6.0), (25.0, 1.0)):
        one = breaker()
        calls(one, 0.0, *FAILED)
        one.leave(passed(one, 10.0), False, ended, WALL, None)
        assert one.rest(ended) == rest


def test_one_probe_of_all_processes_and_what_it_shows_is_told_to_all() -> None:
    now = 0.0
    store = MemorySharedState(lambda: now)
    one, two = breaker(), breaker()

    def learnt(other: CircuitBreaker) -> float:
        other.exchange(store.get_many([other.key]).get(other.key), now, WALL + now, store)
        return round(other.rest(now), 2)

    calls(one, now, *FAILED, store=store)
    assert learnt(two) == 10
    now = 10.0
    probe = passed(one, now, store)
    assert two.enter(now, store) is None, "another process is trying"
    assert two.rest(now) == 1, "and is given a second before the store is asked again"
    now = 12.0
    one.leave(probe, False, now, WALL + now, store)
    assert learnt(two) == 8, "a probe that failed puts it off for all"
    now = 20.0
    one.leave(passed(one, now, store), None, now, WALL + now, store)
    two.leave(passed(two, now, store), True, now, WALL + now, store)
    assert learnt(one) == 0, "who has gone left the place to another, who closed it for both"


def test_what_others_tell_is_believed_within_bounds() -> None:
    one = breaker()
    one.learn(int((WALL + 3600) * 1000), 0.0, WALL)
    assert one.rest(0.0) == 10, "their clock may be wrong"
    assert passed(one, 10.0).probe
    one.learn(int((WALL + 15) * 1000), 10.0, WALL + 10)
    assert one.rest(10.0) == 1, "our own probe tells more"
    one.learn(CLOSED, 11.0, WALL + 11)
    assert one.rest(11.0) == 0
    one.learn(int((WALL + 5) * 1000), 12.0, WALL + 12)
    assert not passed(one, 12.0).probe, "what is over opens nothing"
