"""The resilience policy around every call to the Platform API: deadline, bulkhead, rate limit, backoff after a 429,
circuit breakers, retry, and the redirect to another region.

One `Policy` a process; its parts share one clock. What it refuses itself is never sent (`sent` is False):
ConcurrencyExceeded, CircuitOpen, RateLimited. docs/upstream.md describes it for operators.
"""

from __future__ import annotations

import logging
import random as _random
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain
from typing import Any

from devices.gateway.errors import (
    BadReply,
    CircuitOpen,
    ConcurrencyExceeded,
    GatewayError,
    RateExceeded,
    RateLimited,
    TimedOut,
    Unreachable,
    UserConcurrencyExceeded,
    UserRateExceeded,
)
from devices.gateway.region_redirect import RedirectTarget, redirect_base
from devices.gateway.resilience.bulkhead import Bulkhead
from devices.gateway.resilience.circuit_breaker import CircuitBreaker, Permit
from devices.gateway.resilience.limits import KINDS, CallContext, Kind, Limits, PlatformStatus, Priority
from devices.gateway.resilience.rate_limiter import LimitExceeded, RateLimiter, RetryBudget
from devices.gateway.resilience.shared_state import SharedState
from devices.gateway.response import Reply
from devices.gateway.timeouts import Clock, Deadline
from devices.gateway.transport import Query, Transport, encoded

__all__ = ["Kind", "Limits", "PlatformStatus", "Policy", "Priority"]

log = logging.getLogger(__name__)

TOO_MANY_REQUESTS = 429
RETRIABLE = frozenset({TOO_MANY_REQUESTS, 502, 503, 504})
PERMANENT_REDIRECT = 308
DENIED_STATUSES = frozenset({401, 403, 404})
CLOCK_CHECK_INTERVAL = 60.0
"""Seconds between two comparisons with the store's clock."""
_Attempt = Callable[[Deadline], Reply]


class Policy:
    """Sends through a transport. One a process, shared by its threads.

    `scope` names what has a limit of its own: the API's host and the portal's client there, as all users of a portal
    are of one organization's tree. Processes with the same scope and store share rate limit, backoff and breakers.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        scope: str = "",
        store: SharedState | None = None,
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self.transport = transport
        self.limits = limits
        self._store = store
        self._clock, self._host_wall, self._sleep, self._random = clock, wall, sleep, random
        self._wall_offset = 0.0
        """Seconds that the store's clock is ahead of this host's."""
        self._check_clock_at = 0.0
        prefix = f"policy:{scope}"
        self.bulkhead = Bulkhead(
            capacity=limits.max_concurrency,
            per_priority={Priority.POLL: limits.max_concurrent_polls, Priority.JOB: limits.max_concurrent_jobs},
            per_user=limits.user_concurrency,
            max_queued_per_user=limits.max_queued_per_user,
        )
        self.rate_limiter = RateLimiter(limits, prefix)
        self.breakers: dict[Kind, CircuitBreaker] = {
            kind: CircuitBreaker(kind, limits, f"{prefix}:{kind}") for kind in KINDS
        }
        self._retry_budget = RetryBudget(limits)
        self._backoff_key = f"{prefix}:backoff"
        self._backoff_until = 0.0
        self._tokens_backoff_until = 0.0
        """Separate: sign-ins that get a 429 must not keep those who are signed in from their devices."""
        self._redirect = RedirectTarget()
        self._sync_lock = threading.Lock()
        self._sync_at = 0.0

    def send(
        self,
        method: str,
        path: str,
        *,
        kind: Kind,
        priority: Priority = Priority.PERSON,
        person: str = "",
        query: Query | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        bearer: str = "",
        basic: tuple[str, str] | None = None,
        request_id: str = "",
        deadline: Deadline | None = None,
        operation: str = "",
    ) -> Reply:
        """As Transport.send, and also raises ConcurrencyExceeded, CircuitOpen and RateLimited for what was not sent.

        Only reads are retried, as they are idempotent: those of people and jobs, for a poll comes again anyway.
        """
        arguments: dict[str, Any] = {
            "query": query,
            "json": json,
            "form": form,
            "bearer": bearer,
            "basic": basic,
            "request_id": request_id,
            "operation": operation,
            "to_the_end": kind == "write",
        }
        context = CallContext(priority, person, operation)
        attempt = partial(self._attempt, method, path, kind, context, arguments)
        page = deadline or Deadline(self.transport.timeouts.page, clock=self._clock)
        retries = self.limits.max_retries if kind == "read" and method == "GET" and priority is not Priority.POLL else 0
        guarded = partial(self._guarded, attempt, kind, context, page)
        result = guarded()
        if not (isinstance(result, GatewayError) and _refused_here(result)):
            self._retry_budget.count_call(self._clock())
        for number in range(retries):
            delay = self._retry_delay(result, number, page)
            if delay is None:
                break
            if delay:
                self._sleep(delay)
            retried = guarded()
            if isinstance(retried, GatewayError) and _refused_here(retried):
                break  # what the platform answered before says more
            result = retried
        if isinstance(result, GatewayError):
            result.operation = result.operation or operation
            result.request_id = result.request_id or request_id
            raise result
        return result

    def platform_status(self) -> PlatformStatus:
        self._sync_if_due()
        now = self._clock()
        waits = {kind: breaker.retry_after(now) for kind, breaker in self.breakers.items()}
        tokens = max(waits["token"], self._tokens_backoff_until - now)
        return PlatformStatus(self._backoff(now), waits["read"], waits["write"], tokens)

    def close(self) -> None:
        self.transport.close()
        self._redirect.close()

    # --- one attempt --------------------------------------------------------------------------------------------------

    def _guarded(self, attempt: _Attempt, kind: Kind, context: CallContext, page: Deadline) -> Reply | GatewayError:
        """One attempt inside all limits. Its errors are returned, those of the limits too."""
        self._sync_if_due()
        refused = self._refusal(kind)
        if refused:
            return refused
        priority, person, operation = context
        with self.bulkhead.slot(person, priority, min(self.limits.queue_timeout, page.left())) as admitted:
            if not admitted:
                own = self.bulkhead.user_limit_reached(person)
                exceeded = UserConcurrencyExceeded if own else ConcurrencyExceeded
                return exceeded(retry_after=self.limits.queue_timeout)
            refused = self._refusal(kind)  # the wait may have been long
            if refused:
                return refused
            full = self._check_rate(priority, person)
            if full:
                return (UserRateExceeded if full.user else RateExceeded)(retry_after=full.retry_after)
            permit = self.breakers[kind].acquire(self._clock(), self._store, operation, person)
            if permit is None:
                return self._refusal(kind) or CircuitOpen(retry_after=self.limits.min_reset_timeout)
            return self._recorded(attempt, kind, priority, permit, page)

    def _check_rate(self, priority: Priority, person: str) -> LimitExceeded | None:
        """None if there is room for one more call this minute, which is counted then."""
        full = self.rate_limiter.acquire(priority, self._wall(), person)
        if full or self._store is None or not self.rate_limiter.near:
            return full
        with self._sync_lock:
            self._sync(self._store)
        return self.rate_limiter.check_shared(priority, self._wall(), person)

    def _recorded(
        self, attempt: _Attempt, kind: Kind, priority: Priority, permit: Permit, page: Deadline
    ) -> Reply | GatewayError:
        success: bool | None = None
        try:
            result: Reply | GatewayError
            try:
                result = attempt(page)
            except GatewayError as error:
                # Without its traceback, whose frames hold the token, and which a retry would keep alive.
                result = error.with_traceback(None)
            success = self._success(result, self._clock() - permit.started)
            if isinstance(result, GatewayError) and not result.sent:
                permit = permit._replace(person="")  # no connection: it does not depend on the person
            if priority is Priority.POLL and not success and not permit.probe:
                success = None  # a few screens that poll one endpoint must not decide for everybody
        finally:
            self.breakers[kind].record(permit, success, self._clock(), self._wall(), self._store)
        if isinstance(result, Reply) and result.status == TOO_MANY_REQUESTS and kind != "write":
            self._start_backoff(result.retry_after, kind)
        return result

    def _attempt(
        self, method: str, path: str, kind: Kind, context: CallContext, arguments: dict[str, Any], page: Deadline
    ) -> Reply:
        """One request; a read that is redirected to another region is repeated there, once.

        Later reads go there at once, until one of them is not answered with a success: then the configured address is
        tried again, at once if the read was denied, as an organization that did not move is unknown there. No
        other redirect is followed: token and body would go with it.
        """
        configured, redirect = self.transport, self._redirect
        if kind != "read" or method != "GET":
            return configured.send(method, path, deadline=page, **arguments)
        current = redirect.current(self._clock())
        if current is not None:
            try:
                reply = current.send(method, path, deadline=page, **arguments)
            except GatewayError:
                redirect.forget()
                raise
            if _is_success(reply):
                return reply
            redirect.forget()
            if reply.status not in DENIED_STATUSES:
                return reply
            self._count_extra_call(context)
        reply = configured.send(method, path, deadline=page, **arguments)
        if reply.status != PERMANENT_REDIRECT:
            return reply
        requested = path + encoded(arguments["query"])
        base = redirect_base(reply.location, requested, configured.base_url, configured.allowed_hosts)
        target = None if base is None else redirect.transport_to(base, configured)
        if target is None:
            return reply
        self._count_extra_call(context)
        reply = target.send(method, path, deadline=page, **arguments)
        if _is_success(reply):
            redirect.remember(target, self._clock())
        return reply

    def _count_extra_call(self, context: CallContext) -> None:
        """The second request of one read. It is made even over the limit: a redirect alone is of no use, and rare."""
        self.rate_limiter.acquire(context.priority, self._wall(), context.person)

    def _success(self, result: Reply | GatewayError, took: float) -> bool | None:
        """For the circuit breaker. None: the result says nothing about the platform, as after too little time."""
        if isinstance(result, Reply):
            if result.is_page and 400 <= result.status < 500:
                return None  # perhaps a filter in front of the platform that blocks what one person searches for
            return None if result.status == TOO_MANY_REQUESTS else result.status < 500 and not result.is_page
        if isinstance(result, TimedOut):
            return False if took >= 0.9 * self.transport.timeouts.connect else None
        return False if isinstance(result, Unreachable | BadReply) else None

    def _refusal(self, kind: Kind) -> GatewayError | None:
        now = self._clock()
        backoff = self._backoff(now)
        if kind == "token":
            backoff = max(backoff, self._tokens_backoff_until - now)
        if backoff:
            return RateLimited(retry_after=backoff, sent=False)
        wait = self.breakers[kind].retry_after(now)
        return CircuitOpen(retry_after=wait) if wait else None

    # --- retry --------------------------------------------------------------------------------------------------------

    def _retry_delay(self, result: Reply | GatewayError, number: int, page: Deadline) -> float | None:
        """Seconds to wait before the next retry, or None if there is none."""
        if isinstance(result, Reply):
            retriable, wanted = result.status in RETRIABLE, result.retry_after or 0.0
        else:
            # Not a time-out of a request that was sent: it has used up the time of the page.
            unreachable = isinstance(result, Unreachable) and not _refused_here(result)
            retriable, wanted = unreachable or (isinstance(result, TimedOut) and not result.sent), 0.0
        if not retriable:
            return None
        delay = max(wanted, self._backoff(self._clock()))
        if delay > self.limits.max_retry_delay:
            return None
        delay += self._random() * self.limits.retry_base_delay * (1 << number)
        if page.left() < delay + self.limits.min_time_to_retry or not self._retry_budget.acquire(self._clock()):
            return None
        return delay

    # --- backoff, and what all processes share ------------------------------------------------------------------------

    def _backoff(self, now: float) -> float:
        return max(self._backoff_until - now, 0.0)

    def _start_backoff(self, retry_after: float | None, kind: Kind) -> None:
        limits = self.limits
        seconds = limits.backoff * (0.8 + 0.4 * self._random()) if retry_after is None else retry_after
        seconds = min(seconds, limits.max_backoff)
        now = self._clock()
        if kind == "token":
            self._tokens_backoff_until = max(self._tokens_backoff_until, now + seconds)
            return
        first = self._backoff(now) <= 0 < seconds
        if seconds <= self._backoff(now):
            return
        self._backoff_until = now + seconds
        if self._store is not None:
            self._share_backoff(self._store, seconds)
        if first:
            log.warning("The platform answered 429 (too many requests): no calls for %.1f s.", seconds)

    def _share_backoff(self, store: SharedState, seconds: float) -> None:
        store.set(self._backoff_key, int((self._wall() + seconds) * 1000), seconds + 1)

    def _sync_if_due(self) -> None:
        """One thread synchronises; the others do not wait for it."""
        store = self._store
        due = self._clock() >= self._sync_at or self.rate_limiter.unshared >= self.limits.sync_after_calls
        if store is None or not due or not self._sync_lock.acquire(blocking=False):
            return
        try:
            self._sync(store)
        finally:
            self._sync_lock.release()

    def _wall(self) -> float:
        """Seconds since 1970 by the store's clock, as hosts' clocks may be far apart."""
        return self._host_wall() + self._wall_offset

    def _sync(self, store: SharedState) -> None:
        """Share what this process knows, and adopt what the others have shared."""
        if self._clock() >= self._check_clock_at:
            before, shared = self._host_wall(), store.now()
            if shared is not None:
                self._wall_offset = shared - (before + self._host_wall()) / 2
            self._check_clock_at = self._clock() + CLOCK_CHECK_INTERVAL
        self.rate_limiter.share(store)
        counts = self.rate_limiter.keys(self._wall())
        keys = [self._backoff_key, *(breaker.key for breaker in self.breakers.values()), *chain(*counts.values())]
        found = store.get_many(keys)
        self.rate_limiter.update_others(counts, found)
        now, wall = self._clock(), self._wall()
        for breaker in self.breakers.values():
            breaker.sync(found.get(breaker.key), now, wall, store)
        backoff = min(found.get(self._backoff_key, 0) / 1000 - wall, self.limits.max_backoff)
        if backoff > 0:
            self._backoff_until = max(self._backoff_until, now + backoff)
        elif self._backoff(now):
            self._share_backoff(store, self._backoff(now))
        self._sync_at = now + self.limits.sync_interval


def _is_success(reply: Reply) -> bool:
    return 200 <= reply.status < 300 and not reply.is_page


def _refused_here(error: GatewayError) -> bool:
    """Whether the policy refused the call, so that it never left the portal."""
    return isinstance(error, ConcurrencyExceeded | CircuitOpen) or (isinstance(error, RateLimited) and not error.sent)
