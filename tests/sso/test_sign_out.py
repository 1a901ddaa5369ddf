"""Sign-out at the portal, at the provider, and by back-channel logout."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.portal.conftest import one
from tests.sso.conftest import Person, Site, start_of
from tests.sso.provider import TIMEOUT, Provider, browse, log_in


@pytest.fixture
def site(oidc_site: Site) -> Site:
    return oidc_site


def signed_in(site: Site, login: str, email: str) -> Person:
    person = Person(site)
    page = person.sign_in(login, email)
    assert page.status_code == 200, page.text[:2000]
    return person


def is_in(person: Person) -> bool:
    page = person.get("/devices/")
    return urlsplit(page.url).path == "/devices/" and page.status_code == 200


def test_who_signs_out_at_the_provider_is_out_here_at_once(site: Site, provider: Provider) -> None:
    """Only in this browser's session, which the provider names by `sid`."""
    here = signed_in(site, "sam", "support@example.com")
    elsewhere = signed_in(site, "sam", "support@example.com")
    other = signed_in(site, "vera", "viewer@example.com")
    cookies = here.browser.cookies.copy()
    assert is_in(here)
    provider.sign_out(here.browser)
    assert "backchannel.error" not in provider.errors, provider.errors
    here.browser.cookies = cookies
    assert not is_in(here)
    assert is_in(elsewhere), "the person's other browser has a session of its own at the provider"
    assert is_in(other)


def test_htmx_shows_the_message_above_the_page(site: Site, provider: Provider) -> None:
    person = signed_in(site, "sam", "support@example.com")
    cookies = person.browser.cookies.copy()
    provider.sign_out(person.browser)
    person.browser.cookies = cookies
    answer = person.get("/devices/1/timeline/", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Retarget"] == "#session-banner"


def test_who_signs_out_here_is_out_and_is_led_to_the_provider_to_end_its_session_too(
    site: Site, provider: Provider
) -> None:
    person = signed_in(site, "sam", "support@example.com")
    cookies = person.browser.cookies.copy()
    answer = person.post("/sign-out/", {}, person.get("/devices/"))
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    link = one(answer, f"a[href^='{provider.url}/session/end']")
    ended = provider.sign_out(person.browser, str(link["href"]))
    assert urlsplit(ended.url).path == "/sign-in/"
    assert "login" in person.get(start_of(ended)).text, "the provider asks anew who it is"
    person.browser.cookies = cookies
    assert not is_in(person), "the old cookie is dead"


def test_only_the_provider_may_say_so(site: Site) -> None:
    person = signed_in(site, "sam", "support@example.com")
    address = f"{site.url}/sso/backchannel-logout/"
    unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzYW0ifQ."
    with browse() as stranger:
        for body in ({}, {"logout_token": ""}, {"logout_token": "x"}, {"logout_token": unsigned}):
            answer = stranger.post(address, body, timeout=TIMEOUT)
            assert answer.status_code == 400, body
            assert answer.headers["Cache-Control"].startswith("no-store")
            assert "session" not in answer.cookies
        assert stranger.get(address, timeout=TIMEOUT).status_code == 405
    assert is_in(person)


def test_an_id_token_is_no_word_of_signing_out(site: Site, provider: Provider) -> None:
    """An ID token has the same key and client (Back-Channel Logout 1.0 §2.6 distinguishes them)."""
    person = signed_in(site, "vera", "viewer@example.com")
    body = {"logout_token": id_token(site, provider, "vera")}
    answer = requests.post(f"{site.url}/sso/backchannel-logout/", body, timeout=TIMEOUT)
    assert answer.status_code == 400
    assert is_in(person)


def id_token(site: Site, provider: Provider, login: str) -> str:
    """An ID token that the provider issues to the portal's client."""
    callback, verifier = f"{site.url}/sso/callback/", "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    client = (site.portal.env["OIDC_CLIENT_ID"], site.secret)
    query = {"client_id": client[0], "response_type": "code", "scope": "openid", "redirect_uri": callback}
    query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    with browse() as browser:
        page = browser.get(f"{provider.url}/auth", params=query, timeout=TIMEOUT)
        back = log_in(browser, page, login, stop_at=callback).headers["Location"]
        code = parse_qs(urlsplit(back).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": verifier}
        answer = browser.post(f"{provider.url}/token", form, auth=client, timeout=TIMEOUT)
    return str(answer.json()["id_token"])
