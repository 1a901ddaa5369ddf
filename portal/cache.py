"""The cache that several processes share, on Redis. It holds only what can be read again, so no page depends on it.

While Redis does not answer, nothing is found and nothing is kept. What was to be deleted or replaced meanwhile stays as
it was: whoever keeps something here gives it a time after which it goes by itself.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)

TIMEOUT = 0.5
"""Seconds to connect, and to wait for an answer: a page asks more than once."""
REST = 5.0
"""Seconds after a failure in which Redis is not asked: pages do not wait for it one after the other."""
TELL = 60.0
"""Seconds between two lines in the log about it."""

# Per process, by address: Django makes a cache object for each thread.
_asked_again: dict[str, float] = {}
_told_again: dict[str, float] = {}


class ForgivingRedisCache(RedisCache):
    """Django's cache on Redis, where a failure of Redis is a miss."""

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        # redis-py would connect three times over, with pauses.
        options = {"socket_connect_timeout": TIMEOUT, "socket_timeout": TIMEOUT, "retry": Retry(NoBackoff(), 0)}
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
