"""OpenID Connect Back-Channel Logout 1.0: the provider tells that somebody signed out there, server to server.

What it ends, ends in every process at once, since each request asks the database for its grant.
"""

from __future__ import annotations

import hashlib
import logging
import time
from typing import Any

from authlib.oauth2.claims import JWTClaims
from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from joserfc.errors import JoseError

from portal.auth import session_admin
from portal.auth.models import ApiGrant, LogoutNotice, SsoLogin
from portal.auth.sso import oidc, provider
from portal.auth.sso.identity import LONGEST

log = logging.getLogger(__name__)

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPES = frozenset({"logout+jwt", "application/logout+jwt"})
FRESH = 300
"""Seconds that a message may be under way. Its `jti` is remembered for much longer."""


def end_sessions(logout_token: str) -> int:
    """Believe the message once, and end the sessions it names. Tells how many there were.

    Raises NotValid for a message that does not hold, and Down where the provider's keys cannot be read.
    """
    claims = _checked(logout_token)
    sub, sid = claims.get("sub", ""), claims.get("sid", "")
    which = Q(subject=oidc.subject(sub)) if sub else Q(subject__startswith=oidc.subject(""))
    if sid:
        # A session whose `sid` the provider never told can only be found by its person.
        which &= Q(sid=sid) | Q(sid="") if sub else Q(sid=sid)
    notice = _take_note(claims, sub, sid)
    try:
        return _end(which)
    except Exception:
        notice.delete()  # it was not carried out: the provider may try again
        raise


def _take_note(claims: dict[str, Any], sub: str, sid: str) -> LogoutNotice:
    """Stored for itself before anything is ended: a sign-on that is just being stored looks for it afterwards."""
    key = hashlib.sha256(f"{claims['iss']} {claims['jti']}".encode()).hexdigest()
    subject = oidc.subject(sub) if sub else ""
    told = {"subject": subject, "sid": sid, "received_at": timezone.now()}
    notice, first = LogoutNotice.objects.get_or_create(key=key, defaults=told)
    if not first:
        raise provider.NotValid("it came before")
    return notice


def _end(which: Q) -> int:
    found = list(ApiGrant.objects.filter(which).values_list("handle", "person"))
    logins = list(SsoLogin.objects.filter(which).values_list("handle", flat=True))
    handles = {handle for handle, _ in found}
    ApiGrant.objects.filter(handle__in=handles).delete()
    SsoLogin.objects.filter(handle__in=logins).delete()
    session_admin.delete_sessions(handles | set(logins))
    for _, person in found:
        log.info("a session of %s was ended by the sign-on", person)
    return max(len(found), len(logins))


def _checked(logout_token: str) -> dict[str, Any]:
    """The claims, by the steps of §2.6. An ID token is none: it has a nonce, and no event."""
    token = provider.verified(logout_token)
    kind = token.header.get("typ")
    if kind is not None and str(kind).lower() not in TYPES:
        raise provider.NotValid("it is of another type")
    options: Any = {
        "iss": {"essential": True, "value": settings.OIDC_ISSUER},
        "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},
        "iat": {"essential": True},
        "jti": {"essential": True},
    }
    claims = token.claims
    try:
        JWTClaims(claims, token.header, options).validate(leeway=oidc.LEEWAY)
    except (JoseError, ValueError, TypeError) as error:
        raise provider.NotValid(f"{type(error).__name__} {getattr(error, 'claim', '')}") from None
    oidc.for_us_alone(claims)
    if claims["iat"] < time.time() - FRESH - oidc.LEEWAY:
        raise provider.NotValid("it is too old")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise provider.NotValid("it is about another event")
    if "nonce" in claims:
        raise provider.NotValid("it has a nonce")
    names = [claims[name] for name in ("sub", "sid") if name in claims]
    if not names or not all(isinstance(name, str) and 0 < len(name) <= LONGEST["sid"] for name in names):
        raise provider.NotValid("it names nobody")
    return claims
