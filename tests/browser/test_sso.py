"""Sign-on at a provider and sign-out, in a browser that applies the policy to redirects after forms."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Watch
from tests.portal.auth.sso.idp import CLIENT, CLIENT_SECRET, Idp, running
from tests.portal_server import PortalServer
from tests.servers import SandboxServer


@pytest.fixture(scope="module")
def idp() -> Iterator[Idp]:
    with running() as idp:
        yield idp


@pytest.fixture(scope="module")
def portal(sandbox: SandboxServer, idp: Idp) -> Iterator[PortalServer]:
    """A portal that relies on the provider."""
    options = {"SSO": "oidc", "OIDC_ISSUER": idp.issuer, "OIDC_CLIENT_ID": CLIENT, "OIDC_CLIENT_SECRET": CLIENT_SECRET}
    server = PortalServer(sandbox, extra=options)
    yield server
    server.stop()


@pytest.fixture
def page(browser: Browser, portal: PortalServer) -> Iterator[Page]:
    context = browser.new_context(base_url=portal.url)
    watch = Watch(context, portal.url)
    yield context.new_page()
    context.close()
    assert watch.errors == [], "nothing that the policy forbids, and no error"


def connect(page: Page) -> None:
    """Connects the account on the platform. Its e-mail is filled in."""
    expect(page.get_by_label("E-mail")).to_have_value("viewer@example.com")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Sign in").click()


def test_sign_on_and_sign_out_at_both(page: Page, portal: PortalServer, idp: Idp) -> None:
    page.goto("/devices/?q=cold")
    connect(page)
    page.wait_for_url("**/devices/?q=cold")
    page.locator(".bar .menu-button").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    expect(page).to_have_url(f"{portal.url}/sign-in/")
    assert idp.count("/end") == 1
    expect(page.get_by_role("link", name="Continue to the sign-on")).to_be_visible()
    page.goto("/devices/")
    expect(page.get_by_label("Password")).to_be_visible()


def test_form_of_a_signed_out_user_leads_to_the_sign_on(page: Page, idp: Idp) -> None:
    """A search is a form too: the browser would silently drop a redirect to the provider."""
    page.goto("/devices/")
    connect(page)
    page.wait_for_url(re.compile("/devices/$"))
    page.context.clear_cookies()
    page.locator("#find").fill("cold")
    page.locator("#find").press("Enter")
    connect(page)
    page.wait_for_url("**/devices/?q=cold")
