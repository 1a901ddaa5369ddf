"""SSO=oidc: OpenID Connect authorization code flow with PKCE (S256) and nonce.

Authlib builds the request and validates the claims, joserfc verifies the signature, provider.py makes the calls.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

import msgspec
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.claims import JWTClaims
from authlib.oauth2.client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from joserfc.errors import JoseError

from devices.gateway.response import printable, read_problem
from portal.auth.crypto import Secret
from portal.auth.sso import provider
from portal.auth.sso.attempts import Attempt
from portal.auth.sso.identity import MAX_GROUPS, MAX_LENGTHS, Identity, LoginRefused

log = logging.getLogger(__name__)

LEEWAY = 60
"""Seconds of clock difference."""


class _Tokens(msgspec.Struct, frozen=True):
    """OpenID Connect Core 1.0 §3.1.3.3. The access token is used once, for claims that the ID token lacks."""

    id_token: str
    access_token: str = ""


def authorization_url(request: HttpRequest, attempt: Attempt, *, prompt_login: bool = False) -> str:
    """Where the person signs in; with `prompt_login` even if someone is signed in there. Raises ProviderUnavailable."""
    client = OAuth2Client(
        None,
        client_id=settings.OIDC_CLIENT_ID,
        scope=settings.OIDC_SCOPES,
        redirect_uri=_callback(request),
        code_challenge_method="S256",
    )
    url, _state = client.create_authorization_url(
        provider.metadata().authorization_endpoint,
        state=attempt.state,
        code_verifier=attempt.verifier,
        nonce=attempt.nonce,
        **({"prompt": "login"} if prompt_login else {}),
    )
    return str(url)


@sensitive_variables("tokens", "claims")
def complete_login(request: HttpRequest, attempt: Attempt) -> tuple[Identity, Secret]:
    """The person and the ID token of a callback. Raises LoginRefused (ProviderUnavailable is one)."""
    metadata = provider.metadata()
    named = request.GET.get("iss")
    if named != metadata.issuer and (named or metadata.authorization_response_iss_parameter_supported):
        # RFC 9207: a response of another provider, which would receive the code.
        raise _login_incomplete("the response names another issuer")
    if error := request.GET.get("error"):
        raise _provider_error(printable(error))
    code = request.GET.get("code", "")
    if not code:
        raise _login_incomplete("the response has no code")
    tokens = _exchange_code(request, code, attempt)
    try:
        claims = _validated_claims(tokens, attempt.nonce)
        identity = _identity(claims, _with_userinfo(claims, tokens.access_token))
    except provider.InvalidToken as error:
        raise _login_incomplete(f"the ID token is invalid: {error}") from None
    return identity, Secret(tokens.id_token)


def sign_out_url(request: HttpRequest, hint: Secret | None) -> str:
    """Where the provider ends its session (RP-Initiated Logout 1.0); empty if it has no such endpoint."""
    try:
        endpoint = provider.metadata().end_session_endpoint
    except provider.ProviderUnavailable:
        return ""
    if not endpoint:
        return ""
    params = [
        ("client_id", settings.OIDC_CLIENT_ID),
        ("post_logout_redirect_uri", request.build_absolute_uri(reverse("sign-in"))),
    ]
    if hint:
        params.append(("id_token_hint", hint.reveal()))
    return str(add_params_to_uri(endpoint, params))


def _callback(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("sso-callback"))


@sensitive_variables("form", "code", "basic")
def _exchange_code(request: HttpRequest, code: str, attempt: Attempt) -> _Tokens:
    metadata = provider.metadata()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _callback(request),
        "code_verifier": attempt.verifier,
    }
    methods = metadata.token_endpoint_auth_methods_supported
    basic = None
    if "client_secret_basic" in methods or "client_secret_post" not in methods:
        # RFC 6749 §2.3.1: both are form-encoded first.
        basic = (quote(settings.OIDC_CLIENT_ID, safe=""), quote(settings.OIDC_CLIENT_SECRET, safe=""))
    else:
        form |= {"client_id": settings.OIDC_CLIENT_ID, "client_secret": settings.OIDC_CLIENT_SECRET}
    reply = provider.call("POST", metadata.token_endpoint, form=form, basic=basic)
    if reply.status == 200:
        return provider.decode(reply, _Tokens)
    error = read_problem(reply.body).code
    if error == "invalid_grant":
        raise _login_incomplete("the code is spent or expired")
    log.error("the provider rejected the portal: status %s, error %r", reply.status, error)
    raise LoginRefused(
        _("The sign-on service does not accept this portal."),
        _("You are not signed in. The portal's administrator has to check its credentials there."),
        status=503,
    )


def _validated_claims(tokens: _Tokens, nonce: str) -> dict[str, Any]:
    """The claims of the ID token. Raises InvalidToken."""
    token = provider.verify_signature(tokens.id_token)
    options: Any = {
        "iss": {"essential": True, "value": settings.OIDC_ISSUER},
        "sub": {"essential": True},
        "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},
        "exp": {"essential": True},
        "iat": {"essential": True},
        "nonce": {"essential": True, "value": nonce},
    }
    params = {"nonce": nonce, "client_id": settings.OIDC_CLIENT_ID, "access_token": tokens.access_token}
    validate(CodeIDToken(token.claims, token.header, options, params))
    return token.claims


def validate(claims: JWTClaims) -> None:
    """Raises InvalidToken, also for a token that has another audience too (OpenID Connect Core 1.0 §3.1.3.7)."""
    try:
        claims.validate(leeway=LEEWAY)
    except (JoseError, ValueError, TypeError) as error:
        raise provider.InvalidToken(f"{type(error).__name__} {getattr(error, 'claim', '')}") from None
    if claims.get("aud") not in (settings.OIDC_CLIENT_ID, [settings.OIDC_CLIENT_ID]):
        raise provider.InvalidToken("it has another audience")


def _with_userinfo(claims: dict[str, Any], access_token: str) -> dict[str, Any]:
    """The ID token's claims, completed from the userinfo endpoint if e-mail or groups are missing."""
    endpoint = provider.metadata().userinfo_endpoint
    if not endpoint or not access_token or ("email" in claims and _groups_claim(claims) is not None):
        return claims
    more = provider.decode(provider.call("GET", endpoint, bearer=access_token), dict[str, Any])
    if more.get("sub") != claims["sub"]:
        raise provider.InvalidToken("userinfo has another subject")
    return more | claims


def _groups_claim(claims: dict[str, Any]) -> Any:
    """The claim with the groups, by name or by a path with dots (`realm_access.roles`)."""
    if settings.OIDC_GROUPS_CLAIM in claims:
        return claims[settings.OIDC_GROUPS_CLAIM]
    found: Any = claims
    for step in settings.OIDC_GROUPS_CLAIM.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _identity(claims: dict[str, Any], profile: dict[str, Any]) -> Identity:
    sid = claims.get("sid")
    sub = claims["sub"]
    if (
        not sub
        or len(subject(sub)) > MAX_LENGTHS["subject"]
        or (sid is not None and (not isinstance(sid, str) or len(sid) > MAX_LENGTHS["sid"]))
    ):
        raise provider.InvalidToken("sub or sid is unusable")
    groups = _groups_claim(profile)
    groups = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    return Identity(
        subject=subject(sub),
        email=_text(profile.get("email"), MAX_LENGTHS["email"]),
        name=_text(profile.get("name"), MAX_LENGTHS["name"]),
        groups=tuple(dict.fromkeys(g for g in groups if isinstance(g, str) and g))[:MAX_GROUPS],
        sid=sid or "",
        email_verified=profile.get("email_verified", True) in (True, "true"),
    )


def subject(sub: str) -> str:
    return f"{settings.OIDC_ISSUER}|{sub}"


def _text(value: object, longest: int) -> str:
    return printable(value) if isinstance(value, str) and len(value) <= longest else ""


def _login_incomplete(why: str) -> LoginRefused:
    log.warning("sign-in at the provider failed: %s", why)
    return LoginRefused(
        _("The sign-on could not be completed."), _("You are not signed in. Sign in again."), status=400
    )


def _provider_error(error: str) -> LoginRefused:
    """RFC 6749 §4.1.2.1, OpenID Connect Core 1.0 §3.1.2.6. The provider's text is not shown."""
    log.warning("the provider returned the error %r", error)
    if error in {"server_error", "temporarily_unavailable"}:
        return provider.ProviderUnavailable()
    if error == "access_denied":
        return LoginRefused(_("The sign-on service did not let you in."), _("You are not signed in."))
    return _login_incomplete("the provider refused the request")
