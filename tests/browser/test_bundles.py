"""The bundles of an installation do in a browser what their parts do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from portal.static_bundles import BUNDLES
from tests.browser.conftest import Open, Watch, sign_in
from tests.portal_server import ROOT, PortalServer
from tests.servers import SandboxServer

RULES = "[...document.styleSheets].flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText))"


@pytest.fixture
def installed(sandbox: SandboxServer, tmp_path: Path) -> Iterator[PortalServer]:
    """The portal with its own settings, after `collectstatic`."""
    static = {"STATIC_ROOT": str(tmp_path), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
    env = os.environ | static | {"ENV_FILE": "", "DEBUG": "on"}
    subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=60)
    server = PortalServer(sandbox, settings="portal.settings", extra=static)
    yield server
    server.stop()


def test_bundles_hold_the_same_rules_and_scripts(browser: Browser, open_page: Open, installed: PortalServer) -> None:
    parts = open_page()
    parts.goto("/sign-in/")
    assert parts.locator("link[rel=stylesheet]").count() == len(BUNDLES["css/all.css"])
    context = browser.new_context(base_url=installed.url)
    watch = Watch(context, installed.url)
    page = context.new_page()
    page.goto("/sign-in/")
    assert page.locator("link[rel=stylesheet]").count() == 1
    assert page.evaluate(RULES) == parts.evaluate(RULES)

    sign_in(page, "admin")
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("bench 1")
    page.keyboard.press("Enter")
    expect(page.locator("#headline")).to_contain_text("bench 1")
    page.locator("a.more").first.click()
    expect(page.locator("#row-menu")).to_be_visible()
    context.close()
    watch.check()
