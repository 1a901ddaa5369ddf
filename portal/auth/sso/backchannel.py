"""OpenID Connect Back-Channel Logout 1.0: the provider reports a sign-out, server to server, for every process."""

from __future__ import annotations

import hashlib
import logging
import time
from typing import Any

from authlib.oauth2.claims import JWTClaims
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from portal.auth import session_admin
from portal.auth.models import ApiGrant, LogoutNotice, SsoLogin
from portal.auth.sso import oidc, provider
from portal.auth.sso.identity import MAX_LENGTHS

log = logging.getLogger(__name__)

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPES = frozenset({"logout+jwt", "application/logout+jwt"})
MAX_AGE = 300
"""Seconds since `iat`. The `jti` is remembered for much longer."""


def end_sessions(logout_token: str) -> int:
    """End the sessions that a token names, once, and return their number. Raises InvalidToken, ProviderUnavailable."""
    claims = _validated_claims(logout_token)
    sub, sid = claims.get("sub", ""), claims.get("sid", "")
    which = Q(subject=oidc.subject(sub)) if sub else Q(subject__startswith=oidc.subject(""))
    if sid:
        # A session whose `sid` is unknown is found by its person.
        which &= Q(sid=sid) | Q(sid="") if sub else Q(sid=sid)
    notice = _record_notice(claims, sub, sid)
    try:
        return _end(which)
    except Exception:
        notice.delete()  # nothing was ended, so the provider may try again
        raise


def _record_notice(claims: dict[str, Any], sub: str, sid: str) -> LogoutNotice:
    """Record the token before ending anything: a concurrent sign-on checks for it (logins.open_login)."""
    key = hashlib.sha256(f"{claims['iss']} {claims['jti']}".encode()).hexdigest()
    subject = oidc.subject(sub) if sub else ""
    defaults = {"subject": subject, "sid": sid, "received_at": timezone.now()}
    notice, first = LogoutNotice.objects.get_or_create(key=key, defaults=defaults)
    if not first:
        raise provider.InvalidToken("it was used before")
    return notice


def _end(which: Q) -> int:
    found = list(ApiGrant.objects.filter(which).values_list("handle", "person"))
    logins = list(SsoLogin.objects.filter(which).values_list("handle", flat=True))
    handles = {handle for handle, _ in found}
    ApiGrant.objects.filter(handle__in=handles).delete()
    SsoLogin.objects.filter(handle__in=logins).delete()
    session_admin.delete_sessions(handles | set(logins))
    for _, person in found:
        log.info("a session of %s was ended by the provider", person)
    return max(len(found), len(logins))


def _validated_claims(logout_token: str) -> dict[str, Any]:
    """The claims, validated as in §2.6. An ID token fails: it has a nonce, and no event."""
    token = provider.verify_signature(logout_token)
    kind = token.header.get("typ")
    if kind is not None and str(kind).lower() not in TYPES:
        raise provider.InvalidToken("it has another type")
    options: Any = {
        "iss": {"essential": True, "value": settings.OIDC_ISSUER},
        "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},
        "iat": {"essential": True},
        "jti": {"essential": True},
    }
    claims = token.claims
    oidc.validate(JWTClaims(claims, token.header, options))
    if claims["iat"] < time.time() - MAX_AGE - oidc.LEEWAY:
        raise provider.InvalidToken("it is too old")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise provider.InvalidToken("it has another event")
    if "nonce" in claims:
        raise provider.InvalidToken("it has a nonce")
    names = [claims[name] for name in ("sub", "sid") if name in claims]
    if not names or not all(isinstance(name, str) and 0 < len(name) <= MAX_LENGTHS["sid"] for name in names):
        raise provider.InvalidToken("it names no subject or session")
    return claims
