"""An in-process token endpoint, and helpers for the tests of grants."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from devices.gateway.types import Role, UserProfile
from portal.auth import oauth
from portal.auth.crypto import Secret, Tokens
from portal.auth.models import ApiGrant

PERSON = UserProfile(id=7, email="ann@example.com", role=Role(id=1, name="Admin", permissions=frozenset({"A", "B"})))


class TokenEndpoint:
    """A fake oauth.refresh with single-use refresh tokens; a second use revokes the family."""

    def __init__(self) -> None:
        self.calls = 0
        self.reused = 0
        self.delay = 0.0
        self.fault: Exception | None = None
        self.on_call: Callable[[], None] = lambda: None
        self.current = "refresh-0"
        self._lock = threading.Lock()

    def tokens(self, expires_in: float = 3600.0) -> Tokens:
        return Tokens(Secret(f"access-{self.calls}"), Secret(self.current), expires_in)

    def __call__(self, token: Secret, *, seconds: float) -> Tokens:
        with self._lock:
            self.calls += 1
            if self.fault:
                raise self.fault
            if not token.matches(self.current):
                self.reused += 1
                self.current = ""
            if not self.current:
                raise oauth.WrongCredentials(api_status=400)
            self.current = f"refresh-{self.calls}"
            fresh = self.tokens()
        self.on_call()
        time.sleep(self.delay)
        return fresh


def expire(handle: str) -> None:
    past = time.time() - 1
    ApiGrant.objects.filter(handle=handle).update(expires_at=past, refresh_at=past)


def row_of(handle: str) -> ApiGrant:
    return ApiGrant.objects.get(handle=handle)
