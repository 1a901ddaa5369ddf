"""Who sends a request: the active grant of its session, checked against what the company's sign-on says now."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from portal.auth import grants
from portal.auth.sso import header, logins, service
from portal.auth.sso.identity import Identity


def sso_identity(request: HttpRequest) -> Identity | None:
    """Who signed in at the company's sign-on; None for nobody, or without one. Raises LoginRefused (header.py).

    Also None for oidc with SIGN_IN=service: no platform account has to be connected, so a new sign-in starts there.
    """
    if settings.SSO == "header":
        return header.identity_from_headers(request)
    if settings.SSO == "oidc" and settings.SIGN_IN == "user":
        return logins.read_identity(request.session.get(logins.SESSION_KEY))
    return None


def authenticate_request(request: HttpRequest) -> tuple[grants.GrantRow, Identity | None] | None:
    """The grant that admits this request, and the person as a proxy names them. None: sign in first.

    Ends a session that belongs to another person than the proxy names, or that started under another configuration.
    Raises LoginRefused.
    """
    identity = header.identity_from_headers(request) if settings.SSO == "header" else None
    handle = request.session.get(grants.SESSION_KEY)
    row = grants.read(handle) if handle else None
    if row is not None and not _matches(row, identity):
        end_session(request)
        return None
    if identity and settings.SIGN_IN == "service":
        service.require_groups(identity)  # a proxy sends them with every request, and they can change
    if row is None and session_timed_out(request):
        # End the sign-on too, or the next request would start a new session without asking.
        logins.delete_login(request.session.get(logins.SESSION_KEY))
    return (row, identity) if row else None


def session_timed_out(request: HttpRequest) -> bool:
    """Whether this request's session ended by inactivity."""
    handle: str = request.session.get(grants.SESSION_KEY, "")
    return bool(handle) and grants.timed_out(handle)


def _matches(row: grants.GrantRow, identity: Identity | None) -> bool:
    if (row.user == 0) != (settings.SIGN_IN == "service"):
        return False
    if settings.SSO == "header":
        return identity is not None and identity.subject == row.subject
    if settings.SSO == "oidc":
        return row.subject.startswith(f"{settings.OIDC_ISSUER}|")
    return True


def end_session(request: HttpRequest) -> None:
    """Delete the grant, the sign-on and the session. The cookie is worthless from then on, in every process."""
    handle = request.session.get(grants.SESSION_KEY)
    if handle:
        grants.close_grant(handle)
    logins.delete_login(request.session.get(logins.SESSION_KEY))
    request.session.flush()
