"""The resilience policy's shared state in Django's cache on Redis. A failure of Redis is a miss (portal/cache.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.core.cache import cache

from devices.gateway.resilience.shared_state import SharedState


class CacheSharedState(SharedState):
    def incr(self, key: str, by: int, ttl: float) -> int | None:
        for _ in range(2):  # another process may add it between the two calls
            try:
                return int(cache.incr(key, by))
            except ValueError:
                if cache.add(key, by, int(ttl)):
                    return by
        return None

    def get_many(self, keys: Sequence[str]) -> Mapping[str, int]:
        found: dict[str, int] = cache.get_many(keys)
        return found

    def set(self, key: str, value: int, ttl: float) -> None:
        cache.set(key, value, max(int(ttl), 1))

    def add(self, key: str, value: int, ttl: float) -> bool | None:
        if cache.add(key, value, max(int(ttl), 1)):
            return True
        return False if cache.get(key) is not None else None

    def delete(self, key: str) -> None:
        cache.delete(key)

    def now(self) -> float | None:
        now = getattr(cache, "now", None)
        return None if now is None else now()
