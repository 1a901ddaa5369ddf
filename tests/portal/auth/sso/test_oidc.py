"""SSO=oidc: sign-in at a provider, and everything that must be refused."""

from __future__ import annotations

import base64
import logging
import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.auth.models import ApiGrant, LogoutNotice, SsoLogin
from portal.auth.sso import provider
from tests.portal.auth.sso.idp import CLIENT, CLIENT_SECRET, Person, nobody
from tests.portal.auth.test_views import field
from tests.portal.conftest import Browser, calls, one, words
from tests.servers import SandboxServer

pytestmark = pytest.mark.urls("tests.portal.urls")


# --- there and back ---------------------------------------------------------------------------------------------------


def test_one_signs_on_connects_the_account_once_and_is_where_one_wanted_to_be(
    person: Person, platform: SandboxServer
) -> None:
    sent_to = person.get("/look/")["Location"]
    page = person.get(sent_to)
    assert page["Refresh"] == "0; url=/sso/start/?next=%2Flook%2F"
    location = person.get("/sso/start/?next=%2Flook%2F")["Location"]
    back = person.finish_sign_on(location)
    assert (back.status_code, back["Location"]) == (303, "/sign-in/?next=%2Flook%2F")
    form = person.get(back["Location"])
    assert field(form, "username") == "viewer@example.com"
    assert person.sign_in("viewer", next=field(form, "next"))["Location"] == "/look/"
    access = person.access("/look/")
    assert (access.email, access.subject) == ("viewer@example.com", f"{person.idp.issuer}|sub-of-viewer")
    row = ApiGrant.objects.get()
    assert (row.subject, row.sid) == (access.subject, "sid-1")


def test_the_request_asks_for_a_code_with_pkce_and_nonce(person: Person) -> None:
    url = urlsplit(person.begin_sign_on())
    requested = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{person.idp.issuer}/authorize"
    assert requested["response_type"] == "code"
    assert requested["client_id"] == CLIENT
    assert requested["redirect_uri"] == "https://testserver/sso/callback/"
    assert requested["scope"] == "openid email profile"
    assert requested["code_challenge_method"] == "S256"
    assert len(requested["code_challenge"]) == 43
    assert len(requested["state"]) >= 43
    assert len(requested["nonce"]) >= 43
    other = parse_qs(urlsplit(person.begin_sign_on()).query)
    assert not {requested[name] for name in ("state", "nonce", "code_challenge")} & {
        other[name][0] for name in ("state", "nonce", "code_challenge")
    }


def test_somebody_else_can_sign_on_instead(person: Person) -> None:
    assert "prompt" not in parse_qs(urlsplit(person.begin_sign_on()).query)
    person.sign_on()
    page = person.get("/sign-in/?next=/look/")
    location = person.get(one(page, "a[href*='prompt=login']")["href"])["Location"]
    assert parse_qs(urlsplit(location).query)["prompt"] == ["login"]
    person.idp.person |= {"sub": "sub-of-admin", "email": "admin@example.com"}
    assert person.finish_sign_on(location)["Location"] == "/sign-in/?next=%2Flook%2F"
    assert field(person.get("/sign-in/"), "username") == "admin@example.com"
    assert SsoLogin.objects.count() == 1


def test_the_code_is_exchanged_with_its_verifier_and_our_secret(person: Person) -> None:
    person.sign_on()
    (form,) = person.idp.forms
    assert len(form["code_verifier"]) >= 43
    name, _, secret = base64.b64decode(form["authorization"].removeprefix("Basic ")).decode().partition(":")
    assert (unquote(name), unquote(secret)) == (CLIENT, CLIENT_SECRET)
    assert "client_secret" not in form


def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(person: Person) -> None:
    person.idp.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    assert person.sign_on().status_code == 303
    (form,) = person.idp.forms
    assert (form["client_id"], form["client_secret"], form["authorization"]) == (CLIENT, CLIENT_SECRET, "")


def test_the_session_holds_two_handles_and_the_database_no_readable_token(person: Person) -> None:
    person.connect()
    login = SsoLogin.objects.get()
    assert Session.objects.get().get_decoded() == {"grant": ApiGrant.objects.get().handle, "sso": login.handle}
    assert "." not in login.hint, "an ID token has dots, what is encrypted has none"


def test_sign_on_begins_a_session_with_a_new_key(person: Person) -> None:
    person.sign_on()
    first = person.session_cookie
    person.sign_in("viewer")
    second = person.session_cookie
    assert first
    assert first != second
    old = Browser()
    old.cookies["__Host-session"] = first
    assert old.get("/look/").status_code == 302
    person.sign_on()
    assert person.session_cookie not in (first, second)


def test_a_session_key_planted_before_is_not_used(person: Person) -> None:
    person.cookies["__Host-session"] = "a" * 32
    person.sign_on()
    assert person.session_cookie not in ("", "a" * 32)


def test_a_sign_on_alone_does_not_open_the_portal(person: Person) -> None:
    person.sign_on()
    assert person.get("/look/").status_code == 302
    assert person.post("/look/").status_code == 302


# --- the cookie of an attempt -----------------------------------------------------------------------------------------


def under_way(browser: Browser) -> list[Any]:
    return [morsel for name, morsel in browser.cookies.items() if name.startswith("__Host-sso-") and morsel.value]


def test_an_attempt_has_a_cookie_of_its_own_that_ends_soon(person: Person) -> None:
    person.begin_sign_on()
    (morsel,) = under_way(person)
    assert (morsel["secure"], morsel["httponly"], morsel["samesite"]) == (True, True, "Lax")
    assert (morsel["path"], morsel["domain"], morsel["max-age"]) == ("/", "", 600)
    assert not person.session_cookie, "no session before somebody is known"
    person.finish_sign_on(person.begin_sign_on())
    assert len(under_way(person)) == 1


def test_two_tabs_sign_on_at_once(person: Person) -> None:
    one, two = person.begin_sign_on("/look/"), person.begin_sign_on("/ask/")
    assert person.finish_sign_on(one)["Location"] == "/sign-in/?next=%2Flook%2F"
    assert person.finish_sign_on(two)["Location"] == "/sign-in/?next=%2Fask%2F"
    assert SsoLogin.objects.count() == 1


def test_a_second_tab_does_not_cost_the_account_that_the_first_connected(person: Person) -> None:
    late = person.begin_sign_on("/ask/")
    person.connect()
    handle, cookie = ApiGrant.objects.get().handle, person.session_cookie
    person.idp.sid = "sid-2"
    assert person.finish_sign_on(late)["Location"] == "/ask/"
    row = ApiGrant.objects.get()
    assert (row.handle, row.sid) == (handle, "sid-2")
    assert person.session_cookie != cookie
    assert person.get("/look/").status_code == 200


def test_another_person_in_the_second_tab_takes_over_nothing(person: Person) -> None:
    late = person.begin_sign_on("/ask/")
    person.connect()
    person.idp.person |= {"sub": "sub-of-admin", "email": "admin@example.com"}
    assert person.finish_sign_on(late)["Location"] == "/sign-in/?next=%2Fask%2F"
    assert not ApiGrant.objects.exists()
    assert person.get("/look/").status_code == 302


def test_many_tabs_do_not_outgrow_the_headers_of_a_request(person: Person) -> None:
    for _ in range(20):
        person.begin_sign_on("/look/?q=" + "x" * 900)
    sent = "; ".join(f"{morsel.key}={morsel.value}" for morsel in under_way(person))
    assert len(under_way(person)) == 5
    assert len(sent) < 7000


@pytest.mark.parametrize("state", ["", "x", "a" * 43, "\0", "ü" * 50, "x" * 5000])
def test_a_state_that_was_not_given_out_is_refused(person: Person, state: str) -> None:
    location = person.begin_sign_on()
    content = nobody(person.finish_sign_on(location, state=state), 400)
    assert "not started in this browser" in content
    assert person.idp.count("/token") == 0


def test_an_answer_belongs_to_the_browser_that_began(person: Person) -> None:
    stranger = Person(person.idp)
    stranger.begin_sign_on()
    nobody(stranger.finish_sign_on(person.begin_sign_on()), 400)


def test_the_cookie_of_one_attempt_is_no_good_for_another(person: Person) -> None:
    one = person.begin_sign_on()
    mine = under_way(person)[0].value
    two = person.begin_sign_on()
    for morsel in under_way(person):
        person.cookies[morsel.key] = mine
    nobody(person.finish_sign_on(two), 400)
    assert person.idp.count("/token") == 0
    assert person.finish_sign_on(one).status_code == 303


def test_a_cookie_that_was_tampered_with_is_refused(person: Person) -> None:
    location = person.begin_sign_on()
    (morsel,) = under_way(person)
    person.cookies[morsel.key] = morsel.value[:-1] + ("A" if morsel.value[-1] != "A" else "B")
    nobody(person.finish_sign_on(location), 400)


def test_an_answer_counts_once(person: Person) -> None:
    location = person.begin_sign_on()
    answer = person.idp.authorize(location)
    assert person.get("/sso/callback/", answer).status_code == 303
    assert person.get("/sso/callback/", answer).status_code == 400
    assert person.idp.count("/token") == 1


def test_an_attempt_is_given_up_after_ten_minutes(person: Person) -> None:
    with time_machine.travel(time.time() - 601):
        location = person.begin_sign_on()
    nobody(person.finish_sign_on(location), 400)


@pytest.mark.parametrize(
    "hostile",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1", "/sso/start/", "/sign-out/"],
)
def test_a_hostile_next_is_dropped(person: Person, hostile: str) -> None:
    assert person.sign_on(hostile)["Location"] == "/sign-in/?next=%2Fdevices%2F"
    person.sign_in("viewer")
    assert person.sign_on(hostile)["Location"] == "/devices/"


# --- the account on the platform --------------------------------------------------------------------------------------


def test_another_persons_account_is_refused(person: Person, platform: SandboxServer) -> None:
    person.sign_on()
    response = person.sign_in("admin")
    assert response.status_code == 422
    assert "knows you as viewer@example.com" in words(response)
    assert calls(platform, "/oauth2/token") == 0


@pytest.mark.parametrize("change", [{"email_verified": False}, {"email": ""}, {"email": None}, {"email": 7}])
def test_an_email_that_the_provider_does_not_vouch_for_connects_nothing(person: Person, change: dict[str, Any]) -> None:
    person.idp.person |= change
    person.sign_on()
    response = person.sign_in("viewer")
    assert response.status_code == 422
    assert "no confirmed e-mail" in words(response)


def test_rights_come_from_the_groups(person: Person, settings: Any) -> None:
    settings.ACCESS_GROUPS = {"support": frozenset({"PORTAL_AUDIT", "ORG_DEVICES_DELETE"})}
    person.connect()
    access = person.access("/look/")
    assert access.rights == {"PORTAL_AUDIT"}
    assert not access.has("ORG_DEVICES_DELETE")


@pytest.mark.parametrize(
    ("claim", "value", "groups"),
    [
        ("groups", "support", ("support",)),
        ("roles", {"list": 1}, ()),
        ("realm_access.roles", {"roles": ["a", 7, "", "a"]}, ("a",)),
        ("https://names.example/groups", ["x"], ("x",)),
        ("nowhere", None, ()),
    ],
)
def test_the_claim_with_the_groups_is_the_operators(
    person: Person, settings: Any, claim: str, value: Any, groups: tuple[str, ...]
) -> None:
    from portal.auth.sso.identity import unpack

    settings.OIDC_GROUPS_CLAIM = claim
    person.idp.person["realm_access" if claim.startswith("realm") else claim] = value
    person.sign_on()
    identity = unpack(SsoLogin.objects.get().identity)
    assert identity
    assert identity.groups == groups


def test_an_account_lost_meanwhile_is_connected_anew_without_a_second_sign_on(
    person: Person, platform: SandboxServer
) -> None:
    person.connect()
    platform.expire_tokens(refresh=True)
    response = person.get("/ask/")
    assert response["Location"] == "/sign-in/?next=%2Fask%2F"
    page = person.get(response["Location"])
    assert "Your session has ended." in words(page)
    assert field(page, "username") == "viewer@example.com"
    assert person.sign_in("viewer", next="/ask/")["Location"] == "/ask/"
    assert person.idp.count("/token") == 1


def test_a_sign_on_ends_when_every_session_does(person: Person) -> None:
    person.sign_on()
    SsoLogin.objects.update(created_at=timezone.now() - timedelta(hours=10, seconds=1))
    response = person.sign_in("viewer")
    assert not ApiGrant.objects.exists()
    assert "You sign in at your company's sign-on" in words(response)


def test_a_grant_from_before_the_sign_on_lets_nobody_in(person: Person, settings: Any) -> None:
    settings.SSO = "off"
    person.sign_in("viewer")
    settings.SSO = "oidc"
    assert person.get("/look/").status_code == 302
    assert not ApiGrant.objects.exists()


# --- pages and ways out -----------------------------------------------------------------------------------------------


def test_sign_on_continues_to_the_target_but_not_past_a_message(person: Person) -> None:
    assert "Refresh" not in person.get("/sign-in/")
    assert person.get(person.get("/devices/")["Location"])["Refresh"] == "0; url=/sso/start/?next=%2Fdevices%2F"
    person.connect()
    ApiGrant.objects.all().delete()
    SsoLogin.objects.all().delete()
    page = person.get("/look/", follow=True)
    assert "Your session has ended." in words(page)
    assert "Refresh" not in page
    assert b"/sso/start/?next=%2Flook%2F" in page.content


def test_signing_out_ends_it_here_and_leads_to_the_provider(person: Person) -> None:
    person.connect()
    cookie = person.session_cookie
    response = person.post("/sign-out/")
    assert response.status_code == 200
    assert response["Clear-Site-Data"] == '"cache"'
    assert response["Refresh"].startswith(f"0; url={person.idp.issuer}/end?")
    requested = parse_qs(urlsplit(response["Refresh"]).query)
    assert requested["post_logout_redirect_uri"] == ["https://testserver/sign-in/"]
    assert requested["client_id"] == [CLIENT]
    assert requested["id_token_hint"][0].count(".") == 2
    assert not ApiGrant.objects.exists()
    assert not SsoLogin.objects.exists()
    old = Browser()
    old.cookies["__Host-session"] = cookie
    assert old.get("/look/").status_code == 302
    page = person.get("/sign-in/")
    assert "You are signed out." in words(page)


@pytest.mark.parametrize("down", [False, True])
def test_without_an_address_for_it_the_page_says_that_the_sign_on_goes_on(person: Person, down: bool) -> None:
    person.idp.metadata["end_session_endpoint"] = None
    person.connect()
    if down:
        provider.clear_cache()
        person.idp.answers["/.well-known/openid-configuration"] = (500, b"", {})
    response = person.post("/sign-out/")
    assert response.status_code == 200
    assert "You are still signed in at the company's sign-on." in words(response)
    assert "Refresh" not in response
    assert not SsoLogin.objects.exists()


@pytest.mark.parametrize("path", ["/sso/start/", "/sso/callback/"])
@pytest.mark.parametrize("sso", ["off", "header"])
def test_without_a_provider_there_are_no_such_pages(
    browser: Browser, settings: Any, platform: SandboxServer, path: str, sso: str
) -> None:
    settings.SSO = sso
    assert browser.get(path).status_code == 404
    assert browser.post(path).status_code in (404, 405)


def test_nothing_of_a_sign_on_is_written_down(person: Person, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    location = person.begin_sign_on()
    verifier = under_way(person)[0].value
    person.finish_sign_on(location)
    person.idp.id_claims = {"aud": "another"}
    person.sign_on()
    (first, _) = person.idp.forms
    assert verifier not in caplog.text
    for secret in (first["code"], first["code_verifier"], CLIENT_SECRET, "access-token-canary", "eyJ"):
        assert secret not in caplog.text


def test_old_sign_ons_and_notices_are_swept_out(person: Person) -> None:
    person.sign_on()
    SsoLogin.objects.update(created_at=timezone.now() - timedelta(days=1))
    LogoutNotice.objects.create(key="old", received_at=timezone.now() - timedelta(days=1))
    Person(person.idp).sign_on()
    assert SsoLogin.objects.count() == 1
    assert not LogoutNotice.objects.exists()
