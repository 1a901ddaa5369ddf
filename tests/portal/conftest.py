"""Browsers at the portal, which talks to the real sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from bs4 import BeautifulSoup, Tag
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from devices.core.permissions import Access
from portal.auth import grants, oauth
from portal.auth.throttle import throttle
from portal.platform import transport
from tests.portal.auth.token_endpoint import PERSON, TokenEndpoint
from tests.servers import SandboxServer

if TYPE_CHECKING:
    from tests.portal.auth.sso.idp import Idp, Person

HTMX = {"HX-Request": "true", "HX-Current-URL": "https://testserver/devices/?q=pump"}
"""The headers of an htmx request from that page."""


class Browser(Client):
    """Django's test client over https, which the portal's cookies require."""

    def generic(self, *args: Any, **kwargs: Any) -> Any:
        return super().generic(*args, **{**kwargs, "secure": True})

    def sign_in(self, user: str = "admin", password: str = "demo", **fields: str) -> Any:
        email = user if "@" in user else f"{user}@example.com"
        return self.post("/sign-in/", {"username": email, "password": password, **fields})

    def access(self, path: str = "/devices/") -> Access:
        """The permissions that a request for `path` has."""
        response: Any = self.get(path)
        access: Access = response.wsgi_request.access
        return access

    @property
    def session_cookie(self) -> str:
        morsel = self.cookies.get("__Host-session")
        return morsel.value if morsel else ""


def tree(response: Any) -> BeautifulSoup:
    """The HTML of a response, of Django's client or of `requests`."""
    body = response.getvalue() if hasattr(response, "getvalue") else response.content
    return BeautifulSoup(body, "html.parser")


def one(source: Any, css: str) -> Tag:
    """The only element that matches in a response or an element."""
    found = (source if isinstance(source, Tag) else tree(source)).select(css)
    assert len(found) == 1, f"{len(found)} elements match {css}: {words(source)[:2000]}"
    return found[0]


def words(source: Any) -> str:
    """The text of a response or an element, with white space folded."""
    return " ".join((source if isinstance(source, Tag) else tree(source)).get_text(" ").split())


@pytest.fixture
def platform(settings: Settings, fresh_sandbox: SandboxServer, db: None) -> Iterator[SandboxServer]:
    """The portal with a sandbox that is reset for each test."""
    settings.PLATFORM_API_URL = fresh_sandbox.url
    transport.cache_clear()
    cache.clear()
    throttle.cache_clear()
    yield fresh_sandbox
    transport.cache_clear()


@pytest.fixture
def browser(db: None) -> Browser:
    return Browser()


@pytest.fixture
def signed_in(platform: SandboxServer) -> Callable[..., Browser]:
    """`signed_in("viewer")`: a browser of viewer@example.com. The sandbox's record of calls is cleared."""

    def make(user: str = "admin", **options: Any) -> Browser:
        browser = Browser(**options)
        response = browser.sign_in(user)
        assert response.status_code == 303, words(response)
        platform.clear_requests()
        return browser

    return make


@pytest.fixture(scope="session")
def provider_at_work() -> Iterator[Idp]:
    from tests.portal.auth.sso.idp import running

    with running() as idp:
        yield idp


@pytest.fixture
def idp(provider_at_work: Idp, settings: Settings, platform: SandboxServer) -> Iterator[Idp]:
    """The portal with an in-process OpenID provider."""
    from portal.auth.sso import provider
    from tests.portal.auth.sso.idp import CLIENT, CLIENT_SECRET

    provider_at_work.reset()
    provider.clear_cache()
    settings.SSO = "oidc"
    settings.OIDC_ISSUER = provider_at_work.issuer
    settings.OIDC_CLIENT_ID = CLIENT
    settings.OIDC_CLIENT_SECRET = CLIENT_SECRET
    yield provider_at_work
    provider.clear_cache()


@pytest.fixture
def person(idp: Idp) -> Person:
    """A browser whose person is signed in at `idp`."""
    from tests.portal.auth.sso.idp import Person

    return Person(idp)


def calls(platform: SandboxServer, path: str) -> int:
    """How many requests for paths ending in `path` the platform received."""
    return sum(entry["path"].endswith(path) for entry in platform.requests())


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> TokenEndpoint:
    """A fake token endpoint for every refresh."""
    endpoint = TokenEndpoint()
    monkeypatch.setattr(oauth, "refresh", endpoint)
    return endpoint


@pytest.fixture
def handle(db: None, endpoint: TokenEndpoint) -> str:
    """The handle of a grant with tokens."""
    return grants.open_grant(endpoint.tokens(), PERSON)
