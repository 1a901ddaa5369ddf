"""One page of a list."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Items of one page. `number` is 0-based as on the wire; `total` is None if the API left it out.

    `repeated`: how many items the response repeated, by their id; each is in `items` once.
    """

    items: tuple[T, ...]
    number: int
    size: int
    total: int | None = None
    repeated: int = 0

    @property
    def first(self) -> int:
        """1-based position of the first item among all, 0 for an empty page."""
        return self.number * self.size + 1 if self.items else 0

    @property
    def last(self) -> int:
        """1-based position of the last item among all, 0 for an empty page."""
        return self.number * self.size + self.received if self.items else 0

    @property
    def received(self) -> int:
        """How many items the response had."""
        return len(self.items) + self.repeated

    @property
    def count(self) -> int | None:
        """How many pages there are (at least 1); None if the total is not known."""
        return None if self.total is None else max(1, -(-self.total // self.size))

    @property
    def has_next(self) -> bool:
        """Whether to link to a next page. Without a total, a full page means that there may be one."""
        if self.count is None:
            return self.received >= self.size
        return self.number + 1 < self.count

    @property
    def has_previous(self) -> bool:
        return self.number > 0
