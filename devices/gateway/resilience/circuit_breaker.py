"""Circuit breaker: stops calls that keep failing, so that people get an answer at once and the platform can recover."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from typing import NamedTuple

from devices.gateway.resilience.limits import Limits
from devices.gateway.resilience.shared_state import SharedState

log = logging.getLogger(__name__)

CLOSED = 0
"""Shared instead of the time (ms since 1970) until which the breaker is open."""
STATE_SHARED_FOR = 120.0


class Permit(NamedTuple):
    """For one call; give it back to `CircuitBreaker.record`. `person`: "" for nobody in particular."""

    generation: int
    probe: bool
    started: float
    operation: str = ""
    person: str = ""


class CircuitBreaker:
    """For one kind of calls to one host. Closed, it counts; open, it lets one probe at a time through (half-open).

    Each process judges by its own calls, and shares when it opens and closes. `now` is the policy's monotonic clock;
    `wall` is the clock that all processes share, and what other processes write is bounded when it is read.
    """

    def __init__(self, name: str, limits: Limits, key: str) -> None:
        self.name = name
        self.key = f"{key}:open"
        self._probe_key = f"{key}:probe"
        self._limits = limits
        self._lock = threading.Lock()
        self._calls: deque[tuple[float, bool, str]] = deque()
        """Of the window: when, success, operation."""
        self._failures: deque[tuple[str, str]] = deque()
        """Of the window: operation and person."""
        self._failures_by: Counter[tuple[str, str]] = Counter()
        self._consecutive_failures = 0
        self._generation = 0
        """Goes up at each opening and closing: a call from before says nothing about what is after."""
        self._open_until: float | None = None
        """When the next probe may start; None: closed."""
        self._probe_until = 0.0
        """When the probe that is running counts as lost; 0: none is running."""

    def retry_after(self, now: float) -> float:
        """Seconds until a call may be tried; 0 if it may be now."""
        until = self._open_until
        if until is None:
            return 0.0
        return max(until - now, min(self._probe_until - now, self._limits.min_reset_timeout), 0.0)

    def acquire(self, now: float, store: SharedState | None, operation: str = "", person: str = "") -> Permit | None:
        """A permit for one call, or None while the breaker is open."""
        if self._open_until is None:
            return Permit(self._generation, False, now, operation, person)
        with self._lock:
            if self._open_until is None:
                return Permit(self._generation, False, now, operation, person)
            if now < self._open_until or now < self._probe_until:
                return None
            self._probe_until = now + self._limits.probe_timeout
            generation = self._generation
        # Outside the lock: the store may be slow.
        if store is not None and store.add(self._probe_key, 1, self._limits.probe_timeout) is False:
            with self._lock:  # another process is probing
                self._probe_until = now + self._limits.min_reset_timeout
            return None
        return Permit(generation, True, now, operation, person)

    def record(self, permit: Permit, success: bool | None, now: float, wall: float, store: SharedState | None) -> None:
        """Count the result of a call. None: it says nothing about the platform."""
        with self._lock:
            if permit.generation != self._generation:
                return
            if not permit.probe:
                changed = success is not None and self._open_until is None and self._count(success, now, permit)
            else:
                self._probe_until = 0.0
                changed = bool(success)
                if success:
                    self._set(None)
                elif success is False:
                    self._open_until = max(
                        permit.started + self._limits.reset_timeout, now + self._limits.min_reset_timeout
                    )
            until = self._open_until
        if changed:
            self._log(until, now)
        if store is not None and (changed or (permit.probe and success is False)):
            self._share(until, now, wall, store)
        if store is not None and permit.probe:
            store.delete(self._probe_key)

    def sync(self, shared: int | None, now: float, wall: float, store: SharedState) -> None:
        """Adopt what another process has shared under `key`. None: share again what the store has lost."""
        if shared is None:
            until = self._open_until
            if until is not None and until > now:
                self._share(until, now, wall, store)
            return
        left = min(shared / 1000 - wall, self._limits.reset_timeout)
        with self._lock:
            if shared == CLOSED and self._open_until is not None:
                self._set(None)
            elif shared != CLOSED and self._open_until is None and left > 0:
                self._set(now + left)
            elif shared != CLOSED and self._open_until is not None and now >= self._probe_until:
                self._open_until = max(self._open_until, now + left)

    def open(self, until: float) -> None:
        """Let nothing through before `until`, by the policy's clock."""
        with self._lock:
            self._set(until)

    def _share(self, until: float | None, now: float, wall: float, store: SharedState) -> None:
        store.set(self.key, CLOSED if until is None else int((wall + until - now) * 1000), STATE_SHARED_FOR)

    def _count(self, success: bool, now: float, permit: Permit) -> bool:
        """Count a call while closed, and open if half of the window's calls failed, or all of the newest ones.

        Half is not enough where a single operation fails and others succeed: that is one endpoint's fault. Neither are
        failures of one operation for one person, while nobody else has called: perhaps the platform fails on that
        input.

        "All of the newest" is for a platform that hangs after busy minutes: few calls end then, and the many successes
        of the window would hide them.
        """
        calls, limits, operation = self._calls, self._limits, permit.operation
        calls.append((now, success, operation))
        if not success:
            self._failures.append((operation, permit.person))
            self._failures_by[operation, permit.person] += 1
        self._consecutive_failures = 0 if success else self._consecutive_failures + 1
        while calls[0][0] < now - limits.failure_window:
            if not calls.popleft()[1]:
                self._expire_failure()
        if success or len(calls) < limits.min_calls_to_open:
            return False
        if self._consecutive_failures < limits.min_calls_to_open and (
            len(self._failures) < limits.failure_threshold * len(calls) or self._only_this_fails(operation)
        ):
            return False
        if len(self._failures_by) == 1 and all(person for _operation, person in self._failures_by):
            return False
        self._set(now + limits.reset_timeout)
        return True

    def _expire_failure(self) -> None:
        oldest = self._failures.popleft()
        self._failures_by[oldest] -= 1
        if not self._failures_by[oldest]:
            del self._failures_by[oldest]

    def _only_this_fails(self, operation: str) -> bool:
        """Whether no other operation failed, and another one has succeeded since this one first failed."""
        failed = other_succeeded = False
        for _at, success, called in self._calls:
            if not success and called != operation:
                return False
            failed = failed or not success
            other_succeeded = other_succeeded or (failed and success and called != operation)
        return other_succeeded

    def _set(self, open_until: float | None) -> None:
        self._open_until, self._probe_until, self._consecutive_failures = open_until, 0.0, 0
        self._generation += 1
        self._calls.clear()
        self._failures.clear()
        self._failures_by.clear()

    def _log(self, until: float | None, now: float) -> None:
        if until is None:
            log.warning("Circuit breaker closed: %s calls to the platform work again.", self.name)
        else:
            log.warning(
                "Circuit breaker opened: %s calls to the platform keep failing, next try in %.0f s.",
                self.name,
                until - now,
            )
