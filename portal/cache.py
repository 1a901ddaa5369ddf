"""The cache: on Redis, shared by all processes, or in the memory of each. It holds only what can be read again, so no
page depends on it.

While Redis is down, reads find nothing and writes do nothing (fail open). Deletions are lost then, so every entry needs
a time to live.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)


def delete_groups(groups: Iterable[str]) -> None:
    """Delete all entries of these groups, if the backend has groups."""
    delete = getattr(caches["default"], "delete_groups", None)
    if delete is not None:
        delete(groups)


GROUP_TTL = 3600
"""Seconds that the list of a group's keys lives after an entry was added: the longest time to live of an entry."""
RETRY_AFTER = 5.0
"""Seconds without calls after a failure of Redis, so that pages do not wait for it one after the other."""
LOG_EVERY = 60.0

# Per process, by address: Django makes a cache object for each thread.
retry_at: dict[str, float] = {}
log_at: dict[str, float] = {}


class FailOpenRedisCache(RedisCache):
    """Django's cache on Redis. A failure of Redis is a miss."""

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        options = {"retry": Retry(NoBackoff(), 0)}  # by default redis-py connects three times, with pauses
        super().__init__(server, params | {"OPTIONS": options | params.get("OPTIONS", {})})
        self._address = str(server)

    def _try(self, default: Any, call: Callable[..., Any], *args: Any) -> Any:
        now = time.monotonic()
        if now < retry_at.get(self._address, 0.0):
            return default
        try:
            return call(*args)
        except RedisError as error:
            retry_at[self._address] = time.monotonic() + RETRY_AFTER
            if now >= log_at.get(self._address, 0.0):
                log_at[self._address] = now + LOG_EVERY
                log.warning("Redis does not answer: pages go on without the shared cache. %s", error)
            return default

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._try(default, super().get, key, default, version)

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        found: dict[Any, Any] = self._try({}, super().get_many, list(keys), version)
        return found

    def has_key(self, key: Any, version: int | None = None) -> bool:
        return bool(self._try(False, super().has_key, key, version))

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._try(None, super().set, key, value, timeout, version)

    def set_many(self, data: dict[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> list[Any]:
        """Returns the keys that were not set."""
        failed: list[Any] = self._try(list(data), super().set_many, data, timeout, version)
        return failed

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._try(False, super().add, key, value, timeout, version))

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._try(False, super().touch, key, timeout, version))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Raises ValueError for a missing key, as every cache does; `decr` too."""
        count = self._try(None, super().incr, key, delta, version)
        if count is None:
            raise ValueError(f"Key '{key}' not found.")
        return int(count)

    def delete(self, key: Any, version: int | None = None) -> bool:
        return bool(self._try(False, super().delete, key, version))

    def delete_many(self, keys: Iterable[Any], version: int | None = None) -> None:
        self._try(None, super().delete_many, list(keys), version)

    def clear(self) -> None:
        self._try(None, super().clear)

    def set_in_group(self, group: str, key: str, value: Any, timeout: float) -> None:
        """As `set`, and adds the key to the list of the group, in one round trip. Expired keys leave the list."""
        self._try(None, self._set_in_group, group, key, value, int(timeout))

    def now(self) -> float | None:
        """Seconds since 1970 by the clock of Redis; None while it is down."""
        shared = self._try(None, lambda: self._cache.get_client(None).time())
        return None if shared is None else float(shared[0]) + float(shared[1]) / 1e6

    def delete_groups(self, groups: Iterable[str]) -> None:
        for group in groups:
            self._try(None, self._delete_group, group)

    def _set_in_group(self, group: str, key: str, value: Any, timeout: int) -> None:
        name, listed = self.make_and_validate_key(key), self.make_and_validate_key(group)
        now = time.time()
        pipeline = self._cache.get_client(name, write=True).pipeline(transaction=False)
        pipeline.set(name, self._cache._serializer.dumps(value), ex=timeout)  # type: ignore[attr-defined]
        pipeline.zadd(listed, {name: now + timeout})
        pipeline.zremrangebyscore(listed, "-inf", now)
        pipeline.expire(listed, max(timeout, GROUP_TTL))
        pipeline.execute()

    def _delete_group(self, group: str) -> None:
        listed = self.make_and_validate_key(group)
        client = self._cache.get_client(listed, write=True)
        client.delete(listed, *client.zrange(listed, 0, -1))


_sizes: dict[str, dict[str, int]] = {}


class BoundedMemoryCache(LocMemCache):
    """Django's cache in memory, limited in bytes too (`MAX_BYTES` in `OPTIONS`): the least recently used entries go."""

    _cache: OrderedDict[str, bytes]
    _expire_info: dict[str, float | None]
    _lock: AbstractContextManager[bool]

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        options = dict(params.get("OPTIONS", {}))
        self._max_bytes = int(options.pop("MAX_BYTES"))
        super().__init__(name, params | {"OPTIONS": options})
        self._bytes = _sizes.setdefault(name, {"": 0})

    @property
    def total_bytes(self) -> int:
        return self._bytes[""]

    def _set(self, key: str, value: bytes, timeout: Any = DEFAULT_TIMEOUT) -> None:
        """Called with the lock held, like the methods below. The sum of all sizes is under the empty key."""
        self._uncount(key)
        super()._set(key, value, timeout)  # type: ignore[misc]
        self._bytes[key] = len(key) + len(value)
        self._bytes[""] += self._bytes[key]
        while self._bytes[""] > self._max_bytes and self._cache:
            self._evict()

    def _delete(self, key: str) -> bool:
        self._uncount(key)
        return bool(super()._delete(key))  # type: ignore[misc]

    def _cull(self) -> None:
        for _ in range(len(self._cache) // self._cull_frequency):
            self._evict()

    def _evict(self) -> None:
        key, _value = self._cache.popitem()  # the least recently used
        del self._expire_info[key]
        self._uncount(key)

    def _uncount(self, key: str) -> None:
        self._bytes[""] -= self._bytes.pop(key, 0)

    def set_in_group(self, group: str, key: str, value: Any, timeout: float) -> None:
        self.set(key, value, timeout)

    def delete_groups(self, groups: Iterable[str]) -> None:
        """By the prefix of the key, in this process: there are a few thousand keys."""
        prefixes = tuple(self.make_key(f"{group}:") for group in groups)
        with self._lock:
            for key in [key for key in self._cache if key.startswith(prefixes)]:
                self._delete(key)

    def clear(self) -> None:
        with self._lock:
            self._cache.clear()
            self._expire_info.clear()
            self._bytes.clear()
            self._bytes[""] = 0
