"""Rate limits for failed sign-ins, by account and by client address, against password guessing.

Failures count in a moving window (library `limits`): in each process, and in Redis for all processes if it is
configured. Either count is enough to refuse a sign-in, so an outage of Redis neither lifts a limit of this process nor
locks anyone out. Keys are digests, so Redis holds no e-mails or addresses.
"""

from __future__ import annotations

import logging
import math
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import NamedTuple, TypeVar

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from limits.util import WindowStats
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from portal.auth.oauth import WrongCredentials
from portal.cache import LOG_EVERY, RETRY_AFTER
from portal.client_address import client_address

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_KEYS = 20_000
"""Above this number of keys, those without a failure in the window are removed: the library never removes them."""


class TooManyAttempts(Exception):
    """Too many failures; the platform was not called. `seconds`: until the next attempt is allowed."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many failed sign-ins, retry in {seconds} s")
        self.seconds = seconds


class Bucket(NamedTuple):
    """One counter. `kind`: `account` or `address`, for the log."""

    kind: str
    limit: RateLimitItem
    key: str


@contextmanager
def throttled(request: HttpRequest, email: str) -> Iterator[None]:
    """Wrap one password exchange; only WrongCredentials counts as a failure. Raises TooManyAttempts before it."""
    limits = settings.SIGN_IN_LIMITS
    name, address = unicodedata.normalize("NFKC", email).strip().casefold(), client_address(request)
    buckets = (
        Bucket("account", RateLimitItemPerMinute(limits.account, limits.minutes), digest("account", name)),
        Bucket("address", RateLimitItemPerMinute(limits.address, limits.minutes), digest("address", address)),
    )
    with throttle().attempt(buckets):
        yield


def digest(kind: str, text: str) -> str:
    return salted_hmac(f"portal.auth.throttle.{kind}", text, algorithm="sha256").hexdigest()


@cache
def throttle() -> Throttle:
    """The throttle of this process."""
    return Throttle(settings.REDIS_URL)


def _stats(bucket: Bucket, limiter: MovingWindowRateLimiter) -> WindowStats:
    return limiter.get_window_stats(bucket.limit, bucket.key)


class Throttle:
    """Counts failures and running attempts: concurrent attempts get no more tries than sequential ones."""

    def __init__(self, redis_url: str) -> None:
        self._memory = MemoryStorage()
        self._local = MovingWindowRateLimiter(self._memory)
        self._shared = MovingWindowRateLimiter(_redis(redis_url)) if redis_url else None
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._redis_retry_at = 0.0
        self._next_log_at = 0.0

    @contextmanager
    def attempt(self, buckets: tuple[Bucket, ...]) -> Iterator[None]:
        self._enter(buckets)
        try:
            yield
        except WrongCredentials:
            for bucket in buckets:
                self._count(bucket)
            raise
        finally:
            with self._lock:
                self._running.subtract(bucket.key for bucket in buckets)
                self._running += Counter()  # drops zero counts

    def _enter(self, buckets: tuple[Bucket, ...]) -> None:
        shared = [self._with_redis(partial(_stats, bucket)) for bucket in buckets]
        with self._lock:
            waits = []
            for bucket, remote in zip(buckets, shared, strict=True):
                local = _stats(bucket, self._local)
                stats = remote if remote and remote.remaining < local.remaining else local
                if stats.remaining <= 0:
                    waits.append(max(stats.reset_time - time.time(), 1.0))
                elif self._running[bucket.key] >= stats.remaining:
                    waits.append(1.0)
            if waits:
                raise TooManyAttempts(math.ceil(max(waits)))
            self._running.update(bucket.key for bucket in buckets)

    def _count(self, bucket: Bucket) -> None:
        self._local.hit(bucket.limit, bucket.key)
        self._with_redis(lambda shared: shared.hit(bucket.limit, bucket.key))
        if not self._local.test(bucket.limit, bucket.key):
            hint = "; if this is a proxy, add it to TRUSTED_PROXIES" if bucket.kind == "address" else ""
            log.warning("sign-in is blocked for one %s after %s failures%s", bucket.kind, bucket.limit.amount, hint)
        events = self._memory.events
        if len(events) > MAX_KEYS:
            for key in [key for key, entries in list(events.items()) if not entries]:
                events.pop(key, None)

    def _with_redis(self, call: Callable[[MovingWindowRateLimiter], T]) -> T | None:
        """None without Redis, or if it fails: then it is not called for a while."""
        now = time.monotonic()
        if self._shared is None or now < self._redis_retry_at:
            return None
        try:
            return call(self._shared)
        except RedisError as error:
            self._redis_retry_at = time.monotonic() + RETRY_AFTER
            if now >= self._next_log_at:
                self._next_log_at = now + LOG_EVERY
                log.warning("Redis does not respond; each process counts failed sign-ins on its own. %s", error)
            return None


def _redis(url: str) -> RedisStorage:
    return RedisStorage(
        url,
        key_prefix="sign-in",
        socket_connect_timeout=settings.REDIS_TIMEOUT,
        socket_timeout=settings.REDIS_TIMEOUT,
        retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]
    )
