"""A walk over every address of the portal: who gets in, what a form needs, what a look may not do, what answers carry.

Every answer that a `Walker` gets is held against `tests/portal/headers.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import ResolverMatch
from pytest_django import Settings

from portal.middleware.access import EXEMPT
from portal.platform import transport
from portal.safe_redirects import EXCLUDED, HOME
from tests.devices import fleet
from tests.portal.addresses import ALL, HTMX, KNOWN, Address
from tests.portal.conftest import Browser, words
from tests.portal.headers import assert_headers
from tests.servers import SandboxServer

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
NO_TOKEN_ASKED: frozenset[str] = frozenset({"sso-backchannel-logout"})
"""Addresses that take a POST without a CSRF token, each for a reason of its own."""

ASKS_FOR_MORE: frozenset[str] = frozenset({"sso-start", "sso-callback"})
"""Addresses that refuse a look without parameters, or are not there without a setting."""
REFUSED = "no longer valid"
"""Words of the page about a form without its token."""

each_address = pytest.mark.parametrize("address", KNOWN, ids=lambda address: address.name)
Walker = Callable[..., "Watched"]


class Watched(Browser):
    """A browser that looks at the headers of each answer, and gets a 500 as a page."""

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        assert_headers(response, of=f"{request['REQUEST_METHOD']} {request['PATH_INFO']} {response.status_code}")
        return response


@pytest.fixture
def walker(platform: SandboxServer) -> Walker:
    """`walker("admin")`: signed in; `walker()`: signed out. The sandbox has forgotten the calls of signing in."""

    def make(user: str = "", **options: Any) -> Watched:
        browser = Watched(raise_request_exception=False, **options)
        if user:
            browser.get("/sign-in/")
            browser.defaults["HTTP_ORIGIN"] = "https://testserver"
            token = browser.cookies["__Host-csrf"].value
            assert browser.sign_in(user, csrfmiddlewaretoken=token).status_code == 303
            del browser.defaults["HTTP_ORIGIN"]
        platform.clear_requests()
        return browser

    return make


def test_every_address_can_be_walked() -> None:
    nameless = [address for address in ALL if not address.name.split(":")[-1]]
    assert nameless == [], "give these addresses a name"
    lacking = {address.name: address.unknown() for address in ALL if address.unknown()}
    assert lacking == {}, "these arguments need a sample value: add them to SAMPLES in tests/portal/addresses.py"
    assert len(ALL) >= 20


# --- signed out -------------------------------------------------------------------------------------------------------


@each_address
def test_signed_out_a_page_leads_to_sign_in_and_back(walker: Walker, platform: SandboxServer, address: Address) -> None:
    path, stranger = address.path(), walker()
    for method in METHODS:
        response = stranger.generic(method, path, QUERY_STRING="size=10")
        if path in EXEMPT:
            assert response.get("Location", "") != "/sign-in/", method
            continue
        assert response.status_code == 302, method
        to = urlsplit(response["Location"])
        assert (to.scheme, to.netloc, to.path) == ("", "", "/sign-in/"), method
        if path not in EXCLUDED | {HOME}:
            assert parse_qs(to.query) == {"next": [f"{path}?size=10"]}, method
    assert platform.requests() == []


@each_address
def test_signed_out_htmx_gets_the_banner(walker: Walker, platform: SandboxServer, address: Address) -> None:
    path, stranger = address.path(), walker()
    for method in () if path in EXEMPT else METHODS:
        response = stranger.generic(method, path, headers=HTMX)
        assert response.status_code == 401, method
        assert (response["HX-Retarget"], response["HX-Push-Url"]) == ("#session-banner", "false")
        assert "HX-Redirect" not in response
        tree = BeautifulSoup(response.content, "html.parser")
        assert tree.html is None
        assert method == "HEAD" or tree.select_one('a[href^="/sign-in/"]'), method
    assert platform.requests() == []


def test_nothing_is_exempt_that_is_no_address() -> None:
    assert {address.path() for address in KNOWN} >= EXEMPT


# --- forms ------------------------------------------------------------------------------------------------------------


@each_address
def test_without_its_token_no_form_is_taken(walker: Walker, platform: SandboxServer, address: Address) -> None:
    """Neither without any token, nor with a wrong one, nor with a good one from another site. With it, it is read."""
    person = walker("admin", enforce_csrf_checks=True)
    good, wrong = f"csrfmiddlewaretoken={person.cookies['__Host-csrf'].value}", f"csrfmiddlewaretoken={'x' * 64}"
    here, there = {"Origin": "https://testserver"}, {"Origin": "https://evil.example"}
    tries = [("", here), (wrong, here), (good, there), (good, {"Origin": "null"}), (good, {})]
    tries.append((good, {"Referer": "https://evil.example/"}))

    def send(method: str, body: str, headers: dict[str, str]) -> Any:
        return person.generic(method, address.path(), body, "application/x-www-form-urlencoded", headers=headers)

    def refused(method: str, body: str, headers: dict[str, str]) -> None:
        response = send(method, body, headers)
        assert response.status_code == 403, (method, body, headers)
        assert REFUSED in " ".join(response.content.decode().split())

    if address.name not in NO_TOKEN_ASKED:
        for method in UNSAFE:
            for body, headers in tries:
                refused(method, body, headers)
            for body, headers in tries if method == "POST" else tries[:1]:
                refused(method, body, headers | HTMX)
            for site in ("cross-site", "same-site"):
                assert send(method, good, here | {"Sec-Fetch-Site": site}).status_code == 403, (method, site)
        assert platform.requests() == []
    assert REFUSED not in words(send("POST", good, here)), "the refusals above are about the token"


# --- a look changes nothing -------------------------------------------------------------------------------------------


def rows() -> dict[str, int]:
    """How many rows each table of the portal has."""
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


@each_address
@pytest.mark.parametrize("user", ["admin", "owner"])
def test_a_look_writes_nothing_anywhere(walker: Walker, platform: SandboxServer, address: Address, user: str) -> None:
    """Not with the fields of a form in the query either."""
    person = walker(user)
    path = address.made(person if user == "admin" or not address.has_to_be_made else walker("admin"))
    fields = {"name": "Walked by", "owner": "12", "org_id": "2", "confirm": "Cold room 14 - door's sensor"}
    fields |= {"code": "door_open", "value": "1", "template_code": "TMPL2cRm01aQ9", "_method": "DELETE"}
    tricks = {"X-HTTP-Method-Override": "DELETE"}
    platform.clear_requests()
    before = rows()
    with CaptureQueriesContext(connection) as queries:
        for method in ("GET", "HEAD"):
            for headers in ({}, HTMX):
                response = person.generic(method, path, headers=headers)
                assert user != "admin" or response.status_code in {200, 302, 303, 405} or address.name in ASKS_FOR_MORE
                assert not response.wsgi_request.session.modified
        person.get(path, fields, headers=tricks)
    assert {entry["method"] for entry in platform.requests()} <= {"GET"}
    # A refusal, which `owner` meets at another's device, makes the portal forget what it had kept for them: a count.
    counts = [
        f'UPDATE "portal_auth_apigrant" SET "{count}"'
        for count in ("device_cache_version", "directory_cache_version")
        if user == "owner"
    ]
    assert [sql for query in queries if not (sql := query["sql"]).startswith(("SELECT", *counts))] == []
    assert rows() == before


# --- what every answer carries ----------------------------------------------------------------------------------------


@each_address
def test_errors_carry_the_headers_too(
    walker: Walker, settings: Settings, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong method, a missing slash, the platform down, a crash of our own."""
    person = walker("admin")
    path = address.made(person)
    for headers in ({}, HTMX):
        assert person.generic("PROPFIND", path, headers=headers).status_code == 405
        if path != "/" and path.endswith("/"):
            assert person.get(path.rstrip("/"), headers=headers).status_code in {301, 404}
    settings.PLATFORM_API_URL = "http://127.0.0.1:9"
    transport.cache_clear()
    for headers in ({}, HTMX):
        status = person.get(path, headers=headers).status_code
        assert status in {200, 302, 303, 405, 503} or address.name in ASKS_FOR_MORE

    def crash(match: ResolverMatch, index: int) -> None:
        raise RuntimeError("walked into")

    monkeypatch.setattr(ResolverMatch, "__getitem__", crash)
    for headers in ({}, HTMX):
        assert person.get(path, headers=headers).status_code == 500


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nowhere/", 404), ("/devices/0/", 404), (f"/devices/{fleet.NOBODY}/", 404), ("/devices/99999999999/", 404)],
)
@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
def test_what_is_not_there_carries_the_headers_too(walker: Walker, path: str, status: int, htmx: bool) -> None:
    assert walker("admin").get(path, headers=HTMX if htmx else {}).status_code == status


@pytest.mark.parametrize("path", ["/static/css/base.css", "/static/js/portal.js", "/static/favicon.svg"])
def test_static_files_carry_the_headers_and_no_cookie(browser: Browser, path: str) -> None:
    response = browser.get(path)
    assert response.status_code == 200
    assert_headers(response, static=True)
    assert not response.cookies
    response.close()
