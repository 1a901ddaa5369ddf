"""Rate limit: how many calls are made in a minute, by all processes that share the organization's limit. And the retry
budget of a process.

Written here and not with the `limits` library, by measurement. With `limits` 5, a check of both counts (all calls, one
person's) costs 14 µs in memory as a moving window, 20 µs as a sliding window counter, and 4 round trips to Redis for
each call (0.3 ms of CPU). This module costs 2 µs, and a few round trips each half second, or near the limit each call.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import NamedTuple

from devices.gateway.resilience.limits import Limits, Priority
from devices.gateway.resilience.shared_state import SharedState
from devices.gateway.resilience.sliding_window import SHARED_FOR, SLOT, SLOTS, SlidingWindow

NEAR = 0.9
"""The part of the limit above which each call is first counted with the other processes."""
SHARED_PART = 32
"""A person who has made this part (1/32) of the limit in one process is counted with the other processes. For everybody
else that would cost a few keys each, and they are far from their share."""


class LimitExceeded(NamedTuple):
    """`retry_after`: seconds until there may be room. `user`: one person's share is used up, not the whole limit."""

    retry_after: float
    user: bool = False


class RateLimiter:
    """Counts the calls of the last minute in a sliding window.

    Each process counts its own calls at once, and exchanges counts with the others now and then; `near` the limit,
    before each call, which `check_shared` then confirms or takes back.

    **One person's share.** A person may make a call while they have made fewer in this minute than are left for
    everybody. So one script gets at most half of the limit, two get a third each, and N leave one part of N + 1 for the
    next person.
    """

    def __init__(self, limits: Limits, prefix: str) -> None:
        whole = limits.rate_limit
        self._limits = {
            Priority.PERSON: whole,
            Priority.POLL: int(whole * limits.poll_rate_share),
            Priority.JOB: int(whole * limits.job_rate_share),
        }
        self._shared_from = max(whole // SHARED_PART, 1)
        self._prefix = f"{prefix}:calls:"
        self._lock = threading.Lock()
        self._all = SlidingWindow(self._prefix)
        self._people: dict[str, SlidingWindow] = {}
        self.unshared = 0
        """Calls that the other processes do not know yet."""

    def acquire(self, priority: Priority, wall: float, person: str = "") -> LimitExceeded | None:
        """Count one call, or tell why there is no room for it. `person`: "" for nobody in particular."""
        with self._lock:
            slot = self._slot(wall)
            own = self._window_of(person, slot)
            exceeded = self._check(priority, own, 0, wall)
            if exceeded is None:
                self._add(own, slot, 1)
                self.unshared += 1
            return exceeded

    @property
    def near(self) -> bool:
        return self._all.total >= NEAR * self._limits[Priority.PERSON]

    def check_shared(self, priority: Priority, wall: float, person: str = "") -> LimitExceeded | None:
        """Check the call just counted against what the others have shared. Without room it is not counted any more."""
        with self._lock:
            slot = self._slot(wall)
            own = self._window_of(person, slot)
            exceeded = self._check(priority, own, 1, wall)
            if exceeded is not None:
                self._add(own, slot, -1)
            return exceeded

    def count(self, person: str = "") -> int:
        """Calls of the last minute: of one person, as far as they are tracked, or of all."""
        window = self._people.get(person) if person else self._all
        return window.total if window else 0

    def tracked_people(self) -> list[str]:
        return list(self._people)

    def _slot(self, wall: float) -> int:
        """The slot to count in; older ones expire. A thread that read the clock before it got the lock may be one slot
        late: it counts in the newest, as going back would expire that one."""
        slot, newest = int(wall // SLOT), self._all.newest
        if slot in (newest, newest - 1):
            return newest
        self._all.advance(slot)
        self.unshared = min(self.unshared, sum(self._all.unshared.values()))
        for person in [person for person, own in self._people.items() if own.newest <= slot - SLOTS]:
            del self._people[person]
        return slot

    def _check(self, priority: Priority, own: SlidingWindow | None, counted: int, wall: float) -> LimitExceeded | None:
        """Whether there is room for one more call, without the `counted` last ones."""
        room = self._limits[priority] - self._all.total + counted
        if room <= 0:
            return LimitExceeded(self._all.seconds_until_expired(1 - room, wall))
        if own is not None and own.total - counted >= room:
            return LimitExceeded(own.seconds_until_expired(own.total - counted - room + 1, wall), user=True)
        return None

    def _add(self, own: SlidingWindow | None, slot: int, by: int) -> None:
        self._all.add(slot, by)
        if own is not None:
            own.add(slot, by)

    def _window_of(self, person: str, slot: int) -> SlidingWindow | None:
        if not person:
            return None
        own = self._people.get(person)
        if own is None:
            # A digest: `person` is usually an e-mail address, which the store does not need.
            name = hashlib.blake2b(person.encode(), digest_size=12).hexdigest()
            own = self._people[person] = SlidingWindow(f"{self._prefix}{name}:")
        own.advance(slot)
        return own

    # --- shared with other processes ----------------------------------------------------------------------------------

    def share(self, store: SharedState) -> None:
        """Add to the store what it does not have yet."""
        with self._lock:
            self.unshared = 0
            pending = []
            for window in self._shared():
                pending.append((window, window.unshared))
                window.unshared = {}
        lost = False
        for window, unshared in pending:
            for slot, count in unshared.items():
                lost = lost or store.incr(f"{window.prefix}{slot}", count, SHARED_FOR) is None
                if lost:  # the next synchronisation tries again
                    with self._lock:
                        window.unshared[slot] = window.unshared.get(slot, 0) + count

    def keys(self, wall: float) -> dict[SlidingWindow, dict[str, int]]:
        """The keys to read from the store, by shared window."""
        newest = int(wall // SLOT)
        with self._lock:
            return {window: window.keys(newest) for window in self._shared()}

    def update_others(self, keys: Mapping[SlidingWindow, Mapping[str, int]], found: Mapping[str, int]) -> None:
        with self._lock:
            for window, slots in keys.items():
                window.update_others(slots, found)

    def _shared(self) -> list[SlidingWindow]:
        return [self._all, *(own for own in self._people.values() if own.total >= self._shared_from)]


class RetryBudget:
    """Retries may be a part of the calls of the last minute in this process: where everything fails, they do harm."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._calls: dict[int, int] = {}
        self._retries: dict[int, int] = {}

    def count_call(self, now: float) -> None:
        slot = int(now // SLOT)
        with self._lock:
            self._calls[slot] = self._calls.get(slot, 0) + 1
            if len(self._calls) > 2 * SLOTS:
                self._expire(slot)

    def acquire(self, now: float) -> bool:
        """Whether one more call may be retried."""
        slot = int(now // SLOT)
        with self._lock:
            self._expire(slot)
            budget = int(sum(self._calls.values()) * self._limits.retry_budget)
            if sum(self._retries.values()) >= max(self._limits.min_retry_budget, budget):
                return False
            self._retries[slot] = self._retries.get(slot, 0) + 1
            return True

    def _expire(self, now: int) -> None:
        for counts in (self._calls, self._retries):
            for slot in [slot for slot in counts if slot <= now - SLOTS]:
                del counts[slot]
