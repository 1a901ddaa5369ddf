"""State that several processes share. While the store is down, each process goes on with what it knows itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from devices.gateway.timeouts import Clock


class SharedState(Protocol):
    """Integers by key, each with a time to live in seconds. No method raises; None means that the store is down."""

    def incr(self, key: str, by: int, ttl: float) -> int | None:
        """The new value. It expires `ttl` after the first addition."""

    def get_many(self, keys: Sequence[str]) -> Mapping[str, int]:
        """Those that exist; none while the store is down."""

    def set(self, key: str, value: int, ttl: float) -> None: ...

    def add(self, key: str, value: int, ttl: float) -> bool | None:
        """Set it if it does not exist. False if it does."""

    def delete(self, key: str) -> None: ...

    def now(self) -> float | None:
        """Seconds since 1970 by the store's clock. None: there is no such clock."""


class MemorySharedState:
    """For several policies in one process, as in tests."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._values: dict[str, tuple[int, float]] = {}

    def stored_keys(self) -> list[str]:
        return list(self._values)

    def _get(self, key: str) -> int | None:
        value, expires = self._values.get(key, (0, 0.0))
        if self._clock() < expires:
            return value
        self._values.pop(key, None)
        return None

    def incr(self, key: str, by: int, ttl: float) -> int | None:
        with self._lock:
            old = self._get(key)
            expires = self._clock() + ttl if old is None else self._values[key][1]
            self._values[key] = ((old or 0) + by, expires)
            return self._values[key][0]

    def get_many(self, keys: Sequence[str]) -> Mapping[str, int]:
        with self._lock:
            return {key: value for key in keys if (value := self._get(key)) is not None}

    def set(self, key: str, value: int, ttl: float) -> None:
        with self._lock:
            self._values[key] = (value, self._clock() + ttl)

    def add(self, key: str, value: int, ttl: float) -> bool | None:
        with self._lock:
            if self._get(key) is not None:
                return False
            self._values[key] = (value, self._clock() + ttl)
            return True

    def delete(self, key: str) -> None:
        with self._lock:
            self._values.pop(key, None)

    def now(self) -> float | None:
        return None
