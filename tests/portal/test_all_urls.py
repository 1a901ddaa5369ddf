"""Every URL of the portal: sign-in, CSRF, no writes on GET, and the headers of every response.

One pass over all URLs for each property. What the middleware decides before it looks at the URL is tested in all its
variants on one URL. Every response that a `Checked` browser gets is held against `tests/portal/headers.py`.
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
CSRF_EXEMPT: frozenset[str] = frozenset({"sso-backchannel-logout"})
"""URLs that take a POST without a CSRF token: it carries a signed token of the provider."""
NEEDS_PARAMETERS: frozenset[str] = frozenset({"sso-start", "sso-callback"})
"""URLs that refuse a GET without parameters, or exist only with a setting."""
CSRF_REFUSED = "no longer valid"
"""Words of the page about a form without its token."""
HERE = {"Origin": "https://testserver"}

each_address = pytest.mark.parametrize("address", KNOWN, ids=lambda address: address.name)
SignIn = Callable[..., "Checked"]


class Checked(Browser):
    """A browser that checks the headers of each response, and gets a 500 as a page."""

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        assert_headers(response, of=f"{request['REQUEST_METHOD']} {request['PATH_INFO']} {response.status_code}")
        return response


@pytest.fixture
def checked(platform: SandboxServer) -> SignIn:
    """`checked("admin")`: signed in; `checked()`: signed out. Clears the sandbox's record of the sign-in."""

    def make(user: str = "", **options: Any) -> Checked:
        browser = Checked(raise_request_exception=False, **options)
        if user:
            browser.get("/sign-in/")
            browser.defaults["HTTP_ORIGIN"] = "https://testserver"
            token = browser.cookies["__Host-csrf"].value
            assert browser.sign_in(user, csrfmiddlewaretoken=token).status_code == 303
            del browser.defaults["HTTP_ORIGIN"]
        platform.clear_requests()
        return browser

    return make


def test_every_url_has_a_name_and_sample_arguments() -> None:
    nameless = [address for address in ALL if not address.name.split(":")[-1]]
    assert nameless == [], "give these URLs a name"
    lacking = {address.name: address.unknown() for address in ALL if address.unknown()}
    assert lacking == {}, "these arguments need a sample value: add them to SAMPLES in tests/portal/addresses.py"
    assert len(ALL) >= 20


# --- signed out -------------------------------------------------------------------------------------------------------


def test_signed_out_every_page_leads_to_sign_in_and_back(checked: SignIn, platform: SandboxServer) -> None:
    browser = checked()
    for address in KNOWN:
        path = address.path()
        for method in METHODS if path == "/devices/" else ("GET", "POST"):
            response = browser.generic(method, path, QUERY_STRING="size=10")
            if path in EXEMPT:
                assert response.get("Location", "") != "/sign-in/", (address.name, method)
                continue
            assert response.status_code == 302, (address.name, method)
            to = urlsplit(response["Location"])
            assert (to.scheme, to.netloc, to.path) == ("", "", "/sign-in/"), (address.name, method)
            if path not in EXCLUDED | {HOME}:
                assert parse_qs(to.query) == {"next": [f"{path}?size=10"]}, (address.name, method)
    assert platform.requests() == []


def test_signed_out_htmx_gets_the_banner(checked: SignIn, platform: SandboxServer) -> None:
    browser = checked()
    for address in KNOWN:
        path = address.path()
        for method in () if path in EXEMPT else METHODS if path == "/devices/" else ("GET", "POST"):
            response = browser.generic(method, path, headers=HTMX)
            assert response.status_code == 401, (address.name, method)
            assert (response["HX-Retarget"], response["HX-Push-Url"]) == ("#session-banner", "false")
            assert "HX-Redirect" not in response
            tree = BeautifulSoup(response.content, "html.parser")
            assert tree.html is None
            assert method == "HEAD" or tree.select_one('a[href^="/sign-in/"]'), (address.name, method)
    assert platform.requests() == []


def test_nothing_is_exempt_that_is_no_url() -> None:
    assert {address.path() for address in KNOWN} >= EXEMPT


# --- forms ------------------------------------------------------------------------------------------------------------


def test_no_url_accepts_a_form_without_its_token(checked: SignIn, platform: SandboxServer) -> None:
    """With the token it is read, so the refusals are about the token."""
    person = checked("admin", enforce_csrf_checks=True)
    for address in KNOWN:
        if address.name not in CSRF_EXEMPT:
            for method, headers in [*((method, HERE) for method in UNSAFE), ("POST", HERE | HTMX)]:
                assert csrf_refused(submit(person, method, address.path(), "", headers)), (address.name, method)
    assert platform.requests() == []
    for address in KNOWN:
        if address.name != "sign-out":
            assert not csrf_refused(submit(person, "POST", address.path(), token_of(person), HERE)), address.name


@pytest.mark.parametrize("method", UNSAFE)
def test_a_wrong_token_or_a_foreign_origin_is_refused(checked: SignIn, platform: SandboxServer, method: str) -> None:
    person = checked("admin", enforce_csrf_checks=True)
    path, good, wrong = f"/devices/{fleet.RICH}/rename/", token_of(person), f"csrfmiddlewaretoken={'x' * 64}"
    tries = [("", HERE), (wrong, HERE), (good, {"Origin": "https://evil.example"}), (good, {"Origin": "null"})]
    tries += [(good, {}), (good, {"Referer": "https://evil.example/"})]
    for body, headers in tries:
        for htmx in ({}, HTMX):
            assert csrf_refused(submit(person, method, path, body, headers | htmx)), (body, headers)
    for site in ("cross-site", "same-site"):
        assert submit(person, method, path, good, HERE | {"Sec-Fetch-Site": site}).status_code == 403, site
    assert platform.requests() == []


def token_of(person: Browser) -> str:
    return f"csrfmiddlewaretoken={person.cookies['__Host-csrf'].value}"


def submit(person: Browser, method: str, path: str, body: str, headers: dict[str, str]) -> Any:
    return person.generic(method, path, body, "application/x-www-form-urlencoded", headers=headers)


def csrf_refused(response: Any) -> bool:
    return response.status_code == 403 and CSRF_REFUSED in words(response)


# --- GET changes nothing ----------------------------------------------------------------------------------------------


def rows() -> dict[str, int]:
    """How many rows each table of the portal has."""
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


@each_address
@pytest.mark.parametrize("user", ["admin", "owner"])
def test_get_writes_nothing(checked: SignIn, platform: SandboxServer, address: Address, user: str) -> None:
    """Not with the fields of a form in the query either."""
    person = checked(user)
    path = address.made(person if user == "admin" or not address.has_to_be_made else checked("admin"))
    fields = {"name": "Walked by", "owner": "12", "org_id": "2", "confirm": "Cold room 14 - door's sensor"}
    fields |= {"code": "door_open", "value": "1", "template_code": "TMPL2cRm01aQ9", "_method": "DELETE"}
    tricks = {"X-HTTP-Method-Override": "DELETE"}
    platform.clear_requests()
    before = rows()
    with CaptureQueriesContext(connection) as queries:
        for method in ("GET", "HEAD"):
            for headers in ({}, HTMX):
                response = person.generic(method, path, headers=headers)
                assert (
                    user != "admin" or response.status_code in {200, 302, 303, 405} or address.name in NEEDS_PARAMETERS
                )
                assert not response.wsgi_request.session.modified
        person.get(path, fields, headers=tricks)
    assert {entry["method"] for entry in platform.requests()} <= {"GET"}
    # A 403, which `owner` gets for another's device, clears the caches of their grant by raising its versions.
    versions = ["device_cache_version", "directory_cache_version"] if user == "owner" else []
    allowed = ("SELECT", *(f'UPDATE "portal_auth_apigrant" SET "{version}"' for version in versions))
    assert [sql for query in queries if not (sql := query["sql"]).startswith(allowed)] == []
    assert rows() == before


# --- the headers of every response ------------------------------------------------------------------------------------


@each_address
def test_errors_carry_the_headers_too(checked: SignIn, settings: Settings, address: Address) -> None:
    """A wrong method, a missing slash, the platform down."""
    person = checked("admin")
    path = address.made(person)
    assert person.generic("PROPFIND", path).status_code == 405
    if path != "/" and path.endswith("/"):
        assert person.get(path.rstrip("/")).status_code in {301, 404}
    settings.PLATFORM_API_URL = "http://127.0.0.1:9"
    transport.cache_clear()
    for headers in ({}, HTMX):
        status = person.get(path, headers=headers).status_code
        assert status in {200, 302, 303, 405, 503} or address.name in NEEDS_PARAMETERS


def test_a_crash_carries_the_headers_too(checked: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    person = checked("admin")

    def crash(match: ResolverMatch, index: int) -> None:
        raise RuntimeError("crash")

    monkeypatch.setattr(ResolverMatch, "__getitem__", crash)
    for headers in ({}, HTMX):
        assert person.get("/devices/", headers=headers).status_code == 500


@pytest.mark.parametrize("path", ["/nowhere/", "/devices/0/", f"/devices/{fleet.NOBODY}/", "/devices/99999999999/"])
def test_a_404_carries_the_headers_too(checked: SignIn, path: str) -> None:
    person = checked("admin")
    assert [person.get(path, headers=headers).status_code for headers in ({}, HTMX)] == [404, 404]


@pytest.mark.parametrize("path", ["/static/css/base.css", "/static/js/portal.js", "/static/favicon.svg"])
def test_static_files_carry_the_headers_and_no_cookie(browser: Browser, path: str) -> None:
    response = browser.get(path)
    assert response.status_code == 200
    assert_headers(response, static=True)
    assert not response.cookies
    response.close()
