"""SSO=header behind Debian's Apache with mod_auth_openidc and a real OpenID provider."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.portal.conftest import words
from tests.servers import SandboxServer
from tests.sso.conftest import Person, Site, behind_proxy, running
from tests.sso.provider import TIMEOUT, Provider, browse


@pytest.fixture(scope="module")
def site(sandbox: SandboxServer, provider: Provider) -> Iterator[Site]:
    with behind_proxy(sandbox, provider) as site:
        yield site


@pytest.fixture
def person(site: Site) -> Iterator[Person]:
    person = Person(site)
    yield person
    person.browser.close()


def test_a_person_signs_on_at_the_company_and_connects_their_account(person: Person) -> None:
    page = person.sign_on("sam", "/devices/?q=cold")
    assert urlsplit(page.url).path == "/sign-in/"
    assert "The company's sign-on knows you as support@example.com" in words(page)
    fields = {"username": "support@example.com", "password": "demo", "next": "/devices/?q=cold"}
    landed = person.post("/sign-in/", fields, page)
    assert landed.url == f"{person.site.url}/devices/?q=cold"
    assert "Sam Okafor" in words(landed)


def test_through_the_proxy_a_change_is_made(person: Person, fresh_sandbox: SandboxServer) -> None:
    person.sign_in("sam", "support@example.com")
    form = person.get("/devices/1/rename/")
    done = person.post("/devices/1/rename/", {"name": "Cold room 15"}, form)
    assert done.status_code == 200
    assert fresh_sandbox.get("/device", deviceId=1).json()["name"] == "Cold room 15"


def test_another_account_than_ones_own_is_not_connected(person: Person) -> None:
    page = person.sign_in("vera", "admin@example.com")
    assert page.status_code == 422
    assert "knows you as viewer@example.com" in words(page)


def test_signing_out_ends_the_old_cookie(person: Person) -> None:
    page = person.sign_in("vera", "viewer@example.com")
    cookies = person.browser.cookies.copy()
    person.post("/sign-out/", {}, page)
    person.browser.cookies = cookies
    assert urlsplit(person.get("/devices/").url).path == "/sign-in/"


def test_somebody_else_at_the_proxy_does_not_go_on_in_the_session(site: Site, person: Person) -> None:
    person.sign_in("sam", "support@example.com")
    other = Person(site)
    other.sign_on("vera")
    other.browser.cookies.set("session", person.browser.cookies["session"], domain="127.0.0.1", path="/")
    page = other.get("/devices/")
    assert urlsplit(page.url).path == "/sign-in/"
    assert "Sam Okafor" not in page.text
    assert urlsplit(person.get("/devices/").url).path == "/sign-in/", "whoever tried ended the session"


def test_without_a_sign_on_a_page_leads_to_the_provider_and_htmx_gets_401(site: Site, provider: Provider) -> None:
    with browse() as nobody:
        page = nobody.get(f"{site.url}/devices/", timeout=TIMEOUT, allow_redirects=False)
        assert page.status_code == 302
        assert page.headers["Location"].startswith(f"{provider.url}/auth?")
        assert "code_challenge_method=S256" in page.headers["Location"]
        for path in ("/devices/", "/devices/1/timeline/", "/sign-in/"):
            answer = nobody.get(site.url + path, headers={"HX-Request": "true"}, timeout=TIMEOUT, allow_redirects=False)
            assert answer.status_code == 401, path
            assert "Location" not in answer.headers


ADMIN = "admin@example.com"
SPOOFS = [
    {"X-Forwarded-User": ADMIN},
    {"X_Forwarded_User": ADMIN},
    {"X-Forwarded_User": ADMIN},
    {"x-forwarded-user": ADMIN},
    {"X_FORWARDED_USER": ADMIN},
    {"Http-X-Forwarded-User": ADMIN},
    {"X-Forwarded-User": ADMIN, "X_Forwarded_User": ADMIN},
    {"X-Forwarded-User": ADMIN, "Connection": "X-Forwarded-User, X-Portal-Secret"},
    {"Remote-User": ADMIN, "Remote_User": ADMIN, "X-Remote-User": ADMIN, "OIDC_CLAIM_email": ADMIN},
    {"X-Forwarded-User": ADMIN, "X-Portal-Secret": "guessed", "X-Forwarded-For": "127.0.0.1"},
]
by_spoof = pytest.mark.parametrize("spoof", SPOOFS, ids=" ".join)


@by_spoof
def test_a_spoofed_header_through_the_proxy_changes_nothing(
    person: Person, provider: Provider, spoof: dict[str, str]
) -> None:
    page = person.get("/devices/", headers=spoof, allow_redirects=False)
    assert page.status_code == 302, "not signed on: to the provider, whatever was sent"
    assert page.headers["Location"].startswith(provider.url)
    person.sign_on("vera")
    page = person.get("/sign-in/", headers=spoof)
    if page.status_code == 200:
        assert "The company's sign-on knows you as viewer@example.com" in words(page)
    else:
        assert page.status_code == 403, "the proxy's own headers were cut off on the way"
    assert ADMIN not in page.text


@by_spoof
def test_a_signed_in_person_stays_who_they_are(person: Person, spoof: dict[str, str]) -> None:
    person.sign_in("vera", "viewer@example.com")
    page = person.get("/devices/", headers=spoof)
    assert page.status_code in {200, 403}
    assert ADMIN not in page.text
    if page.status_code == 200:
        assert "Vera Lind" in words(page)


@by_spoof
def test_straight_to_the_server_no_header_helps(site: Site, spoof: dict[str, str]) -> None:
    """Without the proxy's secret, with a wrong one, or with the right one under another header name."""
    with browse() as thief:
        for path in ("/", "/sign-in/", "/devices/", "/devices/1/"):
            for secret in ({}, {"X-Portal-Secret": "x" * 43}, {"X_Portal_Secret": site.secret}):
                address = site.portal.url + path
                answer = thief.get(address, headers=spoof | secret, timeout=TIMEOUT, allow_redirects=False)
                assert answer.status_code == 403, path
                assert ADMIN not in answer.text
                assert "session" not in answer.cookies


def test_the_stolen_session_of_somebody_opens_nothing_straight_at_the_server(site: Site, person: Person) -> None:
    person.sign_in("sam", "support@example.com")
    with browse() as thief:
        thief.cookies.update(person.browser.cookies)
        answer = thief.get(f"{site.portal.url}/devices/", timeout=TIMEOUT, allow_redirects=False)
    assert answer.status_code == 403
    assert person.get("/devices/").status_code == 200, "and that ended nobody's session"


def test_the_secret_from_elsewhere_than_the_proxy_is_not_enough(sandbox: SandboxServer, site: Site) -> None:
    sent = {"X-Portal-Secret": site.secret, "X-Forwarded-User": ADMIN}
    environment = {name: value for name, value in site.portal.env.items() if name.startswith("SSO")}
    environment["SSO_TRUSTED_PEERS"] = "192.0.2.7"
    with running(sandbox, environment) as elsewhere, browse() as thief:
        refused = thief.get(f"{elsewhere.url}/sign-in/", headers=sent, timeout=TIMEOUT)
        known = thief.get(f"{site.portal.url}/sign-in/", headers=sent, timeout=TIMEOUT)
    assert refused.status_code == 403
    assert known.status_code == 200, "from the proxy's address the same is believed"


def test_the_secrets_stand_in_no_answer_and_in_no_log(site: Site, person: Person) -> None:
    pages = [person.sign_in("sam", "support@example.com"), person.get("/devices/1/"), person.get("/nowhere/")]
    content = "".join(page.text + str(page.headers) for page in pages) + site.portal.log()
    assert "Sam Okafor" in content
    for secret in (site.secret, "sbx-access", "sbx-refresh", "sbxdev"):
        assert secret not in content
