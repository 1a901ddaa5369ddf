"""Bulkhead: limits how many calls run at the same time, so that no person and no kind of work takes all slots."""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from devices.gateway.resilience.limits import Priority


@dataclass(slots=True, eq=False)
class _Waiter:
    priority: Priority
    person: str
    event: threading.Event = field(default_factory=threading.Event)
    admitted: bool = False


class Bulkhead:
    """Slots of one process, shared by its threads, with a first-in-first-out queue.

    The policy limits calls to the platform with one; the access middleware limits the requests of one person with
    another, because a request that waits for a call also occupies a thread of the portal.

    `capacity`: slots in all. `per_priority`: slots for calls of a priority. `per_user`: slots for one person. Waiters
    over a limit of their own let the others pass. `max_queued_per_user`: waiters of one person, jobs not counted: a
    receipt is one request with many calls.

    The release of a slot admits the next waiters under the same lock, so a newcomer cannot jump the queue.
    """

    def __init__(
        self,
        *,
        per_user: int,
        capacity: float = math.inf,
        per_priority: Mapping[Priority, int] | None = None,
        max_queued_per_user: int = 0,
    ) -> None:
        self._capacity = capacity
        self._per_priority = per_priority or {}
        self._per_user = per_user
        self._max_queued_per_user = max_queued_per_user
        self._lock = threading.Lock()
        self._in_use = 0
        self._by_priority: Counter[Priority] = Counter()
        self._by_person: Counter[str] = Counter()
        self._queued_by_person: Counter[str] = Counter()
        self._queue: deque[_Waiter] = deque()

    @contextmanager
    def slot(self, person: str = "", priority: Priority = Priority.PERSON, wait: float = 0.0) -> Iterator[bool]:
        """Hold a slot in the block; yields False if none is free within `wait` s. Nobody in particular has no limit."""
        admitted = self._acquire(person, priority, wait)
        try:
            yield admitted
        finally:
            if admitted:
                self._release(person, priority)

    def in_use(self) -> int:
        return self._in_use

    def queued(self) -> int:
        return len(self._queue)

    def tracked_people(self) -> int:
        """How many people it counts for: none that has neither a slot nor a place in the queue."""
        return len(self._by_person.keys() | self._queued_by_person.keys())

    def user_limit_reached(self, person: str) -> bool:
        """Whether this person's own calls, and not those of others, are in the way."""
        return self._by_person[person] >= self._per_user

    def _acquire(self, person: str, priority: Priority, wait: float) -> bool:
        with self._lock:
            if self._admit(person, priority):
                return True
            if wait <= 0:
                return False
            if priority is not Priority.JOB and self._queued_by_person[person] >= self._max_queued_per_user:
                return False
            waiter = _Waiter(priority, person)
            self._queue.append(waiter)
            self._count_queued(waiter, 1)
        try:
            waiter.event.wait(wait)
        except BaseException:  # an interrupted thread must not keep a slot that it was given meanwhile
            if not self._leave_queue(waiter):
                self._release(person, priority)
            raise
        return not self._leave_queue(waiter)

    def _release(self, person: str, priority: Priority) -> None:
        with self._lock:
            self._in_use -= 1
            self._by_priority[priority] -= 1
            if person:
                _add(self._by_person, person, -1)
            for waiter in list(self._queue):
                if self._in_use >= self._capacity:
                    break
                if self._admit(waiter.person, waiter.priority):
                    self._dequeue(waiter)
                    waiter.admitted = True
                    waiter.event.set()

    def _admit(self, person: str, priority: Priority) -> bool:
        """Take a free slot. Every waiter that could run has already been admitted, so this never jumps the queue."""
        if self._in_use >= self._capacity:
            return False
        if self._by_priority[priority] >= self._per_priority.get(priority, math.inf):
            return False
        if person:
            if self._by_person[person] >= self._per_user:
                return False
            self._by_person[person] += 1
        self._by_priority[priority] += 1
        self._in_use += 1
        return True

    def _leave_queue(self, waiter: _Waiter) -> bool:
        """False if the waiter was admitted after all."""
        with self._lock:
            if not waiter.admitted:
                self._dequeue(waiter)
            return not waiter.admitted

    def _dequeue(self, waiter: _Waiter) -> None:
        self._queue.remove(waiter)
        self._count_queued(waiter, -1)

    def _count_queued(self, waiter: _Waiter, by: int) -> None:
        if waiter.person and waiter.priority is not Priority.JOB:
            _add(self._queued_by_person, waiter.person, by)


def _add(counts: Counter[str], person: str, by: int) -> None:
    counts[person] += by
    if not counts[person]:
        del counts[person]
