"""Guessing passwords is slow: failures are counted by account and by address, and beyond a number nobody is asked.

The count is a moving window (library `limits`). Each process counts for itself, and all together in Redis where there
is one; either is enough to refuse, so a Redis that is down opens nothing that this process has closed, and keeps nobody
out. Keys are digests: neither e-mails nor addresses stand in Redis.
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

MANY_KEYS = 20_000
"""From so many keys on, those without a failure in the window are thrown out of memory: the library keeps them."""


class TooMany(Exception):
    """Too many failures: nothing was asked. `seconds` until one more may be tried."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many failed sign-ins, {seconds} s to wait")
        self.seconds = seconds


class Bucket(NamedTuple):
    """What failures are counted for. `what` is a word for the log."""

    what: str
    limit: RateLimitItem
    key: str


@contextmanager
def attempt(request: HttpRequest, email: str) -> Iterator[None]:
    """Around one exchange of a password. Counts it if WrongCredentials comes out of it, and nothing else.

    Raises TooMany before anything is asked, whether there is such an account or not.
    """
    sizes = settings.SIGN_IN_LIMITS
    name = unicodedata.normalize("NFKC", email).strip().casefold()
    buckets = (
        Bucket("account", RateLimitItemPerMinute(sizes.account, sizes.minutes), digest("account", name)),
        Bucket(
            "address",
            RateLimitItemPerMinute(sizes.address, sizes.minutes),
            digest("address", client_address(request)),
        ),
    )
    with throttle().entered(buckets):
        yield


def digest(what: str, text: str) -> str:
    return salted_hmac(f"portal.auth.throttle.{what}", text, algorithm="sha256").hexdigest()


@cache
def throttle() -> Throttle:
    """The one of this process."""
    return Throttle(settings.REDIS_URL)


def _stats(bucket: Bucket, limiter: MovingWindowRateLimiter) -> WindowStats:
    return limiter.get_window_stats(bucket.limit, bucket.key)


class Throttle:
    """Counts failures, and how many tries are under way: sent at once, no more get through than in turn."""

    def __init__(self, redis_url: str) -> None:
        self._memory = MemoryStorage()
        self._own = MovingWindowRateLimiter(self._memory)
        self._shared = MovingWindowRateLimiter(_redis(redis_url)) if redis_url else None
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._asked_again = 0.0
        self._told_again = 0.0

    @contextmanager
    def entered(self, buckets: tuple[Bucket, ...]) -> Iterator[None]:
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
                self._running += Counter()  # drops what stands at nought

    def _enter(self, buckets: tuple[Bucket, ...]) -> None:
        elsewhere = [self._ask_shared(partial(_stats, bucket)) for bucket in buckets]
        with self._lock:
            waits = []
            for bucket, far in zip(buckets, elsewhere, strict=True):
                near = _stats(bucket, self._own)
                least = far if far and far.remaining < near.remaining else near
                if least.remaining <= 0:
                    waits.append(max(least.reset_time - time.time(), 1.0))
                elif self._running[bucket.key] >= least.remaining:
                    waits.append(1.0)
            if waits:
                raise TooMany(math.ceil(max(waits)))
            self._running.update(bucket.key for bucket in buckets)

    def _count(self, bucket: Bucket) -> None:
        self._own.hit(bucket.limit, bucket.key)
        self._ask_shared(lambda shared: shared.hit(bucket.limit, bucket.key))
        if not self._own.test(bucket.limit, bucket.key):
            hint = "; if it is a proxy's, TRUSTED_PROXIES has to name it" if bucket.what == "address" else ""
            log.warning(
                "sign-in is closed for one %s for a while: %s failures%s", bucket.what, bucket.limit.amount, hint
            )
        events = self._memory.events
        if len(events) > MANY_KEYS:
            for key in [key for key, entries in list(events.items()) if not entries]:
                events.pop(key, None)

    def _ask_shared(self, ask: Callable[[MovingWindowRateLimiter], T]) -> T | None:
        """None where there is no Redis, or it does not answer: then it is left alone for a while."""
        now = time.monotonic()
        if self._shared is None or now < self._asked_again:
            return None
        try:
            return ask(self._shared)
        except RedisError as error:
            self._asked_again = time.monotonic() + RETRY_AFTER
            if now >= self._told_again:
                self._told_again = now + LOG_EVERY
                log.warning("Redis does not answer; failed sign-ins are counted by each process alone. %s", error)
            return None


def _redis(url: str) -> RedisStorage:
    return RedisStorage(
        url,
        key_prefix="sign-in",
        socket_connect_timeout=settings.REDIS_TIMEOUT,
        socket_timeout=settings.REDIS_TIMEOUT,
        retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]
    )
