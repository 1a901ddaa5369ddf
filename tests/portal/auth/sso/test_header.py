"""SSO=header: who is admitted by a proxy's headers, and who is not."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured

from portal.auth.models import ApiGrant
from portal.sso_environment import ProxyHeaders, TrustedPeers
from tests.portal.auth.sso.settings import SECRET, Proxied, by_header
from tests.portal.auth.test_views import field
from tests.portal.conftest import HTMX, Browser, calls, words
from tests.portal_server import PortalServer
from tests.servers import SandboxServer

pytestmark = pytest.mark.urls("tests.portal.urls")
STRANGER = "You can reach this portal only through the company's sign-on"
TRUE = {"X-Portal-Secret": SECRET, "X-Forwarded-User": "viewer@example.com"}


@pytest.fixture(autouse=True)
def _proxy(settings: Any, platform: SandboxServer) -> None:
    by_header(settings)


def connected(user: str = "viewer", groups: str = "") -> Proxied:
    browser = Proxied(f"{user}@example.com", groups)
    assert browser.sign_in(user).status_code == 303
    return browser


# --- who is believed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "peer", "path"),
    [
        ({}, "127.0.0.1", "/look/"),
        ({}, "127.0.0.1", "/nowhere/"),
        ({"X-Forwarded-User": "admin@example.com"}, "127.0.0.1", "/sign-in/"),
        ({**TRUE, "X-Portal-Secret": ""}, "127.0.0.1", "/sign-in/"),
        ({**TRUE, "X-Portal-Secret": SECRET[:-1]}, "127.0.0.1", "/sign-in/"),
        ({**TRUE, "X-Portal-Secret": SECRET + "x"}, "127.0.0.1", "/sign-in/"),
        ({**TRUE, "X-Portal-Secret": f"{SECRET},{SECRET}"}, "127.0.0.1", "/sign-in/"),
        ({**TRUE, "X-Portal-Secret": "ü"}, "127.0.0.1", "/sign-in/"),
        (TRUE, "127.0.0.2", "/sign-in/"),
        (TRUE, "203.0.113.9", "/sign-in/"),
        (TRUE, "", "/sign-in/"),
        (TRUE, "unix:", "/sign-in/"),
        ({**TRUE, "X-Forwarded-For": "127.0.0.1"}, "203.0.113.9", "/sign-in/"),
    ],
)
def test_what_did_not_come_through_the_proxy_gets_a_403_and_no_session(
    browser: Browser, headers: dict[str, str], peer: str, path: str
) -> None:
    response = browser.get(path, headers=headers, REMOTE_ADDR=peer)
    assert response.status_code == 403
    assert STRANGER in words(response)
    assert "__Host-session" not in response.cookies


def test_the_log_tells_an_operator_which_of_the_two_is_missing(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    browser.get("/look/", headers=TRUE, REMOTE_ADDR="203.0.113.9")
    assert "203.0.113.9 did not come through the sign-on proxy: its peer" in caplog.text
    browser.get("/look/", headers={"X-Portal-Secret": SECRET[:-1]})
    assert "X-Portal-Secret is missing or wrong" in caplog.text
    assert SECRET[:-1] not in caplog.text


def test_a_stolen_cookie_is_worth_nothing_without_the_proxy(browser: Browser) -> None:
    browser.cookies["__Host-session"] = connected().session_cookie
    assert browser.get("/look/").status_code == 403
    assert browser.post("/sign-out/").status_code == 403
    assert ApiGrant.objects.exists()


def test_htmx_gets_the_same_response(browser: Browser) -> None:
    response = browser.get("/look/", headers=HTMX)
    assert response.status_code == 403
    assert b"<html" not in response.content


def test_the_password_form_is_no_way_around_the_proxy(browser: Browser, platform: SandboxServer) -> None:
    assert browser.sign_in("admin").status_code == 403
    assert calls(platform, "/oauth2/token") == 0


def test_a_socket_has_no_address_and_is_trusted_by_name(settings: Any) -> None:
    settings.SSO_TRUSTED_PEERS = TrustedPeers((), unix=True)
    assert Browser().get("/sign-in/", headers=TRUE, REMOTE_ADDR="").status_code == 200
    assert Browser().get("/sign-in/", headers=TRUE).status_code == 403


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [("10.1.2.3", True), ("10.2.0.1", False), ("::ffff:10.1.2.3", True), ("fd00::7", True), ("fd01::7", False)],
)
def test_a_network_may_be_trusted(settings: Any, peer: str, trusted: bool) -> None:
    networks = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/32"))
    settings.SSO_TRUSTED_PEERS = TrustedPeers(networks)
    status = Browser().get("/sign-in/", headers=TRUE, REMOTE_ADDR=peer).status_code
    assert status == (200 if trusted else 403)


@pytest.mark.parametrize("user", ["a,admin@example.com", "admin@example.com,viewer@example.com", "x\x01y", "u" * 600])
def test_a_name_that_cannot_be_one_is_refused(user: str) -> None:
    """Two headers of one name, the browser's and the proxy's, arrive joined by a comma."""
    response = Proxied(user).get("/sign-in/")
    assert response.status_code == 403
    assert "an invalid user name" in words(response)


@pytest.mark.parametrize("user", [None, "", " ", "(null)", "-"])
def test_a_proxy_that_names_nobody_gets_a_page_that_says_so(user: str | None) -> None:
    response = Proxied(user).get("/sign-in/?next=/look/")
    assert response.status_code == 403
    assert "did not say who you are" in words(response)
    assert b"/sign-in/?next=%2Flook%2F" in response.content


def test_names_outside_ascii_arrive_as_they_were_meant() -> None:
    user = "jürgen@example.com".encode().decode("latin-1")
    assert field(Proxied(user).get("/sign-in/"), "username") == "jürgen@example.com"


# --- the account on the platform --------------------------------------------------------------------------------------


def test_the_account_is_connected_once_for_the_session(platform: SandboxServer) -> None:
    browser = Proxied("support@example.com")
    sent_to = browser.get("/look/")["Location"]
    assert sent_to == "/sign-in/?next=%2Flook%2F"
    page = browser.get(sent_to)
    assert field(page, "username") == "support@example.com"
    assert "knows you as support@example.com" in words(page)
    assert browser.sign_in("support", next="/look/")["Location"] == "/look/"
    assert browser.get("/look/").content.startswith(b"support@example.com ")
    row = ApiGrant.objects.get()
    assert row.subject == "proxy|support@example.com"
    assert Session.objects.get().get_decoded() == {"grant": row.handle}


def test_the_person_is_known_by_their_name_at_the_sign_on() -> None:
    browser = connected("support")
    access = browser.access("/look/")
    assert (access.subject, access.person) == ("proxy|support@example.com",) * 2
    assert access.user_id


@pytest.mark.parametrize("typed", ["admin@example.com", "viewer@example.com.evil.example", "ADMIN@example.com"])
def test_another_persons_account_is_refused_before_the_password_goes_anywhere(
    platform: SandboxServer, typed: str
) -> None:
    browser = Proxied("viewer@example.com")
    response = browser.sign_in(typed)
    assert response.status_code == 422
    assert "knows you as viewer@example.com" in words(response)
    assert calls(platform, "/oauth2/token") == 0
    assert not ApiGrant.objects.exists()


def test_what_the_platform_says_of_the_account_counts_too(platform: SandboxServer) -> None:
    """An account can have a second sign-in name."""
    profile = {"id": 1, "email": "admin@example.com", "role": {"id": 1, "name": "Admin", "permissions": []}}
    platform.fault("/user/profile", "json", body=profile)
    response = Proxied("viewer@example.com").sign_in("viewer")
    assert response.status_code == 422
    assert not ApiGrant.objects.exists()


def test_case_and_blanks_of_an_email_do_not_matter() -> None:
    assert Proxied("Viewer@Example.com").sign_in("viewer").status_code == 303


def test_another_email_may_be_allowed(settings: Any) -> None:
    settings.SSO_ALLOW_OTHER_EMAIL = True
    browser = Proxied("mv")
    assert browser.sign_in("viewer").status_code == 303
    assert ApiGrant.objects.get().subject == "proxy|mv"


def test_a_sign_on_without_an_email_connects_nothing(platform: SandboxServer) -> None:
    response = Proxied("mv").sign_in("viewer")
    assert response.status_code == 422
    assert "gives no confirmed e-mail" in words(response)
    assert calls(platform, "/oauth2/token") == 0


def test_the_email_may_have_a_header_of_its_own(settings: Any) -> None:
    settings.SSO_HEADERS = ProxyHeaders("X-Forwarded-User", "X-Forwarded-Email")
    browser = Proxied("mv")
    page = browser.get("/sign-in/", headers={"X-Forwarded-Email": "viewer@example.com"})
    assert field(page, "username") == "viewer@example.com"


# --- a session belongs to one person ----------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["admin@example.com", None])
def test_another_person_at_the_proxy_or_nobody_ends_the_session(user: str | None) -> None:
    browser = connected("viewer")
    cookie = browser.session_cookie
    browser.user = user
    assert browser.get("/look/")["Location"] == "/sign-in/?next=%2Flook%2F"
    assert not ApiGrant.objects.exists()
    assert not Session.objects.exists()
    again = Proxied("viewer@example.com")
    again.cookies["__Host-session"] = cookie
    assert again.get("/look/").status_code == 302


def test_a_session_from_before_the_sign_on_is_not_taken_over(settings: Any) -> None:
    settings.SSO = "off"
    browser = Proxied("viewer@example.com")
    browser.sign_in("viewer")
    by_header(settings)
    assert browser.get("/look/").status_code == 302
    assert not ApiGrant.objects.exists()


def test_rights_follow_the_groups_of_this_very_request(settings: Any) -> None:
    settings.ACCESS_GROUPS = {"auditors": frozenset({"PORTAL_AUDIT"}), "all": frozenset({"ORG_DEVICES_DELETE"})}
    browser = connected("viewer", groups="auditors, all")
    access = browser.access("/look/")
    assert access.rights == {"PORTAL_AUDIT"}
    assert not access.has("ORG_DEVICES_DELETE"), "what one may do on the platform, the platform decides"
    browser.groups = "others"
    assert browser.access("/look/").rights == frozenset()


def test_a_signed_in_request_still_costs_two_queries(django_assert_num_queries: Any) -> None:
    browser = connected()
    with django_assert_num_queries(2):
        assert browser.get("/look/").status_code == 200


# --- a real server ----------------------------------------------------------------------------------------------------


@contextmanager
def served(sandbox: SandboxServer, **env: str) -> Iterator[PortalServer]:
    server = PortalServer(
        sandbox,
        extra={
            "SSO": "header",
            "SSO_HEADER": "X-Forwarded-User",
            "SSO_HEADER_SECRET": SECRET,
            "SSO_TRUSTED_PEERS": "127.0.0.1",
            **env,
        },
    )
    try:
        yield server
    finally:
        server.stop()


def test_spoofed_headers_straight_to_gunicorn_get_nowhere(sandbox: SandboxServer) -> None:
    with served(sandbox) as portal, requests.Session() as client:
        client.trust_env = False

        def status(headers: dict[str, str]) -> int:
            return client.get(f"{portal.url}/sign-in/", headers=headers, timeout=10).status_code

        secret = {"X-Portal-Secret": SECRET}
        assert status({**secret, "X-Forwarded-User": "admin@example.com"}) == 200, "the proxy itself"
        assert status({"X-Forwarded-User": "admin@example.com"}) == 403
        assert status({"X_Forwarded_User": "admin@example.com"}) == 403
        assert status({"X_Portal_Secret": SECRET, "X-Forwarded-User": "admin@example.com"}) == 403
        assert status({**secret, "X_Forwarded_User": "admin@example.com"}) == 403, "dropped: nobody is named"
        both = {**secret, "X_Forwarded_User": "admin@example.com", "X-Forwarded-User": "viewer@example.com"}
        page = client.get(f"{portal.url}/sign-in/", headers=both, timeout=10).text
        assert "viewer@example.com" in page
        assert "admin@example.com" not in page
        assert SECRET not in portal.log()


# --- start-up ---------------------------------------------------------------------------------------------------------

WHOLE = {"SSO": "header", "SSO_HEADER": "X-User", "SSO_HEADER_SECRET": SECRET, "SSO_TRUSTED_PEERS": "127.0.0.1"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"SSO_HEADER": ""}, "needs SSO_HEADER,"),
        ({"SSO_HEADER": "X_User"}, "cannot be the name"),
        ({"SSO_HEADER": "x-portal-secret"}, "cannot be the name"),
        ({"SSO_GROUPS_HEADER": "X Groups"}, "cannot be the name"),
        ({"SSO_HEADER_SECRET": ""}, "needs SSO_HEADER_SECRET"),
        ({"SSO_HEADER_SECRET": "short"}, "at least 32"),
        ({"SSO_TRUSTED_PEERS": ""}, "needs SSO_TRUSTED_PEERS"),
        ({"SSO_TRUSTED_PEERS": "proxy.example"}, "must be addresses"),
        ({"SSO_TRUSTED_PEERS": "0.0.0.0/0"}, "whole internet"),
        ({"SSO_TRUSTED_PEERS": "127.0.0.1,::/0"}, "whole internet"),
        ({"SSO_TRUSTED_PEERS": "0.0.0.0/1,128.0.0.0/1"}, "whole internet"),
        ({"SSO_TRUSTED_PEERS": ",".join(f"{first}.0.0.0/8" for first in range(256))}, "whole internet"),
        ({"SSO_TRUSTED_PEERS": "10.0.0.0/7"}, "wider than /8"),
        ({"SSO_TRUSTED_PEERS": "2000::/3"}, "wider than /8"),
        ({"SSO": "saml"}, "off, oidc or header"),
        ({"SIGN_IN": "everybody"}, "user or service"),
        ({"SIGN_IN": "service", "SSO": "off"}, "needs SSO=oidc or SSO=header"),
        ({"SSO": "oidc"}, "needs OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET"),
        ({"SIGN_IN": "service", "SSO_GROUPS_HEADER": "X-Groups"}, "SIGN_IN=service needs ACCESS_GROUPS"),
        ({"SIGN_IN": "service", "SSO_GROUPS_HEADER": "X-Groups", "ACCESS_GROUPS": '{"a": []}'}, "needs ACCESS_GROUPS"),
        ({"SIGN_IN": "service", "ACCESS_GROUPS": '{"a": ["*"]}'}, "needs SSO_GROUPS_HEADER"),
        ({"ACCESS_GROUPS": '{"a": "*"}'}, "ACCESS_GROUPS must be JSON"),
        ({"ACCESS_GROUPS": '{"a": [1]}'}, "ACCESS_GROUPS must be JSON"),
        ({"ACCESS_GROUPS": "[]"}, "ACCESS_GROUPS must be JSON"),
        ({"ACCESS_GROUPS": '{"a": ["ORG_DEVICE_VIEW"]}'}, "unknown names: ORG_DEVICE_VIEW. Known names"),
        ({"ACCESS_GROUPS": '{"a": ["OWN_DEVICES_VIEW"]}'}, "unknown names: OWN_DEVICES_VIEW"),
    ],
)
def test_an_unsafe_setting_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        read_all(monkeypatch, WHOLE | changes)


@pytest.mark.parametrize("issuer", ["http://idp.example", "https://u:p@idp.example", "idp.example", "https://a/?b"])
def test_an_issuer_is_https_without_a_password(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="OIDC_ISSUER"):
        read_all(monkeypatch, {"SSO": "oidc", "OIDC_ISSUER": issuer, "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"})


@pytest.mark.parametrize("issuer", ["https://idp.example/realms/a", "https://idp.example/", "http://127.0.0.1:9000"])
def test_an_issuer_is_taken_as_it_is_written(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    read = {"SSO": "oidc", "OIDC_ISSUER": issuer, "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}
    assert read_all(monkeypatch, read)["issuer"] == issuer


def test_a_whole_setting_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_all(monkeypatch, WHOLE | {"ACCESS_GROUPS": '{"it": ["*"], "boss": ["PORTAL_AUDIT"]}'})
    groups = found["access_groups"]
    assert groups["boss"] == {"PORTAL_AUDIT"}
    assert {"ORG_DEVICES_VIEW", "ORG_DEVICES_DELETE", "ORG_VIEW_USERS"} < groups["it"]
    assert not {"PORTAL_AUDIT", "PORTAL_ADMIN", "OWN_DEVICES_VIEW", "*"} & groups["it"]
    assert found["proxy_headers"].user == "X-User"
    service = {"SIGN_IN": "service", "SSO_GROUPS_HEADER": "X-Groups", "ACCESS_GROUPS": '{"it": ["*"]}'}
    assert read_all(monkeypatch, WHOLE | service)["proxy_headers"].groups == "X-Groups"


def read_all(monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> dict[str, Any]:
    import environ

    from portal import sso_environment as read

    for name in (
        "SIGN_IN",
        "SSO",
        "OIDC_ISSUER",
        "OIDC_CLIENT_ID",
        "OIDC_CLIENT_SECRET",
        "ACCESS_GROUPS",
        *WHOLE,
        "SSO_GROUPS_HEADER",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    source = environ.Env()
    by, sso = read.sign_in(source)
    return {
        "issuer": read.issuer(source, sso),
        "proxy_headers": read.proxy_headers(source, sso, by),
        "header_secret": read.header_secret(source, sso),
        "trusted_peers": read.trusted_peers(source, sso),
        "access_groups": read.access_groups(source, by),
    }
