"""The rows of those whom the provider has signed in."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from portal.auth.crypto import Secret, Tokens, Unreadable, seal, unseal
from portal.auth.models import LogoutNotice, SsoLogin
from portal.auth.sso.identity import Identity, pack, unpack

SESSION_KEY = "sso"
"""Where a session keeps the handle of its row, and nothing else of the sign-on."""


def read(handle: str | None) -> Identity | None:
    """The person of this handle; None when the row is gone, as after a sign-out at the provider."""
    if not handle:
        return None
    oldest = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    row = SsoLogin.objects.filter(handle=handle, created_at__gt=oldest).values_list("identity", flat=True).first()
    return unpack(row) if row else None


def open_login(identity: Identity, id_token: Secret, came_back: datetime) -> str | None:
    """Store who signed in and return the row's handle. Rows older than any session are cleared away.

    None when the provider has meanwhile told that this very session of theirs has ended, or since `came_back`, when the
    attempt came back from it, that all of theirs have.
    """
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
        hint=seal(Tokens(id_token, None, 0.0), handle, 0),
        created_at=now,
    )
    # Looked for after the row is there: a notice that comes later finds the row.
    ended = Q(subject=identity.subject, sid="", received_at__gte=came_back)
    if identity.sid:
        ended |= Q(sid=identity.sid, subject__in=["", identity.subject])
    if LogoutNotice.objects.filter(ended).exists():
        close(handle)
        return None
    return handle


def hint(handle: str | None) -> Secret | None:
    """The ID token of this sign-on, for signing out at the provider; None where it is gone or cannot be read."""
    row = SsoLogin.objects.filter(handle=handle).values_list("hint", flat=True).first() if handle else None
    try:
        return unseal(row, str(handle), 0).access if row else None
    except Unreadable:
        return None


def close(handle: str | None) -> None:
    if handle:
        SsoLogin.objects.filter(handle=handle).delete()
