"""Ways to wait for a page. A machine under load is slow, not wrong: no test relies on what comes first.

An `expect` only proves that something has come if it does not hold before: where the old page says the same as the new
one, `replaced` tells them apart.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, Response, expect

NEVER = 30_000
"""Milliseconds after which something is taken never to come. No test that passes waits for their end."""
NOON = 1_800_000_000
"""When the clocks that `StoppedClock` stops begin, seconds since 1970."""
HOUR = 3_600
_marks = itertools.count(1)


@contextmanager
def replaced(target: Locator) -> Iterator[None]:
    """Until the element that is `target` now is gone: swapped for another, or its whole page with it. The new page is
    ready for whatever is pressed then."""
    mark = f"old-{next(_marks)}"
    target.first.evaluate("(element, mark) => element.setAttribute('data-test-mark', mark)", mark)
    yield
    expect(target.page.locator(f"[data-test-mark={mark}]")).to_have_count(0)
    target.page.wait_for_load_state()


def arrived(page: Page, address: str) -> None:
    """On the page whose path and query match the pattern `address` to the end; its scripts are at work."""
    expect(page).to_have_url(re.compile(rf"^https?://[^/?]+{address}$"))
    page.wait_for_load_state()


def until(page: Page, expression: str, argument: Any = None) -> None:
    """Until an expression of script is true: for what no `expect` can say, like a place on the screen."""
    page.wait_for_function(expression, arg=argument)


def settled_size(target: Locator) -> dict[str, float]:
    """Its box, px, once it is to be seen, stands still and lies under nothing else."""
    target.hover(trial=True)
    box = target.bounding_box()
    assert box
    return dict(box)


def fits(page: Page) -> None:
    """Nothing has to be scrolled sideways."""
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url


def ask(page: Page, field: Locator, words: str) -> None:
    """Type into a field that asks the server, until it has answered the whole of it. Whoever types slowly has had
    answers to the beginning before; what shows them goes when the next one is asked for."""

    def last(answer: Response) -> bool:
        return parse_qs(urlsplit(answer.url).query).get("q") == [words]

    with page.expect_response(last):
        field.press_sequentially(words)


class StoppedClock:
    """The clock of a page that is to be opened: it stands still but for `run`, however long the test takes."""

    def __init__(self, page: Page) -> None:
        self._clock = page.clock
        self._clock.install(time=NOON)
        self._clock.pause_at(NOON + HOUR)

    def run(self, seconds: float) -> None:
        """Everything due until then happens, in its order."""
        self._clock.run_for(round(seconds * 1000))

    def resume(self) -> None:
        """Let it go on by itself."""
        self._clock.resume()
