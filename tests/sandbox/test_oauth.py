"""The token endpoint."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.servers import SandboxServer

WRONG_CLIENT = ("invalid_client", "Client ID is not found or password is wrong.")


def ask(sandbox: SandboxServer, query: dict[str, str], form: dict[str, str] | None = None) -> requests.Response:
    return sandbox.session.post(
        f"{sandbox.url}/oauth2/token", params=query, data=form, auth=(sandbox.client_id, sandbox.client_secret)
    )


def test_client_credentials(sandbox: SandboxServer) -> None:
    answer = ask(sandbox, {"grant_type": "client_credentials"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    data = answer.json()
    assert set(data) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (data["token_type"], data["expires_in"]) == ("Bearer", 86400)
    headers = {"Authorization": f"Bearer {data['access_token']}"}
    assert sandbox.call("GET", "/profile", None, headers=headers).json()["name"] == "Halden Cooling"


@pytest.mark.parametrize("name", ["username", "email"])
@pytest.mark.parametrize("place", ["query", "form"])
def test_sign_in_parameters(sandbox: SandboxServer, name: str, place: str) -> None:
    params = {"grant_type": "user_credentials", name: "Support@Example.com", "password": "demo"}
    answer = ask(sandbox, params) if place == "query" else ask(sandbox, {}, params)
    token = answer.json()["access_token"]
    profile = sandbox.call("GET", "/user/profile", None, headers={"Authorization": f"Bearer {token}"}).json()
    assert profile["email"] == "support@example.com"
    assert profile["role"]["name"] == "Support"
    assert "ORG_DEVICES_EDIT" in profile["role"]["permissions"]
    assert "ORG_DEVICES_DELETE" not in profile["role"]["permissions"]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "user_credentials"}, "invalid_request"),
        ({"grant_type": "user_credentials", "username": "admin@example.com"}, "invalid_request"),
        ({"grant_type": "user_credentials", "username": "admin@example.com", "password": "no"}, "invalid_grant"),
        ({"grant_type": "user_credentials", "username": "nobody@example.com", "password": "demo"}, "invalid_grant"),
        ({"grant_type": "user_credentials", "username": "a\0b", "password": "\0\ud7ff"}, "invalid_grant"),
        # Pending; suspended.
        ({"grant_type": "user_credentials", "username": "pending@example.com", "password": "demo"}, "invalid_grant"),
        ({"grant_type": "user_credentials", "username": "suspended@example.com", "password": "demo"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "sbx-refresh-unknown"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x" * 5000}, "invalid_grant"),
    ],
)
def test_errors_are_flat(sandbox: SandboxServer, params: dict[str, str], error: str) -> None:
    answer = ask(sandbox, params)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.json()["error"] == error


@pytest.mark.parametrize("auth", [None, ("someone", "else"), ("oa2-client-id_sandbox-portal-demo-0000000000000", "")])
def test_a_wrong_client_is_refused(sandbox: SandboxServer, auth: tuple[str, str] | None) -> None:
    url = f"{sandbox.url}/oauth2/token?grant_type=client_credentials"
    answer = sandbox.session.post(url, auth=auth)
    assert (answer.status_code, answer.json()["error"], answer.json()["error_description"]) == (400, *WRONG_CLIENT)


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic 8J+Yig==", "Bearer x", "Basic " + "A" * 5000])
def test_a_malformed_client_header_is_refused(sandbox: SandboxServer, header: str) -> None:
    url = f"{sandbox.url}/oauth2/token?grant_type=client_credentials"
    answer = sandbox.session.post(url, headers={"Authorization": header})
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_client"


def test_a_parameter_given_twice_is_refused(sandbox: SandboxServer) -> None:
    answer = ask(sandbox, {"grant_type": "client_credentials"}, {"grant_type": "client_credentials"})
    assert answer.json()["error"] == "invalid_request"


def test_a_refresh_token_works_once(sandbox: SandboxServer) -> None:
    first = sandbox.grant("user_credentials", username="viewer@example.com", password="demo").json()
    second = sandbox.grant("refresh_token", refresh_token=first["refresh_token"])
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first["refresh_token"]
    again = sandbox.grant("refresh_token", refresh_token=first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    # Reuse revokes nothing: both access tokens and the new refresh token still work.
    for token in (first["access_token"], second.json()["access_token"]):
        profile = sandbox.call("GET", "/user/profile", None, headers={"Authorization": f"Bearer {token}"})
        assert profile.json()["email"] == "viewer@example.com"
    assert sandbox.grant("refresh_token", refresh_token=second.json()["refresh_token"]).status_code == 200


def test_of_concurrent_refreshes_one_succeeds(sandbox: SandboxServer) -> None:
    token = sandbox.grant("client_credentials").json()["refresh_token"]

    def refresh(_: int) -> int:
        url = f"{sandbox.url}/oauth2/token"
        auth = (sandbox.client_id, sandbox.client_secret)
        params = {"grant_type": "refresh_token", "refresh_token": token}
        return requests.post(url, params=params, auth=auth, timeout=20).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(refresh, range(8))) == [200] + [400] * 7


def test_access_and_refresh_tokens_are_not_interchangeable(sandbox: SandboxServer) -> None:
    pair = sandbox.grant("client_credentials").json()
    assert sandbox.grant("refresh_token", refresh_token=pair["access_token"]).status_code == 400
    headers = {"Authorization": f"Bearer {pair['refresh_token']}"}
    assert sandbox.call("GET", "/profile", None, headers=headers).status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer unknown", "Basic dXNlcjpkZW1v", "Bearer ü"])
def test_calls_without_a_valid_token(sandbox: SandboxServer, header: str) -> None:
    answer = sandbox.call("GET", "/devices", None, headers={"Authorization": header.encode()})
    assert answer.status_code == 401
    assert answer.json() == {"error": {"message": "Access token is missing, unknown or expired."}}


def test_tokens_expire(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(access_lifetime=1, refresh_lifetime=1)
    pair = fresh_sandbox.grant("client_credentials").json()
    assert pair["expires_in"] == 1
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    begun = time.monotonic()
    while fresh_sandbox.call("GET", "/profile", None, headers=headers).status_code == 200:
        assert time.monotonic() - begun < 5
    assert time.monotonic() - begun > 0.8
    assert fresh_sandbox.grant("refresh_token", refresh_token=pair["refresh_token"]).status_code == 400


def test_tokens_can_be_expired_by_control(fresh_sandbox: SandboxServer) -> None:
    pair = fresh_sandbox.grant("user_credentials", username="owner@example.com", password="demo").json()
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    fresh_sandbox.expire_tokens()
    assert fresh_sandbox.call("GET", "/user/profile", None, headers=headers).status_code == 401
    renewed = fresh_sandbox.grant("refresh_token", refresh_token=pair["refresh_token"])
    assert renewed.status_code == 200
    fresh_sandbox.expire_tokens(refresh=True)
    assert fresh_sandbox.grant("refresh_token", refresh_token=renewed.json()["refresh_token"]).status_code == 400
