"""Sign-in and sign-out, for users and for attackers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.sessions.models import Session
from django.test import Client

from portal.auth import grants
from portal.auth.models import ApiGrant
from portal.environment import UserGrant
from portal.platform import transport
from tests.portal.conftest import Browser, calls, one, words
from tests.servers import SandboxServer

NEUTRAL = "E-mail or password is wrong."


def field(response: Any, name: str) -> str:
    return str(one(response, f"main input[name={name}]").get("value", ""))


def test_the_right_password_leads_to_the_devices(browser: Browser, platform: SandboxServer) -> None:
    response = browser.sign_in("support")
    assert (response.status_code, response["Location"]) == (303, "/devices/")
    row = ApiGrant.objects.get()
    person = grants._person.decode(row.profile)
    assert (person.email, row.user) == ("support@example.com", person.id)
    assert "ORG_DEVICES_EDIT" in person.role.permissions


def test_names_are_read_at_sign_in_so_the_first_page_costs_what_others_cost(
    browser: Browser, platform: SandboxServer
) -> None:
    browser.sign_in("admin")
    assert calls(platform, "/templates") == 1
    assert calls(platform, "/oauth2/token") == 1
    assert calls(platform, "/user/profile") == 1


def test_the_page_says_what_becomes_of_the_password(browser: Browser) -> None:
    page = browser.get("/sign-in/")
    assert page.status_code == 200
    assert "once" in words(page)
    assert "does not store it" in words(page)


@pytest.mark.parametrize(
    ("user", "password"),
    [("admin", "wrong"), ("nobody", "demo"), ("admin", "DEMO"), ("admin", " demo"), ("nobody@example.org", "x")],
)
def test_a_refusal_does_not_tell_whether_the_account_exists(
    browser: Browser, platform: SandboxServer, user: str, password: str
) -> None:
    response = browser.sign_in(user, password)
    assert response.status_code == 422
    text = words(response)
    assert NEUTRAL in text
    assert text == words(browser.sign_in("someone-else", "other"))
    assert not ApiGrant.objects.exists()
    assert not browser.session_cookie


def test_after_a_refusal_the_email_is_kept_and_the_password_is_not(browser: Browser, platform: SandboxServer) -> None:
    response = browser.sign_in("viewer", "hunter2-canary")
    assert field(response, "username") == "viewer@example.com"
    assert field(response, "password") == ""
    assert b"hunter2-canary" not in response.content


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"username": "", "password": "demo"}, "Enter your e-mail."),
        ({"username": "admin@example.com", "password": ""}, "Enter your password."),
        ({"username": "a" * 300, "password": "demo"}, "at most 254 characters"),
        ({"username": "admin\0@example.com", "password": "demo"}, "Null characters are not allowed."),
        ({}, "Enter your e-mail."),
    ],
)
def test_a_form_that_cannot_be_right_costs_no_call(
    browser: Browser, platform: SandboxServer, fields: dict[str, str], sentence: str
) -> None:
    response = browser.post("/sign-in/", fields)
    assert response.status_code == 422
    assert sentence in words(response)
    assert calls(platform, "/oauth2/token") == 0


@pytest.mark.parametrize(
    ("fault", "status", "sentence"),
    [
        ({"kind": "drop"}, 503, "cannot be reached"),
        ({"kind": "status", "status": 500}, 502, "internal error"),
        ({"kind": "html", "status": 200}, 502, "could not be read"),
        ({"kind": "json", "body": {"access_token": "x"}}, 502, "could not be read"),
        ({"kind": "json", "body": {"access_token": "", "token_type": "Bearer", "expires_in": 9}}, 502, "not be read"),
        ({"kind": "json", "body": {"access_token": "x", "token_type": "mac", "expires_in": 9}}, 502, "not be read"),
        ({"kind": "redirect", "location": "https://elsewhere.example/"}, 502, "refers to another address"),
        ({"kind": "status", "status": 429, "retry_after": 17}, 429, "too many requests"),
    ],
)
@pytest.mark.parametrize("path", ["/oauth2/token", "/user/profile"])
def test_a_failing_platform_is_reported_and_the_email_is_kept(
    browser: Browser, platform: SandboxServer, path: str, fault: dict[str, Any], status: int, sentence: str
) -> None:
    platform.fault(path, **fault)
    response = browser.sign_in("admin", "demo")
    assert response.status_code == status
    assert sentence in words(response)
    assert NEUTRAL not in words(response)
    assert field(response, "username") == "admin@example.com"
    assert field(response, "password") == ""
    assert not ApiGrant.objects.exists()
    assert response.headers.get("Retry-After") == ("17" if status == 429 else None)


def test_nobody_listening_is_a_503(browser: Browser, settings: Any) -> None:
    settings.PLATFORM_API_URL = "http://127.0.0.1:9"
    transport.cache_clear()
    response = browser.sign_in("admin")
    assert response.status_code == 503
    assert "The platform cannot be reached." in words(response)


def test_wrong_credentials_of_the_portal_itself_are_not_blamed_on_the_person(
    browser: Browser, platform: SandboxServer, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.PLATFORM_API_CLIENT_SECRET = "not-the-secret-canary"
    response = browser.sign_in("admin")
    assert response.status_code == 503
    assert "does not accept this portal" in words(response)
    assert NEUTRAL not in words(response)
    assert "invalid_client" in caplog.text
    assert "not-the-secret-canary" not in caplog.text


def test_a_client_without_the_api_scope_is_not_blamed_on_the_person(browser: Browser, platform: SandboxServer) -> None:
    platform.switch(platform_scope=False)
    response = browser.sign_in("admin")
    assert response.status_code == 503
    assert "does not accept this portal" in words(response)
    assert not ApiGrant.objects.exists()


def test_names_that_cannot_be_read_do_not_keep_anybody_out(browser: Browser, platform: SandboxServer) -> None:
    platform.fault("/templates", "status", status=500)
    assert browser.sign_in("admin").status_code == 303


@pytest.mark.parametrize(
    ("grant", "switches"),
    [
        (UserGrant("email", "password", "query"), {"sign_in_name": "email", "token_parameters": "query"}),
        (UserGrant("username", "password", "body"), {}),
    ],
)
def test_names_and_place_of_the_credentials_follow_the_setting(
    browser: Browser, platform: SandboxServer, settings: Any, grant: UserGrant, switches: dict[str, str]
) -> None:
    settings.PLATFORM_API_USER_GRANT = grant
    platform.switch(**switches)
    assert browser.sign_in("admin").status_code == 303
    row = grants.read(ApiGrant.objects.get().handle)
    assert row
    first = grants.token_for(row.handle)
    assert grants.token_for(row.handle, first) != first


def test_by_default_no_password_travels_in_a_url(browser: Browser, platform: SandboxServer) -> None:
    browser.sign_in("admin")
    (entry,) = [entry for entry in platform.requests() if entry["path"] == "/oauth2/token"]
    assert entry["query"] == ["grant_type"]


# --- the session ------------------------------------------------------------------------------------------------------


def test_the_session_holds_a_handle_and_nothing_else(signed_in: Callable[..., Browser]) -> None:
    signed_in("admin")
    row = Session.objects.get()
    assert row.get_decoded() == {"grant": ApiGrant.objects.get().handle}


def test_cookies_are_out_of_reach_for_scripts_other_hosts_and_plain_http(browser: Browser, platform: Any) -> None:
    browser.get("/sign-in/")
    browser.sign_in("admin")
    assert set(browser.cookies) == {"__Host-session", "__Host-csrf"}
    for name, morsel in browser.cookies.items():
        assert morsel["secure"], name
        assert morsel["httponly"], name
        assert morsel["samesite"] == "Lax", name
        assert (morsel["path"], morsel["domain"]) == ("/", ""), name
        assert len(morsel.OutputString()) < 4096


def test_signing_in_gives_a_new_session_and_a_new_handle(browser: Browser, platform: SandboxServer) -> None:
    browser.sign_in("viewer")
    cookie, handle = browser.session_cookie, ApiGrant.objects.get().handle
    browser.sign_in("admin")
    assert browser.session_cookie != cookie
    assert ApiGrant.objects.get().handle != handle, "the old grant is gone"
    old = Browser()
    old.cookies["__Host-session"] = cookie
    assert old.get("/nowhere/").status_code == 302


def test_a_session_key_planted_before_sign_in_is_not_used(browser: Browser, platform: SandboxServer) -> None:
    planted = "a" * 32
    browser.cookies["__Host-session"] = planted
    browser.sign_in("admin")
    assert browser.session_cookie
    assert browser.session_cookie != planted
    thief = Browser()
    thief.cookies["__Host-session"] = planted
    assert thief.get("/nowhere/").status_code == 302


def test_a_form_from_before_can_be_sent_after_signing_in_again(platform: SandboxServer) -> None:
    browser = Browser(enforce_csrf_checks=True, headers={"Origin": "https://testserver"})
    token = field(browser.get("/sign-in/"), "csrfmiddlewaretoken")
    assert browser.sign_in("admin", csrfmiddlewaretoken=token).status_code == 303
    assert browser.post("/sign-out/", {"csrfmiddlewaretoken": token}).status_code == 303
    assert browser.sign_in("admin", csrfmiddlewaretoken=token).status_code == 403, "signing out makes forms stale"


@pytest.mark.parametrize("cookie", ["", "x", "../../etc", "a\\000b", "ü" * 32, "a" * 5000, '"\\303\\274\\000"'])
def test_a_nonsense_cookie_is_nobody(browser: Browser, cookie: str, django_assert_max_num_queries: Any) -> None:
    browser.cookies["__Host-session"] = cookie
    with django_assert_max_num_queries(1 if cookie.isascii() and cookie.isalnum() else 0):
        response = browser.get("/devices/")  # PostgreSQL would raise on a NUL character
    assert (response.status_code, response["Location"]) == (302, "/sign-in/")


# --- next -------------------------------------------------------------------------------------------------------------


def test_after_signing_in_one_is_back_where_one_was(browser: Browser, platform: SandboxServer) -> None:
    sent_to = browser.get("/devices/42/timeline/?type=CRITICAL&page=2")["Location"]
    page = browser.get(sent_to)
    response = browser.sign_in("admin", next=field(page, "next"))
    assert response["Location"] == "/devices/42/timeline/?type=CRITICAL&page=2"


def test_somebody_signed_in_is_sent_on(signed_in: Callable[..., Browser]) -> None:
    response = signed_in("admin").get("/sign-in/?next=/devices/7/")
    assert (response.status_code, response["Location"]) == (303, "/devices/7/")


@pytest.mark.parametrize(
    "hostile", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_a_hostile_next_is_dropped(browser: Browser, platform: SandboxServer, hostile: str) -> None:
    page = browser.get("/sign-in/", {"next": hostile})
    assert field(page, "next") == "/devices/"
    assert browser.sign_in("admin", next=hostile)["Location"] == "/devices/"
    assert browser.get("/sign-in/", {"next": hostile})["Location"] == "/devices/"


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_tokens_and_password_are_nowhere_to_be_found(
    browser: Browser, platform: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    """In the bytes of the database, in every response with headers and cookies, and in all logs at DEBUG."""
    from pathlib import Path

    from django.db import connection

    caplog.set_level(logging.DEBUG)
    password = "demo"
    answers = [browser.get("/sign-in/"), browser.sign_in("admin", password)]
    row = grants.read(ApiGrant.objects.get().handle)
    assert row
    tokens = grants._decrypt(row)
    assert tokens.refresh
    secrets = [tokens.access.reveal(), tokens.refresh.reveal(), configured.PLATFORM_API_CLIENT_SECRET, row.handle]
    answers += [browser.get("/nowhere/"), browser.get("/sign-in/"), browser.post("/sign-out/"), browser.get("/")]
    content = "".join(f"{a.status_code} {dict(a.headers)} {a.content.decode()} {a.cookies.output()}" for a in answers)
    for secret in secrets:
        assert secret not in content
        assert secret not in caplog.text
    if connection.vendor == "sqlite":
        browser.sign_in("admin", password)
        row = grants.read(ApiGrant.objects.get().handle)
        assert row
        tokens = grants._decrypt(row)
        assert tokens.refresh
        name = str(connection.settings_dict["NAME"])
        raw = b"".join(path.read_bytes() for path in (Path(name), Path(f"{name}-wal")) if path.exists())
        assert row.handle.encode() in raw, "this test reads the right file"
        assert tokens.access.reveal().encode() not in raw
        assert tokens.refresh.reveal().encode() not in raw


def test_a_crash_during_sign_in_does_not_write_the_password(
    browser: Browser, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*args: object, **kwargs: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(grants, "open_grant", crash)
    browser.raise_request_exception = False
    response = browser.sign_in("admin", "demo")
    assert response.status_code == 500
    from django.views.debug import SafeExceptionReporterFilter

    request = response.wsgi_request
    shown = SafeExceptionReporterFilter().get_post_parameters(request)
    assert shown["password"] != "demo"


# --- out --------------------------------------------------------------------------------------------------------------


def test_signing_out_kills_the_cookie_for_good(signed_in: Callable[..., Browser]) -> None:
    browser = signed_in("admin")
    cookie = browser.session_cookie
    response = browser.post("/sign-out/")
    assert (response.status_code, response["Location"]) == (303, "/sign-in/")
    assert response["Clear-Site-Data"] == '"cache"'
    assert not ApiGrant.objects.exists()
    assert not Session.objects.exists()
    assert "You are signed out." in words(browser.get("/sign-in/"))
    copy = Browser()
    copy.cookies["__Host-session"] = cookie
    assert copy.get("/nowhere/").status_code == 302


def test_a_link_cannot_sign_anybody_out(signed_in: Callable[..., Browser]) -> None:
    browser = signed_in("admin")
    response = browser.get("/sign-out/")
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "cannot be used in this way" in words(response)
    assert ApiGrant.objects.exists()


def test_another_site_cannot_sign_anybody_out_or_in(platform: SandboxServer) -> None:
    browser = Browser(enforce_csrf_checks=True)
    response = browser.sign_in("admin")
    assert response.status_code == 403
    assert "This form is no longer valid." in words(response)
    assert calls(platform, "/oauth2/token") == 0
    signed: Client = Browser()
    signed.post("/sign-in/", {"username": "admin@example.com", "password": "demo"})
    signed.handler.enforce_csrf_checks = True
    assert signed.post("/sign-out/").status_code == 403
    assert ApiGrant.objects.exists()


def test_signing_in_sweeps_out_what_no_session_can_reach(browser: Browser, platform: SandboxServer) -> None:
    from datetime import timedelta

    browser.sign_in("viewer")
    ApiGrant.objects.update(created_at=ApiGrant.objects.get().created_at - 86_400)
    Session.objects.update(expire_date=Session.objects.get().expire_date - timedelta(days=1))
    Browser().sign_in("admin")
    assert ApiGrant.objects.count() == 1
    assert Session.objects.count() == 1
