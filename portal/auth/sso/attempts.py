"""A login attempt in a signed cookie of its own: in the session, concurrent tabs would overwrite each other's."""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

from authlib.common.security import generate_token
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

MAX_AGE = 600
"""Seconds from the redirect to the callback."""
MAX_PENDING = 5
"""Per browser; the oldest are dropped, so that cookies do not exceed the header limit."""
MAX_TARGET_LENGTH = 1000


class Attempt(NamedTuple):
    """`state` passes through the provider; `verifier` (PKCE) and `target` stay in the cookie."""

    state: str
    verifier: str
    target: str

    @property
    def nonce(self) -> str:
        """Derived from the verifier, which it does not reveal."""
        return hashlib.sha256(f"nonce {self.verifier}".encode()).hexdigest()


def create(request: HttpRequest, target: str) -> Attempt:
    return Attempt(secrets.token_urlsafe(32), generate_token(64), target if len(target) <= MAX_TARGET_LENGTH else "")


def set_cookie(request: HttpRequest, response: HttpResponse, attempt: Attempt) -> None:
    """Set the attempt's cookie on `response`, and delete the oldest ones."""
    pending = [name for name in request.COOKIES if name.startswith(_prefix())]
    for name in pending[: max(0, len(pending) - MAX_PENDING + 1)]:
        response.delete_cookie(name)
    response.set_cookie(
        _cookie_name(attempt.state),
        signing.dumps([attempt.verifier, attempt.target], salt=_salt(attempt.state)),
        max_age=MAX_AGE,
        secure=settings.SECURE_COOKIES,
        httponly=True,
        samesite="Lax",
    )


def load(request: HttpRequest, state: str) -> Attempt | None:
    """The attempt that this browser started with this state; None if there is none or it expired."""
    cookie = request.COOKIES.get(_cookie_name(state), "")
    try:
        verifier, target = signing.loads(cookie, salt=_salt(state), max_age=MAX_AGE)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Attempt(state, verifier, target)


def delete_cookie(response: HttpResponse, state: str) -> None:
    """An attempt allows one callback, whatever its result."""
    response.delete_cookie(_cookie_name(state))


def _prefix() -> str:
    return f"{settings.COOKIE_PREFIX}sso-"


def _cookie_name(state: str) -> str:
    return _prefix() + hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()[:16]


def _salt(state: str) -> str:
    return f"portal.sso {state}"
