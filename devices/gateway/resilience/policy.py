"""How the portal asks the Platform API: never for too long, too often, or while asking is of no use.

One `Policy` a process holds deadline, queue, retry, ceiling, cool-down and breakers, which share one clock. What it
refuses itself is never sent (`sent` is False): Busy, Resting, RateLimited. docs/upstream.md tells the operator.
"""

from __future__ import annotations

import logging
import random as _random
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain
from typing import Any, NoReturn

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
from devices.gateway.region_redirect import RedirectTarget, new_base
from devices.gateway.resilience.bulkhead import Bulkhead
from devices.gateway.resilience.circuit_breaker import CircuitBreaker, Ticket
from devices.gateway.resilience.limits import KINDS, CallContext, Kind, Limits, PlatformStatus, Priority
from devices.gateway.resilience.rate_limiter import LimitExceeded, RateLimiter, RetryBudget
from devices.gateway.resilience.shared_state import SharedState
from devices.gateway.response import Reply
from devices.gateway.timeouts import Clock, Deadline
from devices.gateway.transport import Query, Transport, encoded

__all__ = ["Kind", "Limits", "PlatformStatus", "Policy", "Priority"]

log = logging.getLogger(__name__)

TOO_MANY = 429
RETRIED = frozenset({TOO_MANY, 502, 503, 504})
MOVED = 308
REFUSALS = frozenset({401, 403, 404})
COMPARE = 60.0
"""Seconds from one look at the clock of the store to the next."""
_Ask = Callable[[Deadline], Reply]


class Policy:
    """Sends through a transport. One a process, shared by its threads.

    `scope` names what has a limit of its own: the API's host and the portal's client there, as all users of a portal
    are of one organization's tree. Processes with the same scope and store share ceiling, cool-down and breakers.
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
        self._clock, self._own_wall, self._sleep, self._random = clock, wall, sleep, random
        self._ahead = 0.0
        """Seconds that the clock of the store is ahead of this host's."""
        self._compare_at = 0.0
        prefix = f"policy:{scope}"
        self._turns = Bulkhead(limits)
        self._ceiling = RateLimiter(limits, prefix)
        self._retries = RetryBudget(limits)
        self._breakers: dict[Kind, CircuitBreaker] = {
            kind: CircuitBreaker(kind, limits, f"{prefix}:{kind}") for kind in KINDS
        }
        self._cool_key = f"{prefix}:cool"
        self._cool_until = 0.0
        self._tokens_cool_until = 0.0
        """The token endpoint's own: whoever makes it refuse sign-ins shall not keep everybody from their devices."""
        self._elsewhere = RedirectTarget()
        self._looking = threading.Lock()
        self._look_at = 0.0

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
        """As Transport.send, and also raises Busy, Resting and RateLimited for what was not sent at all.

        `person` is whoever the call is for, by a name that is theirs alone, or "" for nobody in particular: nobody gets
        more than their share of turns and calls.

        A reading is repeated where that may help: by people and jobs, for a poll comes again by itself.
        """
        asked: dict[str, Any] = {
            "query": query,
            "json": json,
            "form": form,
            "bearer": bearer,
            "basic": basic,
            "request_id": request_id,
            "operation": operation,
            "to_the_end": kind == "write",
        }
        whose = CallContext(priority, person, operation)
        ask = partial(self._ask, method, path, kind, whose, asked)
        ends = deadline or Deadline(self.transport.timeouts.page, clock=self._clock)
        repeats = self.limits.retries if kind == "read" and method == "GET" and priority is not Priority.POLL else 0
        once = partial(self._once, ask, kind, whose, ends)
        came = once()
        if not (isinstance(came, GatewayError) and _ours(came)):
            self._retries.called(self._clock())
        for turn in range(repeats):
            pause = self._pause(came, turn, ends)
            if pause is None:
                break
            if pause:
                self._sleep(pause)
            again = once()
            if isinstance(again, GatewayError) and _ours(again):
                break  # what the platform said before tells more
            came = again
        if isinstance(came, GatewayError):
            _raise(came, operation, request_id)
        return came

    def platform_status(self) -> PlatformStatus:
        self._look()
        now = self._clock()
        rests = {kind: breaker.rest(now) for kind, breaker in self._breakers.items()}
        tokens = max(rests["token"], self._tokens_cool_until - now)
        return PlatformStatus(self._cooling(now), rests["read"], rests["write"], tokens)

    def close(self) -> None:
        self.transport.close()
        self._elsewhere.close()

    # --- one attempt --------------------------------------------------------------------------------------------------

    def _once(self, ask: _Ask, kind: Kind, whose: CallContext, ends: Deadline) -> Reply | GatewayError:
        """What came of one attempt. The errors of our own making are given back like those of the transport."""
        self._look()
        refused = self._refusal(kind)
        if refused:
            return refused
        priority, person, operation = whose
        if not self._turns.enter(priority, min(self.limits.queue, ends.left()), person):
            return (UserConcurrencyExceeded if self._turns.crowded_by(person) else ConcurrencyExceeded)(
                retry_after=self.limits.queue
            )
        try:
            refused = self._refusal(kind)  # the line may have been long
            if refused:
                return refused
            full = self._counted(priority, person)
            if full:
                return (UserRateExceeded if full.own else RateExceeded)(retry_after=full.wait)
            ticket = self._breakers[kind].enter(self._clock(), self._store, operation, person)
            if ticket is None:
                return self._refusal(kind) or CircuitOpen(retry_after=self.limits.shortest_rest)
            return self._asked(ask, kind, priority, ticket, ends)
        finally:
            self._turns.leave(priority, person)

    def _counted(self, priority: Priority, person: str) -> LimitExceeded | None:
        """None if there is room for one more call this minute, which is counted then."""
        full = self._ceiling.take(priority, self._wall(), person)
        if full or self._store is None or not self._ceiling.near:
            return full
        with self._looking:
            self._tell_and_learn(self._store)
        return self._ceiling.over(priority, self._wall(), person)

    def _asked(self, ask: _Ask, kind: Kind, priority: Priority, ticket: Ticket, ends: Deadline) -> Reply | GatewayError:
        good: bool | None = None
        try:
            came: Reply | GatewayError
            try:
                came = ask(ends)
            except GatewayError as error:
                # Without its traceback, whose frames hold the token, and which a retry would keep alive.
                came = error.with_traceback(None)
            good = self._judged(came, self._clock() - ticket.began)
            if isinstance(came, GatewayError) and not came.sent:
                ticket = ticket._replace(who="")  # no connection, whatever was to be asked and by whom
            if priority is Priority.POLL and not good and not ticket.probe:
                good = None  # a few screens that ask one endpoint again and again shall not decide for all people
        finally:
            self._breakers[kind].leave(ticket, good, self._clock(), self._wall(), self._store)
        if isinstance(came, Reply) and came.status == TOO_MANY and kind != "write":
            self._start_cooling(came.retry_after, kind)
        return came

    def _ask(
        self, method: str, path: str, kind: Kind, whose: CallContext, asked: dict[str, Any], ends: Deadline
    ) -> Reply:
        """One request; a reading that is referred to another region is asked there, once.

        The next ones are asked there at once, until one of them is not answered well: then home is asked again. One
        that is refused there is asked at home too, for an organization that did not move is not known there.
        Whatever else a redirect wants is not done: it would take token and body with it.
        """
        ours, elsewhere = self.transport, self._elsewhere
        if kind != "read" or method != "GET":
            return ours.send(method, path, deadline=ends, **asked)
        known = elsewhere.known(self._clock())
        if known is not None:
            try:
                reply = known.send(method, path, deadline=ends, **asked)
            except GatewayError:
                elsewhere.forget()
                raise
            if _answers(reply):
                return reply
            elsewhere.forget()
            if reply.status not in REFUSALS:
                return reply
            self._once_more(whose)
        reply = ours.send(method, path, deadline=ends, **asked)
        if reply.status != MOVED:
            return reply
        base = new_base(reply.location, path + encoded(asked["query"]), ours.base_url, ours.allowed_hosts)
        if base is None:
            return reply
        there = elsewhere.at(base, ours)
        if there is None:
            return reply
        self._once_more(whose)
        reply = there.send(method, path, deadline=ends, **asked)
        if _answers(reply):
            elsewhere.answered(there, self._clock())
        return reply

    def _once_more(self, whose: CallContext) -> None:
        """Count a second call for the same question. It is made even if there is no room for it: half of an answer is
        of no use, and regions change rarely."""
        self._ceiling.take(whose.priority, self._wall(), whose.person)

    def _judged(self, came: Reply | GatewayError, took: float) -> bool | None:
        """Whether this speaks for the platform. None: it says nothing, such as a call that had no time to succeed."""
        if isinstance(came, Reply):
            if came.is_page and 400 <= came.status < 500:
                return None  # perhaps a filter before the platform, which dislikes what one person searches for
            return None if came.status == TOO_MANY else came.status < 500 and not came.is_page
        if isinstance(came, TimedOut):
            return False if took >= 0.9 * self.transport.timeouts.connect else None
        return False if isinstance(came, Unreachable | BadReply) else None

    def _refusal(self, kind: Kind) -> GatewayError | None:
        now = self._clock()
        cooling = self._cooling(now)
        if kind == "token":
            cooling = max(cooling, self._tokens_cool_until - now)
        if cooling:
            return RateLimited(retry_after=cooling, sent=False)
        rest = self._breakers[kind].rest(now)
        return CircuitOpen(retry_after=rest) if rest else None

    # --- once more ----------------------------------------------------------------------------------------------------

    def _pause(self, came: Reply | GatewayError, turn: int, ends: Deadline) -> float | None:
        """Seconds to wait before it is tried again, or None where it is not."""
        if isinstance(came, Reply):
            again = came.status in RETRIED
            asked = came.retry_after or 0.0
        else:
            # Not what took its whole time: that has used up the page's. Not what we refused ourselves.
            again = (isinstance(came, Unreachable) and not _ours(came)) or (
                isinstance(came, TimedOut) and not came.sent
            )
            asked = 0.0
        if not again:
            return None
        pause = max(asked, self._cooling(self._clock()))
        if pause > self.limits.max_pause:
            return None
        pause += self._random() * self.limits.retry_pause * (1 << turn)
        if ends.left() < pause + self.limits.room_to_retry or not self._retries.take(self._clock()):
            return None
        return pause

    # --- what all processes know --------------------------------------------------------------------------------------

    def _cooling(self, now: float) -> float:
        return max(self._cool_until - now, 0.0)

    def _start_cooling(self, retry_after: float | None, kind: Kind) -> None:
        limits = self.limits
        seconds = limits.backoff * (0.8 + 0.4 * self._random()) if retry_after is None else retry_after
        seconds = min(seconds, limits.max_backoff)
        now = self._clock()
        if kind == "token":
            self._tokens_cool_until = max(self._tokens_cool_until, now + seconds)
            return
        began = self._cooling(now) <= 0 < seconds
        if seconds <= self._cooling(now):
            return
        self._cool_until = now + seconds
        if self._store is not None:
            self._tell_cooling(self._store, seconds)
        if began:
            log.warning("The platform asks to wait (429): no calls for %.1f s.", seconds)

    def _tell_cooling(self, store: SharedState, seconds: float) -> None:
        store.set(self._cool_key, int((self._wall() + seconds) * 1000), seconds + 1)

    def _look(self) -> None:
        """Tell the other processes and learn from them, if it is time. One thread does, the others do not wait."""
        store = self._store
        if store is None or not (self._clock() >= self._look_at or self._ceiling.untold >= self.limits.unshared):
            return
        if not self._looking.acquire(blocking=False):
            return
        try:
            self._tell_and_learn(store)
        finally:
            self._looking.release()

    def _wall(self) -> float:
        """Seconds since 1970 by the clock that all who share the store go by: hosts' own may be far apart."""
        return self._own_wall() + self._ahead

    def _tell_and_learn(self, store: SharedState) -> None:
        if self._clock() >= self._compare_at:
            before, shared = self._own_wall(), store.now()
            if shared is not None:
                self._ahead = shared - (before + self._own_wall()) / 2
            self._compare_at = self._clock() + COMPARE
        self._ceiling.tell(store)
        counts = self._ceiling.keys(self._wall())
        keys = [self._cool_key, *(breaker.key for breaker in self._breakers.values()), *chain(*counts.values())]
        found = store.get_many(keys)
        self._ceiling.learn(counts, found)
        now, wall = self._clock(), self._wall()
        for breaker in self._breakers.values():
            breaker.exchange(found.get(breaker.key), now, wall, store)
        cooling = min(found.get(self._cool_key, 0) / 1000 - wall, self.limits.max_backoff)
        if cooling > 0:
            self._cool_until = max(self._cool_until, now + cooling)
        elif self._cooling(now):
            self._tell_cooling(store, self._cooling(now))
        self._look_at = now + self.limits.look


def _answers(reply: Reply) -> bool:
    """Whether this is where what was asked for is found."""
    return 200 <= reply.status < 300 and not reply.is_page


def _ours(error: GatewayError) -> bool:
    """Whether it never left the portal."""
    return isinstance(error, ConcurrencyExceeded | CircuitOpen) or (isinstance(error, RateLimited) and not error.sent)


def _raise(error: GatewayError, operation: str, request_id: str) -> NoReturn:
    error.operation, error.request_id = error.operation or operation, error.request_id or request_id
    raise error
