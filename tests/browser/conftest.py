"""A Chromium in front of a running portal. `Watch` checks every page."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.browser.waits import TIMEOUT, arrived
from tests.portal_server import PortalServer
from tests.servers import SandboxServer

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation",
  (event) => console.error("CSP violation: " + event.violatedDirective + " " + event.blockedURI));
"""
WAIT_FOR_LOAD = """
const waits = new CSSStyleSheet();
waits.replaceSync("html { pointer-events: none !important }");
document.adoptedStyleSheets.push(waits);
addEventListener("load", () => {
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== waits);
});
"""
"""A press waits for the page's scripts. The way without script has its own tests."""
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')

expect.set_options(timeout=TIMEOUT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One per module: Playwright runs an event loop in this thread, and Django refuses its database meanwhile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def portal(sandbox: SandboxServer) -> Iterator[PortalServer]:
    server = PortalServer(sandbox)
    yield server
    server.stop()


class Watch:
    """Fails a test whose page breaks its policy, logs an error, contacts another host or throws.

    Chromium logs every 4xx and 5xx as an error; a test names the statuses and messages it expects.
    """

    def __init__(
        self, context: BrowserContext, origin: str, expected: Collection[int | str] = (), *, script: bool = True
    ) -> None:
        self.expected = expected
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self._origin = origin
        context.set_default_timeout(TIMEOUT)
        context.add_init_script(REPORT_VIOLATIONS)
        if script:
            context.add_init_script(WAIT_FOR_LOAD)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        if not any(is_about(message.text, each) for each in self.expected):
            self.errors.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "data:", "blob:")):
            self.foreign.append(request.url)

    def check(self) -> None:
        assert self.errors == []
        assert self.foreign == []


def is_about(text: str, expected: int | str) -> bool:
    """Chromium logs each response of 4xx and 5xx, then htmx does."""
    logged = ("the server responded with a status of %s", "Response Status Error Code %s ")
    return any(sentence % expected in text for sentence in logged) or (isinstance(expected, str) and expected in text)


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, portal: PortalServer) -> Iterator[Open]:
    """An empty page in a new browser profile, signed in as `user` if given. `expected` holds statuses and messages that
    the console may show. The watch is checked at the end."""
    watches: list[Watch] = []
    contexts: list[BrowserContext] = []

    def open_one(user: str = "", expected: Collection[int | str] = (), **options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 900}, "timezone_id": "Europe/Oslo"} | options
        context = browser.new_context(base_url=portal.url, **options)
        contexts.append(context)
        watch = Watch(context, portal.url, expected, script=options.get("java_script_enabled", True))
        watches.append(watch)
        page = context.new_page()
        if user:
            signed_in(context, user)
        return page

    yield open_one
    for context in contexts:
        context.close()
    for watch in watches:
        watch.check()


def signed_in(context: BrowserContext, user: str) -> None:
    """Submits the sign-in form without opening a page."""
    found = TOKEN.search(context.request.get("/sign-in/").text())
    assert found
    typed = {"username": f"{user}@example.com", "password": "demo", "csrfmiddlewaretoken": found[1]}
    answer = context.request.post("/sign-in/", form=typed, max_redirects=0)
    assert answer.status == 303, answer.status


def sign_in(page: Page, user: str, path: str = "/") -> None:
    page.goto(path)
    page.get_by_label("E-mail").fill(f"{user}@example.com")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Sign in").click()
    arrived(page, "/devices/.*")
