"""Largest contentful paint and layout shift in a real browser: `python -m bench.vitals`, a part of `make bench`.

Each page gets five visits on loopback by a signed-in person without a browser cache. The paint is compared with the
time to first byte of the same visit, so that a slow machine moves both; a figure is the median of the visits. The tab
is already open, as a person's is. The time in a new tab is printed without a bound: the browser starts a process for
it, which takes some 100 ms on two cores for an empty page too.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from bench.pages import VISIT_BOUND
from tests.services import free_port
from tools.demo import Demo
from tools.processes import HOST, chromium_path
from tools.tour import FLAGS, sign_in

PAGES = ("/devices/", "/devices/1/", "/devices/1/timeline/", "/devices/1/metafields/", "/preferences/")
VISITS = 5
SHIFT_AT_MOST = 0.02
PAINT_AT_MOST = 1.3, 150.0
"""Times the time to first byte, and ms on top."""

WATCH = """
window.vitals = {shift: 0, paint: 0};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.vitals.shift += entry.value;
}).observe({type: "layout-shift", buffered: true});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.vitals.paint = entry.startTime;
}).observe({type: "largest-contentful-paint", buffered: true});
"""
READ = """() => {
  const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  const code = all.filter((entry) => ["navigation", "link", "script", "css"].includes(entry.initiatorType));
  const bytes = code.reduce((sum, entry) => sum + entry.transferSize, 0);
  return {...window.vitals, bytes, firstByte: all[0].responseStart};
}"""


class Vitals(NamedTuple):
    """Layout shift (no unit), largest contentful paint and time to first byte (ms), bytes transferred."""

    shift: float
    paint: float
    first_byte: float
    bytes: int

    @property
    def allowed(self) -> float:
        return PAINT_AT_MOST[0] * self.first_byte + PAINT_AT_MOST[1]


def visit(page: Page, path: str) -> Vitals:
    """Open a page in a tab of `Person.tab`, and wait until everything has loaded."""
    page.goto(path, wait_until="networkidle")
    read = page.evaluate(READ)
    return Vitals(read["shift"], read["paint"], read["firstByte"], read["bytes"])


class Person:
    """A signed-in person in one browser. Every tab starts without a cache."""

    def __init__(self, browser: Browser, base: str) -> None:
        self.browser, self.base = browser, base
        context = browser.new_context()
        sign_in(context.new_page(), base)
        self.storage = context.storage_state()
        context.close()

    @contextmanager
    def tab(self) -> Iterator[Page]:
        context = self.browser.new_context(base_url=self.base, storage_state=self.storage)
        context.add_init_script(WATCH)
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        devtools.send("Network.enable")
        devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
        yield page
        context.close()

    def visits(self, path: str, times: int = VISITS) -> list[Vitals]:
        """In an open tab, from another page of the portal."""
        with self.tab() as page:
            found = []
            for _ in range(times + 1):
                visit(page, "/about/")
                found.append(visit(page, path))
            return found[1:]  # the first one warms the server up

    def new_tabs(self, path: str, times: int = VISITS) -> list[Vitals]:
        """Each in a new tab."""
        found = []
        for _ in range(times):
            with self.tab() as page:
                found.append(visit(page, path))
        return found


def middle(visits: list[Vitals]) -> Vitals:
    return Vitals(*(median(values) for values in zip(*visits, strict=True)))  # type: ignore[arg-type]


def report(base: str) -> bool:
    """Prints a line for each page; returns whether all are within their bounds."""
    right = True
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        person = Person(browser, base)
        print(f"{'page':<24}{'first byte':>12}{'paint':>9}{'at most':>9}{'shift':>8}{'bytes':>8}{'new tab':>10}")
        for path in PAGES:
            found, fresh = middle(person.visits(path)), middle(person.new_tabs(path))
            bad = found.paint > found.allowed or found.shift > SHIFT_AT_MOST or found.bytes > VISIT_BOUND
            right &= not bad
            print(
                f"{path:<24}{found.first_byte:>9.0f} ms{found.paint:>6.0f} ms{found.allowed:>6.0f} ms"
                f"{found.shift:>8.3f}{found.bytes:>8.0f}{fresh.paint:>7.0f} ms{'  TOO MUCH' if bad else ''}"
            )
        browser.close()
    return right


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="vitals-") as folder:
        demo = Demo(free_port(), free_port(), 300, Path(folder))
        try:
            demo.open()
            return 0 if report(f"http://{HOST}:{demo.port}") else 1
        finally:
            demo.end()


if __name__ == "__main__":
    sys.exit(main())
