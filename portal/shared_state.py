"""What the policy towards the platform shares between processes, in Django's cache on Redis.

The cache's failures read as misses (portal/cache.py): the policy then goes on with what its own process knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.core.cache import cache

from devices.gateway.resilience.shared_state import SharedState


class CacheSharedState(SharedState):
    """A `Store` over Django's cache."""

    def incr(self, key: str, by: int, ttl: float) -> int | None:
        for _ in range(2):  # it may be added by another process between our two questions
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
        asked = getattr(cache, "now", None)
        return None if asked is None else asked()
