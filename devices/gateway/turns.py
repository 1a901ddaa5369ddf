"""How many calls are made at the same time, and whose turn it is."""

from __future__ import annotations

import threading
from collections import deque

from devices.gateway.asking import Asker, Limits


class _Waiting:
    __slots__ = ("asker", "called", "has_turn")

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.called = threading.Event()
        self.has_turn = False


class Turns:
    """First come, first served. Polls and jobs may hold no more than their part, and let people pass meanwhile.

    Who is served is decided under one lock, by whoever leaves: nobody who comes later can slip in between.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = limits.at_once
        self._part = {Asker.PERSON: limits.at_once, Asker.POLL: limits.polls_at_once, Asker.JOB: limits.jobs_at_once}
        self._lock = threading.Lock()
        self._held = dict.fromkeys(Asker, 0)
        self._all = 0
        self._line: deque[_Waiting] = deque()

    def enter(self, asker: Asker, wait: float) -> bool:
        """Get a turn within `wait` seconds; True must be followed by `leave`."""
        with self._lock:
            if self._take(asker):
                return True
            if wait <= 0:
                return False
            place = _Waiting(asker)
            self._line.append(place)
        try:
            place.called.wait(wait)
        except BaseException:
            if not self._give_up(place):  # whoever interrupts this thread must not cost everybody a turn
                self.leave(asker)
            raise
        return not self._give_up(place)

    def leave(self, asker: Asker) -> None:
        with self._lock:
            self._held[asker] -= 1
            self._all -= 1
            for place in list(self._line):
                if self._all >= self._most:
                    break
                if self._take(place.asker):
                    self._line.remove(place)
                    place.has_turn = True
                    place.called.set()

    def waiting(self) -> int:
        return len(self._line)

    def held(self) -> int:
        return self._all

    def _take(self, asker: Asker) -> bool:
        """All who wait and could be served have been, so whoever comes and finds room overtakes nobody who could go."""
        if self._all >= self._most or self._held[asker] >= self._part[asker]:
            return False
        self._held[asker] += 1
        self._all += 1
        return True

    def _give_up(self, place: _Waiting) -> bool:
        """Leave the line; False where the turn has come after all."""
        with self._lock:
            if not place.has_turn:
                self._line.remove(place)
            return not place.has_turn
