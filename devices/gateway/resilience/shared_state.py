"""State that several processes share. While the store is down, each process goes on with what it knows itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


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
