"""SSO=oidc: invalid tokens and responses, and a failing provider."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey

from portal.auth.sso import provider
from tests.portal.auth.sso.idp import CLIENT, CLIENT_SECRET, Person, another_key, nobody
from tests.portal.auth.test_views import field

pytestmark = pytest.mark.urls("tests.portal.urls")


def later(seconds: float) -> None:
    """Let the cached metadata and keys of the provider be that old."""
    for key, kept in provider._cache.items():
        provider._cache[key] = kept._replace(at=kept.at - seconds)


# --- the ID token -----------------------------------------------------------------------------------------------------


def soon(seconds: int) -> Callable[[], int]:
    return lambda: int(time.time()) + seconds


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": "another", "azp": CLIENT},
        {"aud": ["another"], "azp": CLIENT},
        {"aud": [CLIENT, "another"], "azp": CLIENT},
        {"aud": None},
        {"aud": []},
        {"azp": "another"},
        {"exp": soon(-120)},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": None},
        {"iat": soon(600)},
        {"nbf": soon(600)},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 320},
        {"sid": 7},
        {"at_hash": "bm90IHRoZSBoYXNo"},
    ],
    ids=lambda claims: ", ".join(
        f"{name} {'later' if callable(value) else value!r:.30}" for name, value in claims.items()
    ),
)
def test_an_id_token_that_is_not_for_this_sign_on_is_refused(
    person: Person, claims: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    person.idp.id_claims = {name: value() if callable(value) else value for name, value in claims.items()}
    content = nobody(person.sign_on(), 400)
    assert "could not be completed" in content
    assert "Try again" in content
    assert "the ID token is invalid" in caplog.text


def test_a_token_without_a_signature_is_refused(person: Person) -> None:
    person.idp.header = {"alg": "none"}
    nobody(person.sign_on(), 400)


def test_our_own_secret_is_no_key(person: Person) -> None:
    person.idp.header = {"alg": "HS256"}
    person.idp.signing_key = CLIENT_SECRET
    nobody(person.sign_on(), 400)
    nobody(person.sign_on(), 400)


def test_a_published_key_is_no_shared_secret(person: Person) -> None:
    """Algorithm confusion: HS256 with the public key as the secret."""
    person.idp.header = {"alg": "HS256"}
    person.idp.signing_key = person.idp.key.as_pem(private=False).decode()
    nobody(person.sign_on(), 400)


def test_somebody_elses_signature_is_refused(person: Person) -> None:
    person.idp.signing_key = another_key()
    nobody(person.sign_on(), 400)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.e30", "é.é.é", "." * 200, "x" * 40_000])
def test_nonsense_for_a_token_is_refused(person: Person, token: str) -> None:
    body = json.dumps({"id_token": token, "access_token": "x"}).encode()
    person.idp.answers["/token"] = (200, body, {})
    nobody(person.sign_on(), 400)


def test_a_new_key_is_fetched_once_and_a_stream_of_unknown_ones_is_not(person: Person) -> None:
    assert person.sign_on().status_code == 303
    assert person.idp.count("/keys") == 1
    person.idp.signing_key = another_key()
    person.idp.header = {"kid": "two"}
    person.idp.published = [person.idp.key, person.idp.signing_key]
    assert person.sign_on().status_code == 400, "looked a moment ago"
    later(provider.KEY_REFETCH_INTERVAL)
    assert person.sign_on().status_code == 303
    assert person.idp.count("/keys") == 2
    person.idp.header = {"kid": "three"}
    for _ in range(3):
        assert person.sign_on().status_code == 400
    assert person.idp.count("/keys") == 2


def test_a_new_key_of_the_same_name_is_fetched_once_too(person: Person) -> None:
    assert person.sign_on().status_code == 303
    person.idp.signing_key = RSAKey.generate_key(2048, {"kid": "one"})
    person.idp.published = [person.idp.signing_key]
    assert person.sign_on().status_code == 400, "looked a moment ago"
    later(provider.KEY_REFETCH_INTERVAL)
    assert person.sign_on().status_code == 303
    person.idp.signing_key = another_key()
    for _ in range(3):
        assert person.sign_on().status_code == 400
    assert person.idp.count("/keys") == 2


def test_while_one_thread_looks_for_a_key_no_other_waits(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    assert person.sign_on().status_code == 303
    later(provider.KEY_REFETCH_INTERVAL)
    good = person.idp.id_token("nonce")
    person.idp.header = {"kid": "three"}
    bad = person.idp.id_token("nonce")
    requested, answered, read = threading.Event(), threading.Event(), provider._fetch_keys

    def slow() -> Any:
        requested.set()
        answered.wait(10)
        return read()

    def look() -> None:
        with pytest.raises(provider.InvalidToken):
            provider.verify_signature(bad)

    monkeypatch.setattr(provider, "_fetch_keys", slow)
    thread = threading.Thread(target=look)
    thread.start()
    assert requested.wait(10)
    look()
    assert provider.verify_signature(good).claims["nonce"] == "nonce"
    assert thread.is_alive(), "the others went on while it was asking"
    answered.set()
    thread.join()
    assert person.idp.count("/keys") == 2


def test_keys_that_cannot_be_read_do_not_hide_the_others(person: Person) -> None:
    odd = [{"kty": "AKP", "kid": "pq"}, {"kty": "oct", "k": "eA", "kid": "one"}, {"kty": "RSA"}, 7, {}]
    keys = {"keys": [*odd, person.idp.key.as_dict(private=False)]}
    person.idp.answers["/keys"] = (200, json.dumps(keys).encode(), {})
    assert person.sign_on().status_code == 303


# --- what else the provider may say -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        ("access_denied", 403, "did not let you in"),
        ("temporarily_unavailable", 503, "cannot be reached"),
        ("server_error", 503, "cannot be reached"),
        ("invalid_scope", 400, "could not be completed"),
        ("<script>alert(1)</script>", 400, "could not be completed"),
    ],
)
def test_an_error_of_the_provider_has_a_page_and_another_try(
    person: Person, error: str, status: int, sentence: str
) -> None:
    state = parse_qs(urlsplit(person.begin_sign_on("/ask/")).query)["state"][0]
    query = {"state": state, "error": error, "error_description": "<b>detail-canary</b>"}
    response = person.get("/sso/callback/", query)
    assert sentence in nobody(response, status)
    assert b"/sso/start/?next=%2Fask%2F" in response.content
    assert b"canary" not in response.content
    assert b"<script>alert" not in response.content


@pytest.mark.parametrize(("iss", "status"), [("https://evil.example", 400), ("", 303)])
def test_an_answer_of_another_issuer_is_refused(person: Person, iss: str, status: int) -> None:
    person.begin_sign_on()
    changes = {"iss": iss} if iss else {"iss": person.idp.issuer}
    assert person.finish_sign_on(person.begin_sign_on(), **changes).status_code == status
    assert person.idp.count("/token") == (status == 303)


def test_a_provider_that_always_names_itself_may_not_be_left_unnamed(person: Person) -> None:
    person.idp.metadata["authorization_response_iss_parameter_supported"] = True
    nobody(person.sign_on(), 400)
    assert person.finish_sign_on(person.begin_sign_on(), iss=person.idp.issuer).status_code == 303


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize(
    "answer",
    [
        (500, b"", {}),
        (200, b"<html>", {}),
        (200, b"[]", {}),
        (302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}),
        (200, b"[" * 100_000, {}),
        (200, b" " * 2_000_000, {}),
    ],
    ids=["500", "html", "wrong", "redirect", "deep", "large"],
)
def test_a_provider_in_trouble_is_a_503_and_never_a_500(
    person: Person, path: str, answer: tuple[int, bytes, dict[str, str]]
) -> None:
    person.idp.answers[path] = answer
    response = person.get("/sso/start/")
    if response.status_code == 302:
        response = person.finish_sign_on(response["Location"])
    assert "The sign-on service cannot be reached." in nobody(response, 503)


def test_nobody_there_is_a_503_too(person: Person, settings: Any) -> None:
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    assert "cannot be reached" in nobody(person.get("/sso/start/"), 503)


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"authorization_endpoint": "http://evil.example/"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "http://169.254.169.254/"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": ""},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
    ],
    ids=str,
)
def test_a_description_that_is_not_safe_is_not_used(person: Person, change: dict[str, Any]) -> None:
    person.idp.metadata |= change
    nobody(person.get("/sso/start/"), 503)


def test_the_description_is_read_once_and_outlives_an_outage(person: Person) -> None:
    person.sign_on()
    person.sign_on()
    assert person.idp.count("/.well-known/openid-configuration") == 1
    person.idp.answers["/.well-known/openid-configuration"] = (500, b"", {})
    later(provider.CACHE_FOR)
    assert person.get("/sso/start/").status_code == 302
    assert person.idp.count("/.well-known/openid-configuration") == 2


@pytest.mark.parametrize(
    ("answer", "status", "sentence"),
    [
        ((400, b'{"error": "invalid_grant"}', {}), 400, "could not be completed"),
        ((401, b'{"error": "invalid_client"}', {}), 503, "does not accept this portal"),
        ((403, b"", {}), 503, "does not accept this portal"),
    ],
)
def test_a_refused_code_is_not_blamed_on_the_person(
    person: Person, answer: tuple[int, bytes, dict[str, str]], status: int, sentence: str
) -> None:
    person.idp.answers["/token"] = answer
    assert sentence in nobody(person.sign_on(), status)


def test_what_the_id_token_leaves_out_is_asked_for(person: Person) -> None:
    person.idp.in_id_token = False
    person.sign_on()
    assert field(person.get("/sign-in/"), "username") == "viewer@example.com"
    assert person.idp.count("/me") == 1


def test_what_the_id_token_tells_is_not_asked_for_again(person: Person) -> None:
    person.sign_on()
    assert person.idp.count("/me") == 0


def test_userinfo_about_somebody_else_is_refused(person: Person) -> None:
    person.idp.in_id_token = False
    person.idp.userinfo = {"sub": "sub-of-admin"}
    nobody(person.sign_on(), 400)
