"""Sign-ons at the provider, stored as SsoLogin rows."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from portal.auth.crypto import DecryptionError, Secret, Tokens, seal, unseal
from portal.auth.models import LogoutNotice, SsoLogin
from portal.auth.sso.identity import Identity, pack, unpack

SESSION_KEY = "sso"
"""Session key of the row's handle."""


def read_identity(handle: str | None) -> Identity | None:
    """The person of this sign-on; None if it is gone, for example after a sign-out at the provider."""
    if not handle:
        return None
    oldest = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE)
    row = SsoLogin.objects.filter(handle=handle, created_at__gt=oldest).values_list("identity", flat=True).first()
    return unpack(row) if row else None


def open_login(identity: Identity, id_token: Secret, returned_at: datetime) -> str | None:
    """Store a sign-on and return its handle. Also deletes rows older than any session.

    None if the provider has reported in the meantime that this session ended, or that all sessions of the person ended
    after `returned_at`, the time of the callback.
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
    # Checked after the row exists: a later notice finds the row.
    ended = Q(subject=identity.subject, sid="", received_at__gte=returned_at)
    if identity.sid:
        ended |= Q(sid=identity.sid, subject__in=["", identity.subject])
    if LogoutNotice.objects.filter(ended).exists():
        delete_login(handle)
        return None
    return handle


def id_token_hint(handle: str | None) -> Secret | None:
    """The ID token of this sign-on, for sign-out at the provider; None if it is gone or cannot be decrypted."""
    row = SsoLogin.objects.filter(handle=handle).values_list("hint", flat=True).first() if handle else None
    try:
        return unseal(row, str(handle), 0).access if row else None
    except DecryptionError:
        return None


def delete_login(handle: str | None) -> None:
    if handle:
        SsoLogin.objects.filter(handle=handle).delete()
