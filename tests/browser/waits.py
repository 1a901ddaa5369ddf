"""Ways to wait for a page. No test relies on timing.

An `expect` proves a change only if it does not hold before. Where the old page looks like the new one, `replaced` tells
them apart.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, Response, expect

TIMEOUT = 30_000
"""Milliseconds. No passing test waits this long."""
NOON = 1_800_000_000
"""Start of a `PausedClock`, seconds since 1970."""
HOUR = 3_600
_marks = itertools.count(1)


@contextmanager
def replaced(target: Locator) -> Iterator[None]:
    """Waits until the current `target` is gone, by a swap or with its page, and the new page is ready."""
    mark = f"old-{next(_marks)}"
    target.first.evaluate("(element, mark) => element.setAttribute('data-test-mark', mark)", mark)
    yield
    expect(target.page.locator(f"[data-test-mark={mark}]")).to_have_count(0)
    target.page.wait_for_load_state()


def arrived(page: Page, address: str) -> None:
    """Waits for the page whose path and query match the pattern `address`, with its scripts loaded."""
    expect(page).to_have_url(re.compile(rf"^https?://[^/?]+{address}$"))
    page.wait_for_load_state()


def until(page: Page, expression: str, argument: Any = None) -> None:
    """Waits until an expression of script is true, where no `expect` fits, as for a place on the screen."""
    page.wait_for_function(expression, arg=argument)


def stable_box(target: Locator) -> dict[str, float]:
    """Its box in px, once it is visible, still and not covered."""
    target.hover(trial=True)
    box = target.bounding_box()
    assert box
    return dict(box)


def fits(page: Page) -> None:
    """The page does not scroll sideways."""
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url


def ask(page: Page, field: Locator, words: str) -> None:
    """Types into a picker until the server replied to the whole text, not only to its beginning."""

    def last(answer: Response) -> bool:
        return parse_qs(urlsplit(answer.url).query).get("q") == [words]

    with page.expect_response(last):
        field.press_sequentially(words)


class PausedClock:
    """The clock of a page that opens next. Only `run` moves it."""

    def __init__(self, page: Page) -> None:
        self._clock = page.clock
        self._clock.install(time=NOON)
        self._clock.pause_at(NOON + HOUR)

    def run(self, seconds: float) -> None:
        """Moves the clock; everything due happens in its order."""
        self._clock.run_for(round(seconds * 1000))

    def resume(self) -> None:
        """Lets the clock run."""
        self._clock.resume()
