"""How long things may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

Clock = Callable[[], float]


class Timeouts(NamedTuple):
    """Seconds: to connect, for one read, for a whole call, and for all calls of one page together."""

    connect: float = 3.0
    read: float = 10.0
    call: float = 15.0
    page: float = 20.0


class Deadline:
    """A moment by which something has to be done. One object may serve all calls of a page, in several threads."""

    __slots__ = ("_clock", "_ends")

    def __init__(self, seconds: float = Timeouts().page, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._ends = clock() + seconds

    def left(self) -> float:
        """Seconds left; negative when it is over."""
        return self._ends - self._clock()


class Allowance:
    """How long one call may still wait, for its own sake and for that of its page."""

    __slots__ = ("_call", "_page", "_timeouts")

    def __init__(self, call: Deadline, page: Deadline | None, timeouts: Timeouts) -> None:
        self._call = call
        self._page = page
        self._timeouts = timeouts

    def left(self) -> float:
        return self._call.left() if self._page is None else min(self._call.left(), self._page.left())

    def timeouts(self) -> tuple[float, float]:
        """For requests: to connect and to read."""
        left = max(self.left(), 0.001)
        return min(self._timeouts.connect, left), min(self._timeouts.read, left)

    def for_one_read(self) -> float:
        left = self.left()
        if left <= 0:
            raise TimeoutError("the time of the call is over")
        return min(self._timeouts.read, left)
