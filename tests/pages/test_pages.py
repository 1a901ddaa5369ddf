"""Every page in every state: the Nu HTML checker and axe find nothing wrong, no page is wider than its window."""

from __future__ import annotations

import json
import re
import subprocess
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
from tests.npm import installed
from tests.pages.states import GERMAN, Shown, in_dialogs
from tests.services import java_path

HERE = Path(__file__).resolve().parent
CHECKS_WITHIN = 180  # seconds
HTMX = r".*Attribute .hx-.*"
"""htmx's attributes, which no standard has."""
AT = "http://portal.test/"
DESK, PHONE = 1280, 390
NO_CONTRAST: dict[str, Any] = {"rules": {"target-size": {"enabled": True}, "color-contrast": {"enabled": False}}}
CONTRAST: dict[str, Any] = {"runOnly": ["color-contrast"]}
NEW = "[data-new]"
RUNS: dict[int, tuple[tuple[Any, str, dict[str, Any]], ...]] = {
    DESK: (("light", "", NO_CONTRAST), ("light", NEW, CONTRAST), ("dark", NEW, CONTRAST)),
    PHONE: (("light", NEW, NO_CONTRAST),),
}
"""Width -> colour scheme, which part of the page, and axe's options: colours do not depend on the width."""
MARK_NEW = """
() => {
  window.seen ||= new Set();
  const attributes = ["type", "role", "aria-current", "aria-sort"];
  const flags = ["disabled", "open", "hidden", "aria-disabled", "aria-invalid"];
  const added = new Set();
  const visit = (parent, above) => {
    for (const child of parent.children) {
      const values = attributes.map((name) => child.getAttribute(name));
      const set = flags.map((name) => child.hasAttribute(name));
      const kind = above + JSON.stringify([child.localName, [...child.classList].sort(), values, set]);
      if (!window.seen.has(kind)) {
        added.add(kind);
        child.dataset.new = "";
      }
      visit(child, kind);
    }
  };
  visit(document, "");
  added.forEach((kind) => window.seen.add(kind));
  return added.size;
}
"""
"""Marks the elements of a kind that no earlier page had; returns the number of new kinds. Elements are of one kind if
they and all their ancestors have the same tag, classes, role and states."""
RUN_AXE = """
([within, options]) => axe
  .run(within ? { include: [[within]] } : document, { resultTypes: ["violations"], selectors: false, ...options })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => [id, html])))
"""
SHEET = re.compile(r'<link rel="stylesheet" href="([^"]+)"([^>]*)>')
SCRIPT = re.compile(r"<script\b[^>]*></script>")


@pytest.mark.pages
def test_the_html_checker_finds_no_error(states: list[Shown], tmp_path: Path) -> None:
    assert len(states) > 200
    for number, shown in enumerate(states):
        (tmp_path / f"{number}.html").write_text(shown.whole())
    errors = {
        (states[int(Path(one["url"]).stem)].name, _without_values(one["message"]), one.get("extract", ""))
        for one in _check(tmp_path)
    }
    first: dict[str, str] = {}
    for name, message, extract in sorted(errors):
        first.setdefault(message, f"{name}: {message}: {extract}")
    assert not first, "\n".join(first.values())


def _check(folder: Path) -> list[dict[str, str]]:
    """The checker's messages of type error about the files in `folder`."""
    jar = installed(HERE, "html-checker") / "node_modules/vnu-jar/build/dist/vnu.jar"
    options = ["--errors-only", "--format", "json", "--filterpattern", HTMX]
    command = [str(java_path()), "-Xss2m", "-jar", str(jar), *options, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CHECKS_WITHIN, check=False)
    messages: list[dict[str, str]] = json.loads(done.stderr)["messages"]
    return messages


def _without_values(message: str) -> str:
    return re.sub(r"“[^”]*\d[^”]*”", "“…”", message)


@pytest.mark.browser
def test_axe_finds_nothing(states: list[Shown], chromium: str) -> None:
    """Of each page that has elements of a new kind: the whole page at a desk's width, the new elements on a phone and
    in both colour schemes. German pages have longer words in the same elements: only their width is checked."""
    pages = [shown for shown in states if not shown.fragment] + in_dialogs(states)
    # Playwright's event loop runs in its thread, and Django refuses its database beside one.
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(lambda: list(_violations(pages, chromium))).result()
    first: dict[str, str] = {}
    for name, rule, where in found:
        first.setdefault(f"{rule} {where}", f"{name}: {rule}: {where}")
    assert not first, "\n".join(first.values())


def _violations(pages: list[Shown], chromium: str) -> Iterator[tuple[str, str, str]]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(reduced_motion="reduce")
        page.route("**/*", lambda route: route.fulfill(body="", content_type="text/html"))
        page.goto(AT)
        page.evaluate(AXE_SCRIPT)
        checked = 0
        for shown in pages:
            _resize(page, DESK)
            page.set_content(_inlined(shown.html))
            german = shown.name.startswith(GERMAN)
            if not german and not page.evaluate(MARK_NEW):
                continue
            checked += not german
            for width, runs in RUNS.items():
                _resize(page, width)
                if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                    yield f"{shown.name}, {width}", "wider than its window", ""
                for scheme, within, options in () if german else runs:
                    page.emulate_media(color_scheme=scheme)
                    for rule, html in page.evaluate(RUN_AXE, [within, options]):
                        yield f"{shown.name}, {width}, {scheme}", rule, json.dumps(html)[:300]
        browser.close()
        assert checked > 20, "hardly any page has elements of a new kind"


def _resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})


def _inlined(html: str) -> str:
    """With its style sheets in it, and without scripts."""
    return SHEET.sub(lambda link: f"<style{link[2]}>{_sheet(link[1])}</style>", SCRIPT.sub("", html))


@cache
def _sheet(url: str) -> str:
    path = finders.find(url.removeprefix(portal_settings.STATIC_URL))
    assert path, url
    return Path(str(path)).read_text()
