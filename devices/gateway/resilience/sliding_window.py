"""Sliding window: a count of the last minute, in this process and in the others that share a store."""

from __future__ import annotations

from collections.abc import Mapping

SLOT = 2
"""Seconds that are counted together."""
SLOTS = 31
"""In the window: never less than a minute."""
SHARED_FOR = float(SLOT * (SLOTS + 2))


class SlidingWindow:
    """Counts by slots of the wall clock. Has no lock: its owner holds one, except while the store is read.

    `total`: of all processes, as far as they have shared. `unshared`: by slot, what the other processes do not know
    yet.
    """

    __slots__ = ("_others", "_own", "newest", "prefix", "total", "unshared")

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.total = 0
        self.newest = 0
        self.unshared: dict[int, int] = {}
        self._own: dict[int, int] = {}
        self._others: dict[int, int] = {}

    def add(self, slot: int, by: int = 1) -> None:
        self._own[slot] = self._own.get(slot, 0) + by
        self.unshared[slot] = self.unshared.get(slot, 0) + by
        self.total += by

    def advance(self, slot: int) -> None:
        """`slot` is the newest now: drop those that have left the window."""
        if slot == self.newest:
            return
        self.newest = slot
        for counts in (self._own, self._others, self.unshared):
            for old in [old for old in counts if not slot - SLOTS < old <= slot]:
                del counts[old]
        self._sum()

    def seconds_until_expired(self, count: int, wall: float) -> float:
        """Seconds until the oldest `count` have left the window."""
        for slot in sorted(self._own.keys() | self._others.keys()):
            count -= self._own.get(slot, 0) + self._others.get(slot, 0)
            if count <= 0:
                return max((slot + SLOTS) * SLOT - wall, 0.1)
        return SHARED_FOR

    def keys(self, newest: int) -> dict[str, int]:
        """Keys in the store, with their slots."""
        return {f"{self.prefix}{slot}": slot for slot in range(newest - SLOTS + 1, newest + 1)}

    def update_others(self, keys: Mapping[str, int], found: Mapping[str, int]) -> None:
        """Take over the counts of the store, less what this process has added to them."""
        shared = {slot: self._own.get(slot, 0) - self.unshared.get(slot, 0) for slot in keys.values()}
        self._others.update({slot: max(found[key] - shared[slot], 0) for key, slot in keys.items() if key in found})
        self._sum()

    def _sum(self) -> None:
        self.total = sum(self._own.values()) + sum(self._others.values())
