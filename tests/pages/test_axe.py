"""axe objects to nothing on any page in any state, at two widths, light and dark; none is wider than its window.

Each page is loaded once, with its style sheets in it, into one window. axe judges the whole page at the desk's width.
On a phone and in the dark, and of colours in general, it judges what no page before had: an element of another kind, or
elsewhere, with all that stands in it. Two elements are of one kind if they, and all they stand in, have the same tags,
classes, roles and states. A page that has nothing new is passed over, but for its width if it is in German.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings as portal_settings
from django.contrib.staticfiles import finders
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import ARGUMENTS
from tests.pages.states import GERMAN, Shown, in_dialogs

AT = "http://portal.test/"
DESK, PHONE = 1280, 390
SIZES: dict[str, Any] = {"target-size": {"enabled": True}}
NO_COLOURS: dict[str, Any] = {"color-contrast": {"enabled": False}}
WHOLE: dict[str, Any] = {"rules": SIZES | NO_COLOURS}
COLOURS: dict[str, Any] = {"runOnly": ["color-contrast"]}
BOTH: dict[str, Any] = {"rules": SIZES}
NEW = "[data-new]"
MARK = """
() => {
  window.met ||= new Set();
  const said = ["type", "role", "aria-current", "aria-sort"];
  const states = ["disabled", "open", "hidden", "aria-disabled", "aria-invalid"];
  const fresh = new Set();
  const walk = (parent, above) => {
    for (const child of parent.children) {
      const values = said.map((name) => child.getAttribute(name));
      const flags = states.map((name) => child.hasAttribute(name));
      const kind = above + JSON.stringify([child.localName, [...child.classList].sort(), values, flags]);
      if (!window.met.has(kind)) {
        fresh.add(kind);
        child.dataset.new = "";
      }
      walk(child, kind);
    }
  };
  walk(document, "");
  fresh.forEach((kind) => window.met.add(kind));
  return fresh.size;
}
"""
"""Marks the elements whose kind no page before had; answers how many kinds that are."""
JUDGE = """
([within, options]) => axe
  .run(within ? { include: [[within]] } : document, { resultTypes: ["violations"], selectors: false, ...options })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => [id, html])))
"""
SHEET = re.compile(r'<link rel="stylesheet" href="([^"]+)"([^>]*)>')
SCRIPT = re.compile(r"<script\b[^>]*></script>")


@pytest.mark.browser
def test_axe_finds_nothing(states: list[Shown], chromium: str) -> None:
    pages = [shown for shown in states if not shown.fragment] + in_dialogs(states)
    # Playwright's event loop lives in its thread, and Django refuses its database beside one.
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(lambda: list(_judge(pages, chromium))).result()
    first: dict[str, str] = {}
    for name, rule, where in found:
        first.setdefault(f"{rule} {where}", f"{name}: {rule}: {where}")
    assert not first, "\n".join(first.values())


def _judge(pages: list[Shown], chromium: str) -> Iterator[tuple[str, str, str]]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(reduced_motion="reduce")
        page.route("**/*", lambda route: route.fulfill(body="", content_type="text/html"))  # nothing else is there
        page.goto(AT)
        page.evaluate(AXE_SCRIPT)
        judged = 0
        for shown in pages:
            _sized(page, DESK)
            page.set_content(_styled(shown.html))
            german = shown.name.startswith(GERMAN)
            if not german and not page.evaluate(MARK):
                continue
            judged += not german
            for width in (DESK, PHONE):
                _sized(page, width)
                if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                    yield f"{shown.name}, {width}", "has to be scrolled sideways", ""
                if german:
                    continue  # other words in the same elements
                for said, rule, html in _violations(page, width):
                    yield f"{shown.name}, {width}, {said}", rule, json.dumps(html)[:300]
        browser.close()
        assert judged > 20, "hardly a page has anything that no other has"


def _sized(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})


def _violations(page: Page, width: int) -> Iterator[tuple[str, str, str]]:
    looks: tuple[tuple[Any, str, dict[str, Any]], ...] = (("light", NEW, BOTH), ("dark", NEW, COLOURS))
    if width == DESK:
        looks = (("light", "", WHOLE), ("light", NEW, COLOURS), ("dark", NEW, COLOURS))
    for scheme, within, options in looks:
        page.emulate_media(color_scheme=scheme)
        for rule, html in page.evaluate(JUDGE, [within, options]):
            yield scheme, rule, html


def _styled(html: str) -> str:
    """With its style sheets instead of links to them, and without scripts: each is a page of its own here."""
    return SHEET.sub(lambda link: f"<style{link[2]}>{_sheet(link[1])}</style>", SCRIPT.sub("", html))


@cache
def _sheet(url: str) -> str:
    path = finders.find(url.removeprefix(portal_settings.STATIC_URL))
    assert path, url
    return Path(str(path)).read_text()
