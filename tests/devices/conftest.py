"""A person at the portal, signed in at the real sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from portal.auth.throttle import throttle
from portal.platform import transport
from tests import html
from tests.servers import SandboxServer

HTMX = {"HX-Request": "true"}
soup, words = html.soup, html.words


@pytest.fixture
def platform(sandbox: SandboxServer, settings: Any, db: None) -> Iterator[SandboxServer]:
    """The portal talks to the sandbox; names cached by another test are forgotten."""
    settings.PLATFORM_API_URL = sandbox.url
    settings.METAFIELDS_LIKELY = True
    cache.clear()
    throttle.cache_clear()
    transport.cache_clear()
    yield sandbox
    transport.cache_clear()


class Person(Client):
    """A signed-in browser without script. `htmx` makes the same request as htmx would."""

    def htmx(self, path: str, data: dict[str, Any] | None = None, **headers: str) -> HttpResponse:
        sent = HTMX | headers
        return self.get(path, headers=sent) if data is None else self.post(path, data, headers=sent)


SignIn = Callable[[str], Person]


@pytest.fixture
def sign_in(platform: SandboxServer) -> SignIn:
    def signed_in(name: str) -> Person:
        person = Person(raise_request_exception=True)
        person.defaults["wsgi.url_scheme"] = "https"
        answer = person.post("/sign-in/", {"username": f"{name}@example.com", "password": "demo"})
        assert answer.status_code == 303, answer.content.decode()[:2000]
        platform.clear_requests()
        return person

    return signed_in


@pytest.fixture
def admin(sign_in: SignIn) -> Person:
    return sign_in("admin")


@pytest.fixture
def support(sign_in: SignIn) -> Person:
    return sign_in("support")


@pytest.fixture
def viewer(sign_in: SignIn) -> Person:
    return sign_in("viewer")


@pytest.fixture
def owner(sign_in: SignIn) -> Person:
    return sign_in("owner")


@pytest.fixture
def platform_down(settings: Any) -> Callable[[], Any]:
    """A context in which nobody listens where the platform was."""

    @contextmanager
    def down() -> Iterator[None]:
        address = settings.PLATFORM_API_URL
        settings.PLATFORM_API_URL = "http://127.0.0.1:9"
        transport.cache_clear()
        try:
            yield
        finally:
            settings.PLATFORM_API_URL = address
            transport.cache_clear()

    return down
