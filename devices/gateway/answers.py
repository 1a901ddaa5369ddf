"""Answers of the API that are kept for a while: which, for whom, and for how long."""

from __future__ import annotations

from typing import NamedTuple


class Stale(NamedTuple):
    """An old answer that was given because no new one could be read. `operation`: the name of the Gateway's method.
    `read_at`: when it was read (seconds since 1970).
    """

    operation: str
    read_at: float


class Answers:
    """The kept answers of one person."""
