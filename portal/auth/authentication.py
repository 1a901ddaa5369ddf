"""Whose request this is: the living grant of its session, checked against what the company's sign-on says now."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from portal.auth import grants
from portal.auth.sso import header, logins, service
from portal.auth.sso.identity import Identity


def signed_on(request: HttpRequest) -> Identity | None:
    """Who has signed on at the company's sign-on; None without one, or when nobody has.

    With the organization's token there is nothing left to connect: whoever is out signs on anew at the provider.
    Raises Refused for a request that claims to come through the proxy and did not.
    """
    if settings.SSO == "header":
        return header.identity(request)
    if settings.SSO == "oidc" and settings.SIGN_IN == "user":
        return logins.read(request.session.get(logins.SESSION_KEY))
    return None


def authenticate_request(request: HttpRequest) -> tuple[grants.Row, Identity | None] | None:
    """The grant that lets this request in, and the person as a proxy names them; None when one has to sign in.

    A session that belongs to somebody else than the proxy names, or to nobody, or that was begun under another way of
    signing in, is ended here. Raises Refused.
    """
    identity = header.identity(request) if settings.SSO == "header" else None
    handle = request.session.get(grants.SESSION_KEY)
    row = grants.read(handle) if handle else None
    if row is not None and not _fits(row, identity):
        end_session(request)
        return None
    if identity and settings.SIGN_IN == "service":
        service.require_groups(identity)  # a proxy tells them with each request, and they may have changed
    if row is None and has_idled(request):
        # The sign-on is over with it, or the next request would begin a new session by itself.
        logins.close(request.session.get(logins.SESSION_KEY))
    return (row, identity) if row else None


def has_idled(request: HttpRequest) -> bool:
    """Whether this request's session has ended because nothing was done in it for too long."""
    handle: str = request.session.get(grants.SESSION_KEY, "")
    return bool(handle) and grants.idled(handle)


def _fits(row: grants.Row, identity: Identity | None) -> bool:
    if (row.user == 0) != (settings.SIGN_IN == "service"):
        return False
    if settings.SSO == "header":
        return identity is not None and identity.subject == row.subject
    if settings.SSO == "oidc":
        return row.subject.startswith(f"{settings.OIDC_ISSUER}|")
    return True


def end_session(request: HttpRequest) -> None:
    """Delete the grant, the sign-on and the session: the cookie opens nothing any more, in any process."""
    handle = request.session.get(grants.SESSION_KEY)
    if handle:
        grants.close_grant(handle)
    logins.close(request.session.get(logins.SESSION_KEY))
    request.session.flush()
