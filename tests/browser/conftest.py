"""A real Chromium in front of the real portal. Every page is watched: see `Watch`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.browser.waits import NEVER, arrived
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
UNTIL_READY = """
const waits = new CSSStyleSheet();
waits.replaceSync("html { pointer-events: none !important }");
document.adoptedStyleSheets.push(waits);
addEventListener("load", () => {
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== waits);
});
"""
"""A press waits until the page's scripts are at work: what comes before takes the way without script, which has its own
tests."""
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
STATUS = re.compile(r"the server responded with a status of (\d+)")

expect.set_options(timeout=NEVER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A module's own: Playwright keeps an event loop running in this thread, and Django refuses its database then."""
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
    """What no page may do unnoticed: break its own policy, log an error, ask another host, throw.

    Chromium logs every 4xx and 5xx as an error; a test names the statuses that it means to see in `expected`.
    """

    def __init__(self, context: BrowserContext, origin: str, *, script: bool = True) -> None:
        self.expected: set[int] = set()
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self._origin = origin
        context.set_default_timeout(NEVER)
        context.add_init_script(REPORT_VIOLATIONS)
        if script:
            context.add_init_script(UNTIL_READY)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        status = STATUS.search(message.text)
        if status and int(status[1]) in self.expected:
            return
        # htmx logs each answer of 4xx and 5xx once more, naming the status.
        if "Response Status Error Code" in message.text and any(f" {s} " in message.text for s in self.expected):
            return
        self.errors.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "data:", "blob:")):
            self.foreign.append(request.url)

    def check(self) -> None:
        assert self.errors == []
        assert self.foreign == []


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, portal: PortalServer) -> Iterator[Open]:
    """An empty page in a new browser profile, signed in as `user` if one is named. `page.watch.expected` takes the
    statuses to expect. Checked at the end."""
    watches: list[Watch] = []
    contexts: list[BrowserContext] = []

    def open_one(user: str = "", **options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 900}, "timezone_id": "Europe/Oslo"} | options
        context = browser.new_context(base_url=portal.url, **options)
        contexts.append(context)
        watch = Watch(context, portal.url, script=options.get("java_script_enabled", True))
        watches.append(watch)
        page = context.new_page()
        page.watch = watch  # type: ignore[attr-defined]
        if user:
            signed_in(context, user)
        return page

    yield open_one
    for context in contexts:
        context.close()
    for watch in watches:
        watch.check()


def signed_in(context: BrowserContext, user: str) -> None:
    """As the form does it, but without opening a page."""
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
