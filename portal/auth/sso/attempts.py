"""A sign-in under way: what has to be remembered between leaving for the provider and coming back.

It lives in a signed cookie of its own, one for each attempt, so that several tabs can sign in at once. In the session,
two requests at a time would overwrite each other's, and signing in in one tab would undo it in the next.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

from authlib.common.security import generate_token
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

AGE = 600
"""Seconds from leaving to coming back."""
MOST = 5
"""Attempts under way in one browser; older ones are given up, or their cookies would outgrow a request's headers."""
LONGEST_TARGET = 1000


class Attempt(NamedTuple):
    """`state` travels through the provider; `verifier` (PKCE) and `target` stay in the cookie."""

    state: str
    verifier: str
    target: str

    @property
    def nonce(self) -> str:
        """Bound to this attempt, and tells nothing of the verifier."""
        return hashlib.sha256(f"nonce {self.verifier}".encode()).hexdigest()


def begin(request: HttpRequest, target: str) -> Attempt:
    return Attempt(secrets.token_urlsafe(32), generate_token(64), target if len(target) <= LONGEST_TARGET else "")


def remember(request: HttpRequest, response: HttpResponse, attempt: Attempt) -> None:
    """Set the attempt's cookie on `response`, and give up the oldest ones."""
    under_way = [name for name in request.COOKIES if name.startswith(_prefix())]
    for name in under_way[: max(0, len(under_way) - MOST + 1)]:
        response.delete_cookie(name)
    response.set_cookie(
        _name(attempt.state),
        signing.dumps([attempt.verifier, attempt.target], salt=_salt(attempt.state)),
        max_age=AGE,
        secure=settings.SECURE_COOKIES,
        httponly=True,
        samesite="Lax",
    )


def recall(request: HttpRequest, state: str) -> Attempt | None:
    """The attempt that this browser began with this state; None when it did not, or too long ago."""
    cookie = request.COOKIES.get(_name(state), "")
    try:
        verifier, target = signing.loads(cookie, salt=_salt(state), max_age=AGE)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Attempt(state, verifier, target)


def forget(response: HttpResponse, state: str) -> None:
    """An attempt is good for one coming back, however that ends."""
    response.delete_cookie(_name(state))


def _prefix() -> str:
    return f"{settings.COOKIE_PREFIX}sso-"


def _name(state: str) -> str:
    return _prefix() + hashlib.sha256(state.encode("utf-8", "replace")).hexdigest()[:16]


def _salt(state: str) -> str:
    return f"portal.sso {state}"
