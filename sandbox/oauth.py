"""`POST /oauth2/token`: three grants, HTTP Basic client authentication, flat errors, single-use refresh tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
import time
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict

from sandbox import switches
from sandbox.models import Organization, Token, User
from sandbox.permissions import Caller

issuing = threading.Lock()
"""Held while tokens are issued, and while a reset copies them."""
GRANTS = ("client_credentials", "user_credentials", "refresh_token")


class OAuthError(Exception):
    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def caller_of(request: HttpRequest) -> Caller | None:
    """The caller that the bearer token identifies; None if it is missing, unknown or expired."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    row = (
        Token.objects.filter(digest=_digest(token.strip()), refresh=False, expires_at__gt=now_ms())
        .values_list("user_id", "user__org_id", "user__email", "user__role__permissions")
        .first()
    )
    if row is None:
        return None
    user_id, org_id, email, permissions = row
    if user_id is None:
        return Caller(org_id=_client_organization())
    return Caller(org_id, user_id, email, frozenset(permissions))


def _client_organization() -> int:
    """The OAuth client's organization: the first root of the tree."""
    return Organization.objects.filter(parent=None).order_by("id").values_list("id", flat=True)[0]


def _parameters(request: HttpRequest) -> dict[str, str]:
    """From query and form body, as the switch says. A repeated parameter is refused."""
    place = switches.get("token_parameters")
    try:
        parts: list[QueryDict] = []
        if place in ("any", "query"):
            parts.append(request.GET)
        if place in ("any", "form") and request.content_type == "application/x-www-form-urlencoded":
            parts.append(request.POST)
        pairs = [(name, value) for part in parts for name, values in part.lists() for value in values]
    except SuspiciousOperation:
        raise OAuthError("invalid_request", "Too much was sent.") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise OAuthError("invalid_request", "A parameter was given twice.")
    return found


def _check_client(request: HttpRequest) -> None:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        given = b""
    known = f"{settings.CLIENT_ID}:{settings.CLIENT_SECRET}".encode()
    if not hmac.compare_digest(given, known):
        status = int(str(switches.get("invalid_client_status")))
        raise OAuthError("invalid_client", "Client ID is not found or password is wrong.", status)


def _check_password(params: dict[str, str]) -> User:
    allowed = switches.get("sign_in_name")
    names = ("username", "email") if allowed == "any" else (str(allowed),)
    email = next((params[name] for name in names if params.get(name)), "")
    password = params.get("password", "")
    if not email or not password:
        raise OAuthError("invalid_request", "The user's e-mail and password are required.")
    user = User.objects.filter(email=email.strip().lower(), status__in=("Active", "Inactive")).first()
    if user is None or not hmac.compare_digest(password.encode("utf-8", "replace"), settings.PASSWORD.encode()):
        raise OAuthError("invalid_grant", "User is not found or password is wrong.")
    return user


def _use_refresh_token(params: dict[str, str], note: dict[str, Any]) -> Token:
    """Mark the refresh token as used and return its row. Reuse is noted in the request log."""
    text = params.get("refresh_token", "")
    if not text:
        raise OAuthError("invalid_request", "The refresh token is required.")
    now = now_ms()
    tokens = Token.objects.filter(digest=_digest(text), refresh=True, expires_at__gt=now)
    # The update is the check: only one of two concurrent requests finds the token unused.
    first_use = tokens.filter(used_at=0).update(used_at=now) == 1
    row = tokens.first()
    if row is None:
        _refuse_refresh()
    note["reused"] = not first_use
    grace = int(switches.number("refresh_grace") * 1000)
    if not first_use and not (grace and now - row.used_at <= grace):
        if switches.get("refresh_reuse") == "family":
            Token.objects.filter(family=row.family).delete()
        _refuse_refresh()
    if switches.on("refresh_ends_access"):
        Token.objects.filter(family=row.family, refresh=False).delete()
    return row


def _refuse_refresh() -> NoReturn:
    raise OAuthError("invalid_grant", "Refresh token is not found, expired or already used.")


def issue(user_id: int | None, family: str = "") -> dict[str, object]:
    """Issue a pair of tokens, and delete expired ones."""
    now = now_ms()
    Token.objects.filter(expires_at__lte=now).delete()
    family = family or secrets.token_hex(16)
    lives = int(switches.number("access_lifetime"))
    access = f"sbx-access-{secrets.token_urlsafe(24)}"
    Token.objects.create(
        digest=_digest(access),
        refresh=False,
        user_id=user_id,
        family=family,
        expires_at=now + lives * 1000,
    )
    data: dict[str, object] = {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": lives,
    }
    if switches.on("refresh_tokens"):
        refresh = f"sbx-refresh-{secrets.token_urlsafe(24)}"
        Token.objects.create(
            digest=_digest(refresh),
            refresh=True,
            user_id=user_id,
            family=family,
            expires_at=now + int(switches.number("refresh_lifetime")) * 1000,
        )
        data["refresh_token"] = refresh
    return data


def _grant(request: HttpRequest) -> dict[str, object]:
    _check_client(request)
    params = _parameters(request)
    grant = params.get("grant_type", "")
    if not grant:
        raise OAuthError("invalid_request", "grant_type is required.")
    if grant not in GRANTS:
        raise OAuthError("unsupported_grant_type", "This grant_type is not supported.")
    request.META["sandbox.note"]["grant"] = grant
    if grant == "client_credentials":
        return issue(None)
    if grant == "user_credentials":
        return issue(_check_password(params).pk)
    row = _use_refresh_token(params, request.META["sandbox.note"])
    return issue(row.user_id, row.family)


def token(request: HttpRequest) -> HttpResponse:
    """An error does not roll back the use of a refresh token, so it is handled inside the transaction."""
    error: OAuthError | None = None
    with issuing, transaction.atomic():
        try:
            data = _grant(request)
        except OAuthError as raised:
            error = raised
    if error is not None:
        data = {"error": error.error, "error_description": error.description}
    response = HttpResponse(json.dumps(data), content_type="application/json", status=error.status if error else 200)
    response["Cache-Control"] = "no-store"
    return response
