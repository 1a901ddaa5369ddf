"""What several processes know together. Whoever uses it goes on with what it knows itself while the store is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from devices.gateway.timeouts import Clock


class SharedState(Protocol):
    """Whole numbers by key, each with the seconds after which it goes. No method raises; None: the store is lost."""

    def incr(self, key: str, by: int, ttl: float) -> int | None:
        """The number after adding to it. It goes `ttl` after its first addition."""

    def get_many(self, keys: Sequence[str]) -> Mapping[str, int]:
        """Those that are there: none of them when the store is lost."""

    def set(self, key: str, value: int, ttl: float) -> None: ...

    def add(self, key: str, value: int, ttl: float) -> bool | None:
        """Whether it was not there and is now."""

    def delete(self, key: str) -> None: ...

    def now(self) -> float | None:
        """Seconds since 1970 by the one clock of all that share the store."""


class MemorySharedState:
    """For several policies in one process."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[int, float]] = {}

    def _get(self, key: str) -> int | None:
        value, ends = self._kept.get(key, (0, 0.0))
        if self._clock() < ends:
            return value
        self._kept.pop(key, None)
        return None

    def incr(self, key: str, by: int, ttl: float) -> int | None:
        with self._lock:
            old = self._get(key)
            ends = self._clock() + ttl if old is None else self._kept[key][1]
            self._kept[key] = ((old or 0) + by, ends)
            return self._kept[key][0]

    def get_many(self, keys: Sequence[str]) -> Mapping[str, int]:
        with self._lock:
            return {key: value for key in keys if (value := self._get(key)) is not None}

    def set(self, key: str, value: int, ttl: float) -> None:
        with self._lock:
            self._kept[key] = (value, self._clock() + ttl)

    def add(self, key: str, value: int, ttl: float) -> bool | None:
        with self._lock:
            if self._get(key) is not None:
                return False
            self._kept[key] = (value, self._clock() + ttl)
            return True

    def delete(self, key: str) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def now(self) -> float | None:
        """None: one process has one clock."""
        return None
