"""Time-outs and deadlines."""

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
    """A moment by which something has to be done. All calls of a page share one, in several threads."""

    __slots__ = ("_clock", "_ends")

    def __init__(self, seconds: float = Timeouts().page, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._ends = clock() + seconds

    def left(self) -> float:
        """Seconds left; negative when it has passed."""
        return self._ends - self._clock()


class Allowance:
    """How long one call may still wait, by its own time-out and by its page's deadline.

    `to_the_end`: once the request may have been sent, its response is awaited for as long as a call may take, whatever
    the page has left, and in one read if need be. Giving up on a change would leave its outcome unknown.
    """

    __slots__ = ("_call", "_page", "_read", "_timeouts", "to_the_end")

    def __init__(self, call: Deadline, page: Deadline | None, timeouts: Timeouts, *, to_the_end: bool = False) -> None:
        self._call = call
        self._page = page
        self._timeouts = timeouts
        self.to_the_end = to_the_end
        self._read = timeouts.call if to_the_end else timeouts.read

    def to_begin(self) -> float:
        """Seconds until the request has to be on its way."""
        return self._call.left() if self._page is None else min(self._call.left(), self._page.left())

    def left(self) -> float:
        return self._call.left() if self.to_the_end else self.to_begin()

    def timeouts(self) -> tuple[float, float]:
        """For requests: to connect and to read."""
        return min(self._timeouts.connect, max(self.to_begin(), 0.001)), min(self._read, max(self.left(), 0.001))

    def for_one_read(self) -> float:
        left = self.left()
        if left <= 0:
            raise TimeoutError("the time of the call is over")
        return min(self._read, left)
