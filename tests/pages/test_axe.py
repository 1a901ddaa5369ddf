"""axe objects to nothing on any page in any state, at two widths, light and dark; none is wider than its window.

Each page is loaded once a width. What axe judges there is the same in both schemes but for the colours, so these alone
are judged again in the dark.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from mimetypes import guess_type
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as portal_settings
from django.contrib.staticfiles import finders
from playwright.sync_api import Route, sync_playwright

from tests.browser.conftest import ARGUMENTS
from tests.pages.states import GERMAN, Shown, distinct, in_dialogs

AT = "http://portal.test/"
WIDTHS = (1280, 390)
ALL: dict[str, Any] = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
COLOURS: dict[str, Any] = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}


@pytest.mark.browser
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing(states: list[Shown], chromium: str, width: int) -> None:
    pages = distinct([shown for shown in states if not shown.fragment] + in_dialogs(states))
    # Playwright's event loop lives in its thread, and Django refuses its database beside one.
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(lambda: list(_judge(pages, chromium, width))).result()
    first: dict[str, str] = {}
    for name, rule, where in found:
        first.setdefault(f"{rule} {where}", f"{name}: {rule}: {where}")
    assert not first, "\n".join(first.values())


def _judge(pages: list[Shown], chromium: str, width: int) -> Iterator[tuple[str, str, str]]:
    html = {f"{AT}{number}": shown.html for number, shown in enumerate(pages)}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": 900}, java_script_enabled=True)
        page.route("**/*", lambda route: _answer(route, html))
        axe = Axe()
        for number, shown in enumerate(pages):
            page.goto(f"{AT}{number}")
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                yield shown.name, "has to be scrolled sideways", ""
            if shown.name.startswith(GERMAN):
                continue  # other words in the same elements
            for scheme, options in (("light", ALL), ("dark", COLOURS)):
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                for violation in axe.run(page, options=options).response["violations"]:
                    for node in violation["nodes"]:
                        yield f"{shown.name}, {scheme}", violation["id"], json.dumps(node["html"])[:300]
        browser.close()


def _answer(route: Route, html: dict[str, str]) -> None:
    """The pages themselves, and our static files. Nothing else is there: what htmx loads is a page of its own here."""
    url = route.request.url
    if url in html:
        route.fulfill(body=html[url], content_type="text/html; charset=utf-8")
        return
    found = finders.find(url.removeprefix(AT).removeprefix(portal_settings.STATIC_URL.lstrip("/")))
    if found and route.request.resource_type == "stylesheet":
        route.fulfill(body=Path(str(found)).read_bytes(), content_type=guess_type(str(found))[0] or "")
    else:
        route.abort()
