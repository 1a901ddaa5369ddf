"""Links to the other pages of a list. Pages are 1-based in addresses, 0-based in the gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from devices.core.formatting import number
from devices.gateway.pagination import Page


class Step(NamedTuple):
    number: int
    url: str
    current: bool


class Pager(NamedTuple):
    """`steps` has None for a gap. `beyond`: the address of the last page if this one does not exist, else empty."""

    number: int
    first: int
    last: int
    total: str
    previous: str
    next: str
    steps: list[Step | None]
    beyond: str
    last_number: int


def pager(page: Page[Any], url_of: Callable[[int], str]) -> Pager:
    """Links of one page of a list; `url_of` takes a 1-based page number."""
    here = page.number + 1
    count = page.count
    beyond = bool(page.number and not page.items)
    last_number = count or (here if page.items else 1)
    return Pager(
        number=here,
        first=page.first,
        last=page.last,
        total="" if page.total is None else number(page.total),
        previous=url_of(min(page.number, last_number)) if page.has_previous else "",
        next=url_of(here + 1) if page.has_next else "",
        steps=[] if count is None or count < 2 else _steps(here, count, url_of),
        beyond=url_of(last_number) if beyond else "",
        last_number=last_number,
    )


def _steps(current: int, count: int, url_of: Callable[[int], str]) -> list[Step | None]:
    """First, last and two around the current page, with gaps: 1 … 6 7 8 9 10 … 100."""
    wanted = sorted({1, count, *range(max(1, current - 2), min(count, current + 2) + 1)})
    steps: list[Step | None] = []
    for before, here in zip([0, *wanted], wanted, strict=False):
        if here - before > 1:
            steps.append(None)
        steps.append(Step(here, url_of(here), here == current))
    return steps
