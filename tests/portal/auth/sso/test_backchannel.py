"""Back-channel logout: accepted only from the provider, only once, in every process."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connections

from portal.auth.models import ApiGrant, LogoutNotice, SsoLogin
from portal.auth.sso import backchannel, logins, oidc, provider
from tests.portal.auth.sso.idp import CLIENT_SECRET, SUB, Idp, Person, another_key
from tests.portal.conftest import Browser, words

pytestmark = pytest.mark.urls("tests.portal.urls")
PATH = "/sso/backchannel-logout/"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def post_logout_token(token: str, **options: Any) -> Any:
    """POST as the provider's server does: no cookie, no origin."""
    server = Browser(enforce_csrf_checks=True)
    body = urlencode({"logout_token": token})
    return server.generic("POST", PATH, body, "application/x-www-form-urlencoded", **options)


def alive(browser: Browser) -> bool:
    return bool(browser.get("/look/").status_code == 200)


@pytest.fixture
def second(idp: Idp, person: Person) -> Person:
    """The same person in another browser, with another session at the provider."""
    person.connect()
    idp.sid = "sid-2"
    browser = Person(idp)
    browser.connect()
    return browser


# --- what it ends -----------------------------------------------------------------------------------------------------


def test_a_session_at_the_provider_ends_its_own_here_and_no_other(person: Person, second: Person) -> None:
    response = post_logout_token(person.idp.logout_token())
    assert (response.status_code, response.content) == (200, b"")
    assert "no-store" in response["Cache-Control"]
    assert (alive(person), alive(second)) == (False, True)
    assert ApiGrant.objects.get().sid == SsoLogin.objects.get().sid == "sid-2"
    assert Session.objects.count() == 1


@pytest.mark.parametrize("changes", [{"sid": None}, {"sid": None, "exp": None}])
def test_a_person_is_signed_out_everywhere(person: Person, second: Person, changes: dict[str, Any]) -> None:
    assert post_logout_token(person.idp.logout_token(**changes)).status_code == 200
    assert (alive(person), alive(second)) == (False, False)
    assert not SsoLogin.objects.exists()
    assert not Session.objects.exists()


def test_a_session_is_enough_without_the_person(person: Person, second: Person) -> None:
    assert post_logout_token(person.idp.logout_token(sub=None)).status_code == 200
    assert (alive(person), alive(second)) == (False, True)


def test_a_session_that_the_provider_never_named_ends_by_its_person(idp: Idp) -> None:
    idp.sid = None  # type: ignore[assignment]
    person = Person(idp)
    person.connect()
    assert post_logout_token(idp.logout_token(sid="sid-1")).status_code == 200
    assert not alive(person)


@pytest.mark.parametrize("changes", [{"sub": "another"}, {"sid": "another"}, {"sid": "another", "sub": None}])
def test_what_concerns_others_ends_nothing(person: Person, changes: dict[str, Any]) -> None:
    person.connect()
    assert post_logout_token(person.idp.logout_token(**changes)).status_code == 200
    assert alive(person)


def test_who_only_signed_on_is_out_too(person: Person) -> None:
    person.sign_on()
    assert post_logout_token(person.idp.logout_token()).status_code == 200
    assert not SsoLogin.objects.exists()
    assert not Session.objects.exists()
    person.sign_in("viewer")
    assert not ApiGrant.objects.exists()


def test_people_of_another_issuer_or_none_are_left_alone(person: Person, settings: Any) -> None:
    person.connect()
    ApiGrant.objects.update(subject="https://another.example|sub-of-viewer")
    assert post_logout_token(person.idp.logout_token(sub=None)).status_code == 200
    assert ApiGrant.objects.exists()


def test_with_the_organizations_token_it_ends_the_person_and_not_the_token(person: Person, settings: Any) -> None:
    settings.SIGN_IN, settings.ACCESS_GROUPS = "service", {"support": frozenset({"ORG_DEVICES_VIEW"})}
    person.sign_on()
    assert ApiGrant.objects.count() == 2
    assert post_logout_token(person.idp.logout_token()).status_code == 200
    assert not alive(person)
    assert ApiGrant.objects.get().handle.startswith("organization:")


# --- while somebody signs on ------------------------------------------------------------------------------------------


def test_a_session_that_ended_at_the_provider_does_not_begin_here_afterwards(person: Person) -> None:
    location = person.begin_sign_on()
    assert post_logout_token(person.idp.logout_token()).status_code == 200
    assert person.finish_sign_on(location).status_code == 403
    assert not SsoLogin.objects.exists()
    person.idp.sid = "sid-9"
    assert person.sign_on().status_code == 303


def test_signed_out_while_the_account_is_connected_one_is_not_in(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.auth import grants

    person.sign_on()
    opened = grants.open_grant

    def meanwhile(*args: Any) -> str:
        assert post_logout_token(person.idp.logout_token()).status_code == 200
        return opened(*args)

    monkeypatch.setattr(grants, "open_grant", meanwhile)
    person.sign_in("viewer")
    assert not ApiGrant.objects.exists()
    assert not alive(person)


def test_signed_out_everywhere_while_one_comes_back_one_is_not_in(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete_login = oidc.complete_login

    def meanwhile(*args: Any) -> Any:
        found = complete_login(*args)
        assert post_logout_token(person.idp.logout_token(sid=None)).status_code == 200
        return found

    with monkeypatch.context() as patched:
        patched.setattr(oidc, "complete_login", meanwhile)
        assert "signed out at the sign-on service meanwhile" in words(person.sign_on())
    assert not SsoLogin.objects.exists()
    assert person.sign_on().status_code == 303, "a message of before bars no new sign-on"


def test_the_end_of_somebody_elses_session_of_the_same_name_bars_nobody(person: Person) -> None:
    assert post_logout_token(person.idp.logout_token(sub="another")).status_code == 200
    assert person.sign_on().status_code == 303


def test_signed_out_while_a_second_tab_takes_over_the_account_one_is_not_in(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = person.begin_sign_on()
    person.connect()
    person.idp.sid = "sid-2"
    opened = logins.open_login

    def meanwhile(*args: Any) -> str | None:
        handle = opened(*args)
        backchannel.end_sessions(person.idp.logout_token(sid="sid-2"))
        return handle

    monkeypatch.setattr(logins, "open_login", meanwhile)
    response = person.finish_sign_on(late)
    assert "signed out at the sign-on service meanwhile" in words(response)
    assert response.status_code == 403
    assert not ApiGrant.objects.exists()
    assert not alive(person)


# --- who is believed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": "another", "azp": "portal"},
        {"aud": ["portal", "another"]},
        {"aud": None},
        {"iat": None},
        {"iat": -400},
        {"iat": 400},
        {"iat": "now"},
        {"exp": -120},
        {"exp": "never"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"events": None},
        {"events": []},
        {"events": {}},
        {"events": {"http://schemas.openid.net/event/another": {}}},
        {"events": {EVENT: "yes"}},
        {"events": {EVENT: []}},
        {"events": EVENT},
        {"nonce": "any"},
        {"nonce": ""},
        {"sub": None, "sid": None},
        {"sub": "", "sid": None},
        {"sub": 7},
        {"sid": ["sid-1"]},
        {"sid": "x" * 256},
    ],
    ids=str,
)
def test_a_message_that_is_not_one_ends_nothing(person: Person, changes: dict[str, Any]) -> None:
    person.connect()
    now = int(time.time())
    moved = {k: now + v if k in ("iat", "exp") and isinstance(v, int) else v for k, v in changes.items()}
    response = post_logout_token(person.idp.logout_token(**moved))
    assert response.status_code == 400
    assert "no-store" in response["Cache-Control"]
    assert alive(person)
    assert not LogoutNotice.objects.exists()


@pytest.mark.parametrize(("typ", "status"), [("", 200), ("Logout+JWT", 200), ("JWT", 400), ("at+jwt", 400)])
def test_its_type_is_looked_at_where_it_has_one(person: Person, typ: str, status: int) -> None:
    person.connect()
    person.idp.header = {"typ": typ or None}
    assert post_logout_token(person.idp.logout_token()).status_code == status
    assert alive(person) == (status != 200)


def test_an_id_token_is_no_such_message(person: Person) -> None:
    person.connect()
    assert post_logout_token(person.idp.id_token("nonce")).status_code == 400
    assert post_logout_token(person.idp.id_token("nonce", events={EVENT: {}}, jti="x")).status_code == 400
    assert alive(person)


def test_nobody_else_can_sign_it(person: Person) -> None:
    person.connect()
    person.idp.signing_key = another_key()
    assert post_logout_token(person.idp.logout_token()).status_code == 400
    person.idp.header, person.idp.signing_key = {"alg": "HS256"}, CLIENT_SECRET
    assert post_logout_token(person.idp.logout_token()).status_code == 400
    person.idp.header = {"alg": "none"}
    assert post_logout_token(person.idp.logout_token()).status_code == 400
    assert alive(person)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.", "x" * 100_000, "\0", "ü.ü.ü"])
def test_nonsense_is_a_400(idp: Idp, token: str) -> None:
    assert post_logout_token(token).status_code == 400
    assert Browser().post(PATH, {"other": "field"}).status_code == 400
    assert Browser().generic("POST", PATH, b"\xff\xfe", "application/json").status_code == 400


def test_it_counts_once(person: Person) -> None:
    person.connect()
    token = person.idp.logout_token(sid=None)
    assert post_logout_token(token).status_code == 200
    person.idp.sid = "sid-2"
    person.connect()
    assert post_logout_token(token).status_code == 400, "recorded by somebody, and sent again"
    assert alive(person)


@pytest.mark.django_db(transaction=True)
def test_of_the_same_message_many_times_at_once_one_counts(person: Person) -> None:
    person.connect()
    token, barrier, found = person.idp.logout_token(), threading.Barrier(8), []

    def send() -> None:
        barrier.wait()
        try:
            found.append(post_logout_token(token).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200, *[400] * 7]
    assert not alive(person)


def test_what_could_not_be_carried_out_may_be_sent_again(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.connect()
    token = person.idp.logout_token()

    def fail(which: Any) -> int:
        raise DatabaseError("out of order")

    with monkeypatch.context() as broken:
        broken.setattr(backchannel, "_end", fail)
        with pytest.raises(DatabaseError):
            post_logout_token(token)
    assert post_logout_token(token).status_code == 200
    assert not alive(person)


def test_without_the_providers_keys_nothing_is_believed(person: Person) -> None:
    person.connect()
    provider.clear_cache()
    person.idp.answers["/keys"] = (500, b"", {})
    assert post_logout_token(person.idp.logout_token()).status_code == 400
    assert alive(person)


def test_a_browser_gets_nowhere_there(person: Person, settings: Any) -> None:
    person.connect()
    token = person.idp.logout_token()
    assert person.get(PATH, {"logout_token": token}).status_code == 405
    assert post_logout_token(token, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert alive(person)
    settings.SSO = "off"
    assert post_logout_token(token).status_code == 404


def test_the_log_names_the_person_and_quotes_no_token(person: Person, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    person.connect()
    token = person.idp.logout_token()
    post_logout_token(token)
    post_logout_token(token)
    assert f"a session of {person.idp.issuer}|{SUB} was ended by the provider" in caplog.text
    assert "it was used before" in caplog.text
    assert token not in caplog.text
