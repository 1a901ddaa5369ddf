"""The rows of those whom the provider has signed in."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from portal.signin.models import LogoutNotice, SsoLogin
from portal.signin.sso.identity import Identity, pack, unpack

SESSION_KEY = "sso"
"""Where a session keeps the handle of its row, and nothing else of the sign-on."""


def read(handle: str | None) -> Identity | None:
    """The person of this handle; None when the row is gone, as after a sign-out at the provider."""
    if not handle:
        return None
    oldest = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    row = SsoLogin.objects.filter(handle=handle, created_at__gt=oldest).values_list("identity", flat=True).first()
    return unpack(row) if row else None


def open_login(identity: Identity) -> str:
    """Store who signed in and return the row's handle. Rows older than any session are cleared away."""
    now = timezone.now()
    old = now - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    SsoLogin.objects.filter(created_at__lt=old).delete()
    LogoutNotice.objects.filter(received_at__lt=old).delete()
    handle = secrets.token_urlsafe(32)
    SsoLogin.objects.create(
        handle=handle,
        subject=identity.subject,
        sid=identity.sid,
        identity=pack(identity),
        created_at=now,
    )
    return handle


def close(handle: str | None) -> None:
    if handle:
        SsoLogin.objects.filter(handle=handle).delete()
