"""Stops asking what keeps failing: people hear so at once, and the platform is left to recover."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from typing import NamedTuple

from devices.gateway.resilience.limits import Limits
from devices.gateway.resilience.shared_state import SharedState

log = logging.getLogger(__name__)

CLOSED = 0
"""In the store, in place of the time (ms since 1970) until which the breaker is open."""
KEPT = 120.0


class Ticket(NamedTuple):
    """Given for one call, to be handed back with what became of it."""

    era: int
    probe: bool
    began: float
    what: str = ""
    """The operation that is called."""
    who: str = ""
    """The person it is called for; "" for nobody in particular."""


class CircuitBreaker:
    """Of one kind of calls to one host. Closed, it counts; open, it lets nobody pass but one probe at a time.

    Each process judges by its own calls. What it concludes, opening and closing, holds for all that share the store.
    Times are those of the policy's clock; only in the store they are those of the wall, bounded when they are read.
    """

    def __init__(self, name: str, limits: Limits, key: str) -> None:
        self.name = name
        self.key = f"{key}:open"
        self._probe_key = f"{key}:probe"
        self._limits = limits
        self._lock = threading.Lock()
        self._seen: deque[tuple[float, bool, str]] = deque()
        self._failed = 0
        self._failures: deque[tuple[str, str]] = deque()
        self._of: Counter[tuple[str, str]] = Counter()
        """What the failures of the window asked, and for whom."""
        self._in_a_row = 0
        """Failures since the last success."""
        self._era = 0
        """Grows whenever it opens or closes: what was asked before is no witness afterwards."""
        self._until: float | None = None
        """Open, and not to be tried before; None: closed."""
        self._probing = 0.0
        """When the probe that is under way counts as lost; 0: there is none."""

    def rest(self, now: float) -> float:
        """Seconds until a call can be tried; 0 when it can be now."""
        until = self._until
        return 0.0 if until is None else max(until - now, min(self._probing - now, self._limits.shortest_rest), 0.0)

    def enter(self, now: float, store: SharedState | None, what: str = "", who: str = "") -> Ticket | None:
        """A ticket for one call, or None while it is resting."""
        if self._until is None:
            return Ticket(self._era, False, now, what, who)
        with self._lock:
            if self._until is None:
                return Ticket(self._era, False, now, what, who)
            if now < self._until or now < self._probing:
                return None
            self._probing = now + self._limits.probe_lost
            era = self._era
        # Outside the lock, for it may take its time.
        if store is not None and store.add(self._probe_key, 1, self._limits.probe_lost) is False:
            with self._lock:  # another process is trying
                self._probing = now + self._limits.shortest_rest
            return None
        return Ticket(era, True, now, what, who)

    def leave(self, ticket: Ticket, good: bool | None, now: float, wall: float, store: SharedState | None) -> None:
        """Tell what became of the call: it showed the platform well, or not, or nothing at all (None)."""
        with self._lock:
            if ticket.era != self._era:
                return
            if not ticket.probe:
                news = good is not None and self._until is None and self._count(good, now, ticket)
            else:
                self._probing = 0.0
                news = bool(good)
                if good:
                    self._change(None)
                elif good is False:
                    self._until = max(ticket.began + self._limits.rest, now + self._limits.shortest_rest)
            until = self._until
        if news:
            self._say(until, now)
        if store is not None and (news or (ticket.probe and good is False)):
            store.set(self.key, CLOSED if until is None else int((wall + until - now) * 1000), KEPT)
        if store is not None and ticket.probe:
            store.delete(self._probe_key)

    def exchange(self, told: int | None, now: float, wall: float, store: SharedState) -> None:
        """Learn what another process has concluded, `told` in the store; tell again what the store has lost."""
        if told is not None:
            self.learn(told, now, wall)
            return
        until = self._until
        if until is not None and until > now:
            store.set(self.key, int((wall + until - now) * 1000), KEPT)

    def learn(self, told: int, now: float, wall: float) -> None:
        """What another process has concluded, as it stands in the store."""
        left = min(told / 1000 - wall, self._limits.rest)
        with self._lock:
            if told == CLOSED and self._until is not None:
                self._change(None)
            elif told != CLOSED and self._until is None and left > 0:
                self._change(now + left)
            elif told != CLOSED and self._until is not None and now >= self._probing:
                self._until = max(self._until, now + left)
            else:
                return

    def _count(self, good: bool, now: float, ticket: Ticket) -> bool:
        """Whether this opens it: half of what the window saw, or all of the newest calls.

        Half of them is not enough where a single operation fails while others are answered: that is one endpoint's
        fault, and who needs another one is not to wait for it. Nor are all the failures of one person's one question
        enough, while nobody else has asked anything: it may be that question which the platform cannot bear.

        After busy minutes the good calls of the window are many, and a platform that just hangs ends few: their share
        alone would tell of its silence only when the window has forgotten the good ones.
        """
        seen, limits, what = self._seen, self._limits, ticket.what
        seen.append((now, good, what))
        if not good:
            self._failed += 1
            self._failures.append((what, ticket.who))
            self._of[what, ticket.who] += 1
        self._in_a_row = 0 if good else self._in_a_row + 1
        while seen[0][0] < now - limits.window:
            if not seen.popleft()[1]:
                self._forget_failure()
        if good or len(seen) < limits.calls_to_judge:
            return False
        if self._in_a_row < limits.calls_to_judge and (
            self._failed < limits.failing * len(seen) or self._others_succeed(what)
        ):
            return False
        if not self._of_several():
            return False
        self._change(now + limits.rest)
        return True

    def _forget_failure(self) -> None:
        oldest = self._failures.popleft()
        self._failed -= 1
        self._of[oldest] -= 1
        if not self._of[oldest]:
            del self._of[oldest]

    def _of_several(self) -> bool:
        """Whether more than one operation or more than one person failed. Nobody in particular is everybody."""
        return len(self._of) > 1 or any(not who for _what, who in self._of)

    def _others_succeed(self, what: str) -> bool:
        """Whether this operation alone fails, and another one has been answered since it first did."""
        failed = others = False
        for _at, good, operation in self._seen:
            if not good and operation != what:
                return False
            failed = failed or not good
            others = others or (failed and good and operation != what)
        return others

    def _change(self, until: float | None) -> None:
        self._until, self._probing, self._failed, self._in_a_row = until, 0.0, 0, 0
        self._era += 1
        self._seen.clear()
        self._failures.clear()
        self._of.clear()

    def _say(self, until: float | None, now: float) -> None:
        if until is None:
            log.warning("The platform answers again: calls of kind %s go on.", self.name)
        else:
            log.warning(
                "The platform keeps failing: no calls of kind %s for %.0f s, then one is tried.", self.name, until - now
            )
