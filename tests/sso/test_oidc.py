"""SSO=oidc at a real OpenID provider."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from tests.canary import secrets_in
from tests.portal.conftest import words
from tests.servers import SandboxServer
from tests.sso.conftest import Person, Site, start_of
from tests.sso.provider import TIMEOUT, Provider, log_in


@pytest.fixture
def site(oidc_site: Site) -> Site:
    return oidc_site


@pytest.fixture
def person(site: Site) -> Iterator[Person]:
    person = Person(site)
    yield person
    person.browser.close()


def path_of(page: requests.Response) -> str:
    return urlsplit(page.url).path


# --- there and back ---------------------------------------------------------------------------------------------------


def test_a_person_signs_on_and_connects_their_account_and_is_where_they_wanted_to_be(person: Person) -> None:
    page = person.sign_on("sam", "/devices/?q=cold")
    assert path_of(page) == "/sign-in/"
    assert "The company's sign-on knows you as support@example.com" in words(page)
    fields = {"username": "support@example.com", "password": "demo", "next": "/devices/?q=cold"}
    landed = person.post("/sign-in/", fields, page)
    assert landed.url == f"{person.site.url}/devices/?q=cold"
    assert "Sam Okafor" in words(landed)


def test_the_provider_is_asked_as_it_should_be(person: Person, provider: Provider) -> None:
    leaving = person.get(start_of(person.get("/devices/1/timeline/")), allow_redirects=False)
    to = urlsplit(leaving.headers["Location"])
    requested = parse_qs(to.query)
    assert f"{to.scheme}://{to.netloc}" == provider.url
    assert requested["response_type"] == ["code"]
    assert requested["code_challenge_method"] == ["S256"]
    assert len(requested["code_challenge"][0]) == 43
    assert len(requested["nonce"][0]) >= 32
    assert len(requested["state"][0]) >= 32
    assert requested["scope"] == ["openid email profile"]
    assert requested["redirect_uri"] == [f"{person.site.url}/sso/callback/"]


def test_another_account_than_ones_own_is_not_connected(person: Person) -> None:
    page = person.sign_in("vera", "admin@example.com")
    assert page.status_code == 422
    assert "knows you as viewer@example.com" in words(page)
    assert path_of(person.get("/devices/")) == "/sign-in/"


def test_two_tabs_sign_on_at_once(person: Person) -> None:
    """Each attempt has its own state: the second does not invalidate the first (mozilla-django-oidc's issue 435)."""
    first = person.get(start_of(person.get("/devices/1/")))
    second = person.get(start_of(person.get("/devices/2/")))
    assert "The company's sign-on knows you as" in words(log_in(person.browser, first, "sam"))
    landed = log_in(person.browser, second, "sam")
    assert "The company's sign-on knows you as" in words(landed)
    fields = {"username": "support@example.com", "password": "demo", "next": "/devices/2/"}
    assert path_of(person.post("/sign-in/", fields, landed)) == "/devices/2/"


def test_signing_on_anew_changes_the_session_key(person: Person) -> None:
    person.sign_in("sam", "support@example.com")
    old = person.browser.cookies["session"]
    page = person.get("/devices/")
    person.post("/sign-out/", {}, page)
    person.browser.cookies.clear()
    person.browser.cookies.set("session", old)
    person.sign_in("sam", "support@example.com")
    assert person.browser.cookies.get("session", domain="127.0.0.1") != old


# --- what is refused --------------------------------------------------------------------------------------------------


def back_from_provider(person: Person, login: str) -> str:
    """The callback URL, before the browser requests it."""
    page = person.get(start_of(person.get("/devices/")))
    landed = log_in(person.browser, page, login, stop_at=f"{person.site.url}/sso/callback/")
    return landed.headers["Location"]


def changed(address: str, **params: str) -> str:
    """The URL with other parameters; empty ones are removed."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()} | params
    return f"{address.partition('?')[0]}?{urlencode({name: value for name, value in query.items() if value})}"


def visit(person: Person, address: str) -> requests.Response:
    return person.browser.get(address, timeout=TIMEOUT, allow_redirects=False)


def test_the_way_back_is_good_once(person: Person) -> None:
    address = back_from_provider(person, "sam")
    assert visit(person, address).status_code in {302, 303}
    assert visit(person, address).status_code == 400


def test_another_browser_cannot_use_the_way_back(site: Site, person: Person) -> None:
    """Login CSRF: an attacker's callback URL does not sign a victim in."""
    address = back_from_provider(person, "sam")
    victim = Person(site)
    answer = visit(victim, address)
    assert answer.status_code == 400
    assert "session" not in victim.browser.cookies
    victim.browser.close()


@pytest.mark.parametrize(
    "params",
    [
        {"state": "x" * 43},
        {"state": ""},
        {"code": "x" * 43},
        {"code": ""},
        {"iss": "https://other.example"},
        {"iss": ""},
        {"code": "", "error": "access_denied"},
        {"code": "", "error": "<script>alert(1)</script>"},
    ],
    ids=lambda params: " ".join(f"{name}={value[:12]}" for name, value in params.items()),
)
def test_an_answer_that_was_changed_on_the_way_signs_nobody_in(person: Person, params: dict[str, str]) -> None:
    answer = visit(person, changed(back_from_provider(person, "sam"), **params))
    assert answer.status_code in {400, 403}
    assert "<script>alert" not in answer.text
    assert path_of(person.get("/devices/")) == "/sign-in/"
    assert "knows you as" not in words(person.get("/sign-in/"))


def test_a_code_for_another_client_is_no_use_here(sandbox: SandboxServer, site: Site, provider: Provider) -> None:
    """A code that the provider issued to another client for the same person (mix-up)."""
    person, thief = Person(site), Person(site)
    other = provider.register({"redirect_uris": ["http://127.0.0.1:1/cb"]})
    query = {"client_id": other["client_id"], "response_type": "code", "scope": "openid", "state": "x"}
    query |= {"redirect_uri": "http://127.0.0.1:1/cb", "code_challenge_method": "S256", "code_challenge": "y" * 43}
    page = thief.browser.get(f"{provider.url}/auth?{urlencode(query)}", timeout=TIMEOUT)
    landed = log_in(thief.browser, page, "ingrid", stop_at="http://127.0.0.1:1/cb")
    code = parse_qs(urlsplit(landed.headers["Location"]).query)["code"][0]
    answer = visit(person, changed(back_from_provider(person, "sam"), code=code))
    assert answer.status_code in {400, 503}
    assert "knows you as" not in words(person.get("/sign-in/"))


def test_a_stranger_to_the_platform_gets_no_further_than_the_form(person: Person) -> None:
    page = person.sign_in("stranger", "stranger@example.org")
    assert page.status_code == 422
    assert path_of(person.get("/devices/")) == "/sign-in/"


def test_the_secrets_stand_in_no_answer_and_in_no_log(site: Site, person: Person) -> None:
    address = back_from_provider(person, "sam")
    code = parse_qs(urlsplit(address).query)["code"][0]
    pages = [visit(person, address), person.get("/sign-in/"), person.get("/nowhere/")]
    content = "".join(page.text + str(page.headers) for page in pages) + site.portal.log()
    assert site.secret not in content
    assert code not in content
    assert secrets_in(content) == set()
    assert "eyJ" not in content, "an ID token"
