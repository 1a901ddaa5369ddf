"""A real OpenID provider, and the portal behind a real sign-on proxy."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import requests

from tests.portal.conftest import one, tree
from tests.portal_server import PortalServer
from tests.servers import SandboxServer
from tests.services import HOST, free_port
from tests.sso.apache import Apache
from tests.sso.provider import TIMEOUT, Provider, browse, log_in

GROUPS = {
    "portal-admins": ["*", "PORTAL_AUDIT", "PORTAL_ADMIN"],
    "portal-support": ["ORG_DEVICES_VIEW", "ORG_DEVICES_EDIT"],
    "portal-viewers": ["ORG_DEVICES_VIEW"],
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/sso/" in str(item.path):
            item.add_marker(pytest.mark.sso)


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    server = Provider()
    yield server
    server.stop()


class Site(NamedTuple):
    """The portal at its public `url`; `portal` is the server itself, `secret` the proxy's secret."""

    url: str
    portal: PortalServer
    secret: str = ""


@contextmanager
def running(sandbox: SandboxServer, environment: dict[str, str], port: int = 0) -> Iterator[PortalServer]:
    portal = PortalServer(sandbox, extra=environment, port=port)
    try:
        yield portal
    finally:
        portal.stop()


@contextmanager
def behind_proxy(sandbox: SandboxServer, provider: Provider, **more: str) -> Iterator[Site]:
    """The portal with SSO=header, and Apache in front of it. `more`: further environment variables."""
    port, secret = free_port(), secrets.token_urlsafe(32)
    environment = {
        "SSO": "header",
        "SSO_HEADER": "X-Forwarded-User",
        "SSO_GROUPS_HEADER": "X-Forwarded-Groups",
        "SSO_HEADER_SECRET": secret,
        "SSO_TRUSTED_PEERS": HOST,
        "ACCESS_GROUPS": json.dumps(GROUPS),
    }
    url = f"http://{HOST}:{port}"
    client = provider.register({"redirect_uris": [f"{url}/proxy/callback"]})
    with running(sandbox, environment | more) as portal:
        apache = Apache(port, portal=portal.url, issuer=provider.url, client=client, secret=secret)
        try:
            yield Site(url, portal, secret)
        finally:
            apache.stop()


@contextmanager
def beside_provider(sandbox: SandboxServer, provider: Provider, **more: str) -> Iterator[Site]:
    """The portal with SSO=oidc. `more`: further environment variables."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    client = provider.register_portal(url)
    environment = {
        "SSO": "oidc",
        "OIDC_ISSUER": provider.url,
        "OIDC_CLIENT_ID": client["client_id"],
        "OIDC_CLIENT_SECRET": client["client_secret"],
        "ACCESS_GROUPS": json.dumps(GROUPS),
    }
    with running(sandbox, environment | more, port) as portal:
        yield Site(url, portal, client["client_secret"])


@pytest.fixture(scope="session")
def oidc_site(sandbox: SandboxServer, provider: Provider) -> Iterator[Site]:
    """Shared by the modules that do not change it."""
    with beside_provider(sandbox, provider) as site:
        yield site


class Person:
    """A browser at a site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.browser = browse()

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.browser.get(self.site.url + path, timeout=TIMEOUT, **options)

    def post(self, path: str, fields: dict[str, str], form: requests.Response, **options: Any) -> requests.Response:
        """Send `fields` with the CSRF token of the page `form`."""
        token = tree(form).select("input[name=csrfmiddlewaretoken]")[0]  # the page may have several forms
        data = {"csrfmiddlewaretoken": str(token["value"]), **fields}
        return self.browser.post(self.site.url + path, data, timeout=TIMEOUT, **options)

    def sign_on(self, login: str, path: str = "/devices/") -> requests.Response:
        """Request a page and sign in at the provider; returns the final page."""
        page = self.get(path)
        if urlsplit(page.url).path == "/sign-in/":
            page = self.get(start_of(page))
        return log_in(self.browser, page, login)

    def sign_in(self, login: str, email: str, path: str = "/devices/") -> requests.Response:
        """Sign in at the provider, and connect the platform account."""
        page = self.sign_on(login, path)
        fields = {"username": email, "password": "demo", "next": path}
        return self.post("/sign-in/", fields, page)


def start_of(page: requests.Response) -> str:
    """The sign-in page's link to the provider."""
    return str(one(page, "a[href^='/sso/start/']")["href"])
