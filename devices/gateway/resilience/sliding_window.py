"""How often something happened in the last minute, in this process and in the others that share a store."""

from __future__ import annotations

from collections.abc import Mapping

SLOT = 2
"""Seconds that are counted together."""
SLOTS = 31
"""That are looked back on: never less than a minute."""
KEPT = float(SLOT * (SLOTS + 2))


class SlidingWindow:
    """By slots of the wall clock. Has no lock of its own: whoever owns it holds theirs, except where a store is asked.

    `total`: of all processes, as far as they have told. `untold`: slots with what the others do not know of yet.
    """

    __slots__ = ("_mine", "_others", "newest", "prefix", "total", "untold")

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.total = 0
        self.newest = 0
        self.untold: dict[int, int] = {}
        self._mine: dict[int, int] = {}
        self._others: dict[int, int] = {}

    def add(self, slot: int, by: int = 1) -> None:
        self._mine[slot] = self._mine.get(slot, 0) + by
        self.untold[slot] = self.untold.get(slot, 0) + by
        self.total += by

    def roll(self, now: int) -> None:
        """It is the slot `now`: forget what is over."""
        if now == self.newest:
            return
        self.newest = now
        for counts in (self._mine, self._others, self.untold):
            for slot in [slot for slot in counts if not now - SLOTS < slot <= now]:
                del counts[slot]
        self._sum()

    def until(self, excess: int, wall: float) -> float:
        """Seconds until the oldest `excess` of them are over."""
        for slot in sorted(self._mine.keys() | self._others.keys()):
            excess -= self._mine.get(slot, 0) + self._others.get(slot, 0)
            if excess <= 0:
                return max((slot + SLOTS) * SLOT - wall, 0.1)
        return KEPT

    def keys(self, now: int) -> dict[str, int]:
        """Of the store, with the slot that each stands for."""
        return {f"{self.prefix}{slot}": slot for slot in range(now - SLOTS + 1, now + 1)}

    def learn(self, keys: Mapping[str, int], found: Mapping[str, int]) -> None:
        told = {slot: self._mine.get(slot, 0) - self.untold.get(slot, 0) for slot in keys.values()}
        self._others.update({slot: max(found[key] - told[slot], 0) for key, slot in keys.items() if key in found})
        self._sum()

    def _sum(self) -> None:
        self.total = sum(self._mine.values()) + sum(self._others.values())
