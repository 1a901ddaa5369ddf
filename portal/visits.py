"""How many requests of one person are served at the same time, so that the other threads are for the others.

The gateway gives nobody more than their share of calls (devices/gateway/turns.py), but whoever waits for a turn there
holds one of the portal's threads, and a few dozen connections of one script would hold them all.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Visits:
    """Of one process, shared by its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def of(self, person: str, most: int) -> Iterator[bool]:
        """Whether this request is among the first `most` of this person's that are under way. If so, it counts until
        the block ends."""
        with self._lock:
            room = self._under_way[person] < most
            self._under_way[person] += room
        try:
            yield room
        finally:
            with self._lock:
                self._under_way[person] -= room
                if not self._under_way[person]:
                    del self._under_way[person]
