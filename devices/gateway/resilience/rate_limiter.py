"""How many calls are made in a minute: in this process, and together with all that share the organization's limit."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import NamedTuple

from devices.gateway.resilience.limits import Limits, Priority
from devices.gateway.resilience.shared_state import SharedState
from devices.gateway.resilience.sliding_window import KEPT, SLOT, SLOTS, SlidingWindow

NEAR = 0.9
"""The part of the ceiling above which every call is counted together with the other processes."""
TOLD = 32
"""Whoever has made this part (1/32) of the ceiling in one process is counted together with the other processes. Of all
the others that would be a few keys for each, and none of them comes near their share."""


class LimitExceeded(NamedTuple):
    """Why a call is not made now: `wait` seconds until there may be room, `own` where the person's share is used up."""

    wait: float
    own: bool = False


class RateLimiter:
    """The calls of the last minute, all processes together, by slots of the wall clock that they share.

    Each process counts its own at once, and learns of the others' whenever it tells them its own. That is now and then
    while there is room for what they have not told yet; `near` the ceiling it is before every call, which then asks
    whether it is `over`.

    **One person's share.** They may make a call while they have made fewer in this minute than are left for everybody.
    So one script gets half of the ceiling at most, two get a third each, and of N there is always one part of N + 1
    left for whoever comes; who makes few calls never meets it before the ceiling itself.
    """

    def __init__(self, limits: Limits, prefix: str) -> None:
        whole = limits.per_minute
        self._most = {
            Priority.PERSON: whole,
            Priority.POLL: int(whole * limits.polls_share),
            Priority.JOB: int(whole * limits.jobs_share),
        }
        self._many = max(whole // TOLD, 1)
        self._prefix = f"{prefix}:calls:"
        self._lock = threading.Lock()
        self._all = SlidingWindow(self._prefix)
        self._people: dict[str, SlidingWindow] = {}
        self.untold = 0
        """Calls that the other processes do not know of."""

    def take(self, priority: Priority, wall: float, person: str = "") -> LimitExceeded | None:
        """Count one call, or tell why there may be none for this asker now. `person`: "" for nobody in particular."""
        with self._lock:
            slot = self._slot(wall)
            one = self._of(person, slot)
            full = self._full(priority, one, 0, wall)
            if full is None:
                self._add(one, slot, 1)
                self.untold += 1
            return full

    @property
    def near(self) -> bool:
        return self._all.total >= NEAR * self._most[Priority.PERSON]

    def over(self, priority: Priority, wall: float, person: str = "") -> LimitExceeded | None:
        """None if the call just taken may be made, by what the others have told since; or else as `take`, and it is not
        counted any more."""
        with self._lock:
            slot = self._slot(wall)
            one = self._of(person, slot)
            full = self._full(priority, one, 1, wall)
            if full is not None:
                self._add(one, slot, -1)
            return full

    def _slot(self, wall: float) -> int:
        """The slot that is counted in, with what is over forgotten. Whoever looked at the clock before the lock was
        theirs may be one late, and is counted in the newest: to go back would forget that."""
        slot, newest = int(wall // SLOT), self._all.newest
        if slot in (newest, newest - 1):
            return newest
        self._roll(slot)
        return slot

    def _full(self, priority: Priority, one: SlidingWindow | None, counted: int, wall: float) -> LimitExceeded | None:
        """Whether there is room for one more than all without the `counted` last ones."""
        room = self._most[priority] - self._all.total + counted
        if room <= 0:
            return LimitExceeded(self._all.until(1 - room, wall))
        if one is not None and one.total - counted >= room:
            return LimitExceeded(one.until(one.total - counted - room + 1, wall), own=True)
        return None

    def _add(self, one: SlidingWindow | None, slot: int, by: int) -> None:
        self._all.add(slot, by)
        if one is not None:
            one.add(slot, by)

    def _of(self, person: str, slot: int) -> SlidingWindow | None:
        if not person:
            return None
        one = self._people.get(person)
        if one is None:
            # An e-mail address, as a rule: the store needs to know no person.
            name = hashlib.blake2b(person.encode(), digest_size=12).hexdigest()
            one = self._people[person] = SlidingWindow(f"{self._prefix}{name}:")
        if slot != one.newest:
            one.roll(slot)
        return one

    def _roll(self, slot: int) -> None:
        self._all.roll(slot)
        self.untold = min(self.untold, sum(self._all.untold.values()))
        gone = [person for person, one in self._people.items() if one.newest <= slot - SLOTS]
        for person in gone:
            del self._people[person]

    # --- with the others ----------------------------------------------------------------------------------------------

    def tell(self, store: SharedState) -> None:
        with self._lock:
            self.untold = 0
            owed = []
            for window in self._shared():
                owed.append((window, window.untold))
                window.untold = {}
        lost = False
        for window, untold in owed:
            for slot, count in untold.items():
                lost = lost or store.incr(f"{window.prefix}{slot}", count, KEPT) is None
                if lost:  # later, if it is not too late then
                    with self._lock:
                        window.untold[slot] = window.untold.get(slot, 0) + count

    def keys(self, wall: float) -> dict[SlidingWindow, dict[str, int]]:
        """Of the store, for each count that is shared."""
        now = int(wall // SLOT)
        with self._lock:
            return {window: window.keys(now) for window in self._shared()}

    def learn(self, keys: Mapping[SlidingWindow, Mapping[str, int]], found: Mapping[str, int]) -> None:
        with self._lock:
            for window, slots in keys.items():
                window.learn(slots, found)

    def _shared(self) -> list[SlidingWindow]:
        return [self._all, *(one for one in self._people.values() if one.total >= self._many)]


class RetryBudget:
    """A part of the calls of the last minute in this process: where everything fails, retrying makes it worse."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._calls: dict[int, int] = {}
        self._retries: dict[int, int] = {}

    def called(self, now: float) -> None:
        slot = int(now // SLOT)
        with self._lock:
            self._calls[slot] = self._calls.get(slot, 0) + 1
            if len(self._calls) > 2 * SLOTS:
                self._forget(slot)

    def take(self, now: float) -> bool:
        """Whether one more call may be repeated."""
        slot = int(now // SLOT)
        with self._lock:
            self._forget(slot)
            most = max(self._limits.retries_always, int(sum(self._calls.values()) * self._limits.retry_share))
            if sum(self._retries.values()) >= most:
                return False
            self._retries[slot] = self._retries.get(slot, 0) + 1
            return True

    def _forget(self, now: int) -> None:
        for counts in (self._calls, self._retries):
            for slot in [slot for slot in counts if slot <= now - SLOTS]:
                del counts[slot]
