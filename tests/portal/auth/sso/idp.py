"""An OpenID provider for tests: in this process, over loopback HTTP, with adjustable responses."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from django.contrib.sessions.models import Session
from joserfc import jwt
from joserfc.jwk import RSAKey

from portal.auth.models import ApiGrant, SsoLogin
from tests.portal.conftest import Browser, words

CLIENT = "portal"
CLIENT_SECRET = "client-secret-canary-+/%-0123456789-0123456789"
SUB = "sub-of-viewer"


class Idp:
    """One person is signed in there. `person`: their claims; `id_claims`: changes to ID tokens (None: left out).

    `calls` lists (method, path); `forms` what the token endpoint was sent.
    """

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self.reset()

    def reset(self) -> None:
        self.person: dict[str, Any] = {
            "sub": SUB,
            "email": "viewer@example.com",
            "email_verified": True,
            "name": "Vera Viewer",
            "groups": ["support", "staff"],
        }
        self.id_claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.signing_key: Any = self.key
        self.published: list[Any] = [self.key]
        self.metadata: dict[str, Any] = {}
        self.answers: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.in_id_token = True
        self.userinfo: dict[str, Any] = {}
        self.sid = "sid-1"
        self.calls: list[tuple[str, str]] = []
        self.forms: list[dict[str, str]] = []
        self.codes: dict[str, dict[str, str]] = {}

    def count(self, path: str) -> int:
        return sum(called == path for _, called in self.calls)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # --- what it says -------------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        described = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/me",
            "end_session_endpoint": f"{self.issuer}/end",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        } | self.metadata
        return {name: value for name, value in described.items() if value is not None}

    def authorize(self, location: str) -> dict[str, str]:
        """Accept the authorization request at this URL; returns the parameters of the callback."""
        requested = dict(parse_qsl(urlsplit(location).query))
        code = secrets.token_urlsafe(16)
        self.codes[code] = requested
        return {"code": code, "state": requested["state"]}

    def id_token(self, nonce: str, **changes: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": self.person["sub"], "aud": CLIENT, "iat": now, "exp": now + 300}
        claims |= {"nonce": nonce, "sid": self.sid} | (self.person if self.in_id_token else {})
        return self.sign(claims | self.id_claims | changes)

    def logout_token(self, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_hex(8),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            "sub": SUB,
            "sid": "sid-1",
        }
        return self.sign(claims | changes, typ="logout+jwt")

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        kept = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": "RS256", "kid": "one"} | header | self.header
        if head["alg"] == "none":
            return ".".join([*(_base64(json.dumps(part).encode()) for part in (head, kept)), ""])
        if head["alg"] == "HS256":  # by hand: no library signs with a secret that is somebody's public key
            body = ".".join(_base64(json.dumps(part).encode()) for part in (head, kept))
            return f"{body}.{_base64(hmac.digest(self.signing_key.encode(), body.encode(), 'sha256'))}"
        return jwt.encode(
            {k: v for k, v in head.items() if v}, kept, self.signing_key, [head["alg"]], default_type=None
        )

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        self.forms.append(form | {"authorization": authorization})
        requested = self.codes.pop(form.get("code", ""), None)
        if requested is None or form["redirect_uri"] != requested["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if requested.get("code_challenge") != _base64(digest):
            return 400, {"error": "invalid_grant", "error_description": "PKCE"}
        return 200, {
            "access_token": "access-token-canary",
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": self.id_token(requested["nonce"]),
        }


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _handler(idp: Idp) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def log_message(self, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            self.answer("GET", {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.answer("POST", {name: values[0] for name, values in parse_qs(body).items()})

        def answer(self, method: str, form: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            idp.calls.append((method, path))
            status, body, headers = idp.answers.get(path, (0, b"", {}))
            if not status and (back := self.way_back(path)):
                status, headers = 302, {"Location": back}
            elif not status:
                status, content = self.respond(path, form)
                body = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def way_back(self, path: str) -> str:
            """Accepts every authorization request without a form."""
            requested = dict(parse_qsl(urlsplit(self.path).query))
            if path == "/authorize":
                return f"{requested['redirect_uri']}?{urlencode(idp.authorize(self.path))}"
            return requested["post_logout_redirect_uri"] if path == "/end" else ""

        def respond(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
            if path == "/.well-known/openid-configuration":
                return 200, idp.describe()
            if path == "/keys":
                return 200, {"keys": [key.as_dict(private=False) for key in idp.published]}
            if path == "/token":
                return idp.token(form, self.headers.get("Authorization", ""))
            if path == "/me" and self.headers.get("Authorization") == "Bearer access-token-canary":
                return 200, idp.person | idp.userinfo
            return 404, {"error": "not_found"}

    return Handler


def another_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "two"})


class Person(Browser):
    """A browser whose person is signed in at `idp`."""

    def __init__(self, idp: Idp, **options: Any) -> None:
        super().__init__(**options)
        self.idp = idp

    def begin_sign_on(self, target: str = "/look/") -> str:
        """Start sign-in; returns the provider's URL."""
        response = self.get("/sso/start/", {"next": target})
        assert response.status_code == 302, response.content.decode()
        return str(response["Location"])

    def finish_sign_on(self, location: str, **changes: str) -> Any:
        return self.get("/sso/callback/", self.idp.authorize(location) | changes)

    def sign_on(self, target: str = "/look/") -> Any:
        return self.finish_sign_on(self.begin_sign_on(target))

    def connect(self, user: str = "viewer") -> None:
        """Sign in at the provider, and connect the platform account."""
        assert self.sign_on().status_code == 303
        assert self.sign_in(user).status_code == 303


def nobody(response: Any, status: int) -> str:
    """Assert a refusal that stored nothing and offers a way to continue; returns its text."""
    assert response.status_code == status, words(response)
    assert not SsoLogin.objects.exists()
    assert not ApiGrant.objects.exists()
    assert not Session.objects.exists()
    return words(response)


@contextmanager
def running() -> Iterator[Idp]:
    idp = Idp()
    try:
        yield idp
    finally:
        idp.stop()
