"""The cache: on Redis, where several processes share it, or in the memory of each. It holds only what can be read
again, so no page depends on it.

While Redis does not answer, nothing is found and nothing is kept. What was to be deleted or replaced meanwhile stays as
it was: whoever keeps something here gives it a time after which it goes by itself.
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


def drop(groups: Iterable[str]) -> None:
    """Delete from the portal's cache what was kept under these groups, as far as it knows groups."""
    dropping = getattr(caches["default"], "drop", None)
    if dropping is not None:
        dropping(groups)


LISTED = 3600
"""Seconds that a group's list lives at least, after something was kept under it: as long as anything is kept."""
REST = 5.0
"""Seconds after a failure in which Redis is not asked: pages do not wait for it one after the other."""
TELL = 60.0
"""Seconds between two lines in the log about it."""

# Per process, by address: Django makes a cache object for each thread.
_asked_again: dict[str, float] = {}
_told_again: dict[str, float] = {}


class FailOpenRedisCache(RedisCache):
    """Django's cache on Redis, where a failure of Redis is a miss."""

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        options = {"retry": Retry(NoBackoff(), 0)}  # redis-py would connect three times over, with pauses
        super().__init__(server, params | {"OPTIONS": options | params.get("OPTIONS", {})})
        self._where = str(server)

    def _try(self, otherwise: Any, ask: Callable[..., Any], *args: Any) -> Any:
        now = time.monotonic()
        if now < _asked_again.get(self._where, 0.0):
            return otherwise
        try:
            return ask(*args)
        except RedisError as error:
            _asked_again[self._where] = time.monotonic() + REST
            if now >= _told_again.get(self._where, 0.0):
                _told_again[self._where] = now + TELL
                log.warning("The shared cache does not answer; pages go on without it. %s", error)
            return otherwise

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
        """Gives the keys that were not kept."""
        failed: list[Any] = self._try(list(data), super().set_many, data, timeout, version)
        return failed

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._try(False, super().add, key, value, timeout, version))

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._try(False, super().touch, key, timeout, version))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Raises ValueError for a key that is not there, as every cache does; `decr` too."""
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

    def keep(self, group: str, key: str, value: Any, timeout: float) -> None:
        """As `set`, and noted in a list of the group, in the same turn. What has gone by its time leaves the list."""
        self._try(None, self._keep, group, key, value, int(timeout))

    def now(self) -> float | None:
        """Seconds since 1970 by the clock of Redis; None while it does not answer."""
        told = self._try(None, lambda: self._cache.get_client(None).time())
        return None if told is None else float(told[0]) + float(told[1]) / 1e6

    def drop(self, groups: Iterable[str]) -> None:
        """Delete all that is kept under these groups."""
        for group in groups:
            self._try(None, self._drop, group)

    def _keep(self, group: str, key: str, value: Any, timeout: int) -> None:
        name, listed = self.make_and_validate_key(key), self.make_and_validate_key(group)
        now = time.time()
        turn = self._cache.get_client(name, write=True).pipeline(transaction=False)
        turn.set(name, self._cache._serializer.dumps(value), ex=timeout)  # type: ignore[attr-defined]
        turn.zadd(listed, {name: now + timeout})
        turn.zremrangebyscore(listed, "-inf", now)
        turn.expire(listed, max(timeout, LISTED))
        turn.execute()

    def _drop(self, group: str) -> None:
        listed = self.make_and_validate_key(group)
        client = self._cache.get_client(listed, write=True)
        client.delete(listed, *client.zrange(listed, 0, -1))


_sizes: dict[str, dict[str, int]] = {}


class BoundedMemoryCache(LocMemCache):
    """Django's cache in memory, which counts entries, bounded by their bytes too: `OPTIONS` has `MAX_BYTES`.

    Whoever asks for many large pages makes the portal forget what was used least of late, and not run out of memory.
    """

    _cache: OrderedDict[str, bytes]
    _expire_info: dict[str, float | None]
    _lock: AbstractContextManager[bool]

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        options = dict(params.get("OPTIONS", {}))
        self._most = int(options.pop("MAX_BYTES"))
        super().__init__(name, params | {"OPTIONS": options})
        self._bytes = _sizes.setdefault(name, {"": 0})

    def _set(self, key: str, value: bytes, timeout: Any = DEFAULT_TIMEOUT) -> None:
        """Under the lock of the cache, as the others below. The sum of all sizes stands under the empty key."""
        self._forget(key)
        super()._set(key, value, timeout)  # type: ignore[misc]
        self._bytes[key] = len(key) + len(value)
        self._bytes[""] += self._bytes[key]
        while self._bytes[""] > self._most and self._cache:
            self._drop()

    def _delete(self, key: str) -> bool:
        self._forget(key)
        return bool(super()._delete(key))  # type: ignore[misc]

    def _cull(self) -> None:
        for _ in range(len(self._cache) // self._cull_frequency):
            self._drop()

    def _drop(self) -> None:
        key, _value = self._cache.popitem()  # used longest ago
        del self._expire_info[key]
        self._forget(key)

    def _forget(self, key: str) -> None:
        self._bytes[""] -= self._bytes.pop(key, 0)

    def keep(self, group: str, key: str, value: Any, timeout: float) -> None:
        self.set(key, value, timeout)

    def drop(self, groups: Iterable[str]) -> None:
        """Delete all whose key begins with one of these groups, in this process: there are few thousand keys."""
        begins = tuple(self.make_key(f"{group}:") for group in groups)
        with self._lock:
            for key in [key for key in self._cache if key.startswith(begins)]:
                self._delete(key)

    def clear(self) -> None:
        with self._lock:
            self._cache.clear()
            self._expire_info.clear()
            self._bytes.clear()
            self._bytes[""] = 0
