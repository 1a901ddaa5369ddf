"""How many calls are made at the same time, and whose turn it is."""

from __future__ import annotations

import threading
from collections import Counter, deque

from devices.gateway.resilience.limits import Limits, Priority


class _Waiting:
    __slots__ = ("called", "has_turn", "person", "priority")

    def __init__(self, priority: Priority, person: str) -> None:
        self.priority = priority
        self.person = person
        self.called = threading.Event()
        self.has_turn = False


class Bulkhead:
    """First come, first served. Polls and jobs may hold no more than their part, and let people pass meanwhile. So may
    one person, whatever they ask: the other turns are for the others, also while each call takes ten seconds.

    A person has but so many places in the line, too; not so jobs, for a receipt is one request with many calls. That
    one person's requests leave threads to the others is seen to before they come here (portal/visits.py).

    Who is served is decided under one lock, by whoever leaves: nobody who comes later can slip in between.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = limits.at_once
        self._part = {
            Priority.PERSON: limits.at_once,
            Priority.POLL: limits.polls_at_once,
            Priority.JOB: limits.jobs_at_once,
        }
        self._lock = threading.Lock()
        self._one = limits.of_one
        self._places = limits.person_waiting
        self._held = dict.fromkeys(Priority, 0)
        self._held_by: Counter[str] = Counter()
        self._waiting_by: Counter[str] = Counter()
        self._all = 0
        self._line: deque[_Waiting] = deque()

    def enter(self, priority: Priority, wait: float, person: str = "") -> bool:
        """Get a turn within `wait` seconds; True must be followed by `leave`. `person`: "" for nobody in particular."""
        with self._lock:
            if self._take(priority, person):
                return True
            if wait <= 0 or (priority is not Priority.JOB and self._waiting_by[person] >= self._places):
                return False
            place = _Waiting(priority, person)
            self._line.append(place)
            self._in_line(place, 1)
        try:
            place.called.wait(wait)
        except BaseException:
            if not self._give_up(place):  # whoever interrupts this thread must not cost everybody a turn
                self.leave(priority, person)
            raise
        return not self._give_up(place)

    def leave(self, priority: Priority, person: str = "") -> None:
        with self._lock:
            self._held[priority] -= 1
            self._all -= 1
            if person:
                _count(self._held_by, person, -1)
            for place in list(self._line):
                if self._all >= self._most:
                    break
                if self._take(place.priority, place.person):
                    self._quit(place)
                    place.has_turn = True
                    place.called.set()

    def waiting(self) -> int:
        return len(self._line)

    def held(self) -> int:
        return self._all

    def crowded_by(self, person: str) -> bool:
        """Whether this person has as many turns as one may have: it is for them that they wait, not for others."""
        return self._held_by[person] >= self._one

    def _take(self, priority: Priority, person: str) -> bool:
        """All who wait and could be served have been, so whoever comes and finds room overtakes nobody who could go."""
        if self._all >= self._most or self._held[priority] >= self._part[priority]:
            return False
        if person:
            if self._held_by[person] >= self._one:
                return False
            self._held_by[person] += 1
        self._held[priority] += 1
        self._all += 1
        return True

    def _give_up(self, place: _Waiting) -> bool:
        """Leave the line; False where the turn has come after all."""
        with self._lock:
            if not place.has_turn:
                self._quit(place)
            return not place.has_turn

    def _quit(self, place: _Waiting) -> None:
        self._line.remove(place)
        self._in_line(place, -1)

    def _in_line(self, place: _Waiting, by: int) -> None:
        if place.person and place.priority is not Priority.JOB:
            _count(self._waiting_by, place.person, by)


def _count(counts: Counter[str], person: str, by: int) -> None:
    counts[person] += by
    if not counts[person]:
        del counts[person]
