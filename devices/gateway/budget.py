"""How many calls are made in a minute: in this process, and together with all that share the organization's limit."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from devices.gateway.asking import Asker, Limits
from devices.gateway.store import Store

SLOT = 2
"""Seconds that are counted together."""
SLOTS = 31
"""That are looked back on: never less than a minute."""
KEPT = float(SLOT * (SLOTS + 2))
NEAR = 0.9
"""The part of the ceiling above which every call is counted together with the other processes."""


class Ceiling:
    """The calls of the last minute, all processes together, by slots of the wall clock that they share.

    Each process counts its own at once, and learns of the others' whenever it tells them its own. That is now and then
    while there is room for what they have not told yet; `near` the ceiling it is before every call, which then asks
    whether it is `over`.
    """

    def __init__(self, limits: Limits, prefix: str) -> None:
        whole = limits.per_minute
        self._most = {
            Asker.PERSON: whole,
            Asker.POLL: int(whole * limits.polls_share),
            Asker.JOB: int(whole * limits.jobs_share),
        }
        self._prefix = f"{prefix}:calls:"
        self._lock = threading.Lock()
        self._mine: dict[int, int] = {}
        self._others: dict[int, int] = {}
        self._untold: dict[int, int] = {}
        self.untold = 0
        """Calls that the other processes do not know of."""

    def take(self, asker: Asker, wall: float) -> float:
        """Count one call, and return 0; or the seconds until there may be one for this asker."""
        slot = int(wall // SLOT)
        with self._lock:
            if slot not in self._mine:
                self._forget(slot)
            excess = self._counted() - self._most[asker] + 1
            if excess > 0:
                return self._until(excess, wall)
            self._mine[slot] = self._mine.get(slot, 0) + 1
            self._untold[slot] = self._untold.get(slot, 0) + 1
            self.untold += 1
            return 0.0

    @property
    def near(self) -> bool:
        with self._lock:
            return self._counted() >= NEAR * self._most[Asker.PERSON]

    def over(self, asker: Asker, wall: float) -> float:
        """0 if the call just taken may be made, by what the others have told since; or else seconds as `take`, and it
        is not counted any more."""
        slot = int(wall // SLOT)
        with self._lock:
            excess = self._counted() - self._most[asker]
            if excess <= 0:
                return 0.0
            self._mine[slot] = self._mine.get(slot, 0) - 1
            self._untold[slot] = self._untold.get(slot, 0) - 1
            return self._until(excess, wall)

    def _counted(self) -> int:
        return sum(self._mine.values()) + sum(self._others.values())

    def _until(self, excess: int, wall: float) -> float:
        for slot in sorted(self._mine.keys() | self._others.keys()):
            excess -= self._mine.get(slot, 0) + self._others.get(slot, 0)
            if excess <= 0:
                return max((slot + SLOTS) * SLOT - wall, 0.1)
        return KEPT

    def _forget(self, now: int) -> None:
        for counts in (self._mine, self._others, self._untold):
            for slot in [slot for slot in counts if not now - SLOTS < slot <= now]:
                del counts[slot]
        self.untold = min(self.untold, sum(self._untold.values()))
        self._mine.setdefault(now, 0)

    # --- with the others ----------------------------------------------------------------------------------------------

    def tell(self, store: Store) -> None:
        with self._lock:
            untold, self._untold, self.untold = self._untold, {}, 0
        lost = False
        for slot, count in untold.items():
            lost = lost or store.incr(f"{self._prefix}{slot}", count, KEPT) is None
            if lost:  # later, if it is not too late then
                with self._lock:
                    self._untold[slot] = self._untold.get(slot, 0) + count

    def keys(self, wall: float) -> dict[str, int]:
        now = int(wall // SLOT)
        return {f"{self._prefix}{slot}": slot for slot in range(now - SLOTS + 1, now + 1)}

    def learn(self, keys: Mapping[str, int], found: Mapping[str, int]) -> None:
        with self._lock:
            told = {slot: self._mine.get(slot, 0) - self._untold.get(slot, 0) for slot in keys.values()}
            self._others.update({slot: max(found[key] - told[slot], 0) for key, slot in keys.items() if key in found})


class Retries:
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
