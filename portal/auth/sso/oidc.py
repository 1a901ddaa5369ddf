"""SSO=oidc: OpenID Connect by authorization code, with PKCE (S256), nonce, and every claim checked that says for whom.

Authlib makes the request and checks the claims, joserfc the signature; who is asked over the network is provider.py's.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

import msgspec
from authlib.common.urls import add_params_to_uri
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
from portal.auth.sso.identity import LONGEST, MOST_GROUPS, Identity, Refused

log = logging.getLogger(__name__)

LEEWAY = 60
"""Seconds that two clocks may differ."""


class _Tokens(msgspec.Struct, frozen=True):
    """OpenID Connect Core 1.0 §3.1.3.3. The access token serves once, for the claims that the ID token lacks."""

    id_token: str
    access_token: str = ""


def leave_for(request: HttpRequest, attempt: Attempt, *, anew: bool = False) -> str:
    """The address at the provider where the person signs in. Raises provider.Down.

    `anew`: it shall ask who is there, though somebody is signed in with it.
    """
    client = OAuth2Client(
        None,
        client_id=settings.OIDC_CLIENT_ID,
        scope=settings.OIDC_SCOPES,
        redirect_uri=_callback(request),
        code_challenge_method="S256",
    )
    url, _state = client.create_authorization_url(
        provider.description().authorization_endpoint,
        state=attempt.state,
        code_verifier=attempt.verifier,
        nonce=attempt.nonce,
        **({"prompt": "login"} if anew else {}),
    )
    return str(url)


@sensitive_variables("tokens", "claims")
def come_back(request: HttpRequest, attempt: Attempt) -> tuple[Identity, Secret]:
    """Who came back from the provider, and the ID token that says so. Raises Refused (and Down, which is one)."""
    described = provider.description()
    named = request.GET.get("iss")
    if named != described.issuer and (named or described.authorization_response_iss_parameter_supported):
        # RFC 9207: an answer of another provider, which would get our code.
        raise _not_completed("the answer names another issuer")
    if error := request.GET.get("error"):
        raise _refused_there(printable(error))
    code = request.GET.get("code", "")
    if not code:
        raise _not_completed("the answer has no code")
    tokens = _exchange(request, code, attempt)
    try:
        claims = _checked(tokens, attempt.nonce)
        identity = _identity(claims, _told(claims, tokens.access_token))
    except provider.NotValid as error:
        raise _not_completed(f"the ID token does not hold: {error}") from None
    return identity, Secret(tokens.id_token)


def sign_out_url(request: HttpRequest, hint: Secret | None) -> str:
    """Where the provider ends its own session (RP-Initiated Logout 1.0); empty where it offers that nowhere."""
    try:
        endpoint = provider.description().end_session_endpoint
    except provider.Down:
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
def _exchange(request: HttpRequest, code: str, attempt: Attempt) -> _Tokens:
    described = provider.description()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": _callback(request),
        "code_verifier": attempt.verifier,
    }
    methods = described.token_endpoint_auth_methods_supported
    basic = None
    if "client_secret_basic" in methods or "client_secret_post" not in methods:
        # RFC 6749 §2.3.1: both are form-encoded first.
        basic = (quote(settings.OIDC_CLIENT_ID, safe=""), quote(settings.OIDC_CLIENT_SECRET, safe=""))
    else:
        form |= {"client_id": settings.OIDC_CLIENT_ID, "client_secret": settings.OIDC_CLIENT_SECRET}
    reply = provider.call("POST", described.token_endpoint, form=form, basic=basic)
    if reply.status == 200:
        return provider.read(reply, _Tokens)
    error = read_problem(reply.body).code
    if error == "invalid_grant":
        raise _not_completed("the code is spent or too old")
    log.error("the sign-on service refuses the portal: status %s, error %r", reply.status, error)
    raise Refused(
        _("The sign-on service does not accept this portal."),
        _("You are not signed in. The portal's administrator has to check its credentials there."),
        status=503,
    )


def _checked(tokens: _Tokens, nonce: str) -> dict[str, Any]:
    """The claims of the ID token. Raises NotValid."""
    token = provider.verified(tokens.id_token)
    options: Any = {
        "iss": {"essential": True, "value": settings.OIDC_ISSUER},
        "sub": {"essential": True},
        "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},
        "exp": {"essential": True},
        "iat": {"essential": True},
        "nonce": {"essential": True, "value": nonce},
    }
    params = {"nonce": nonce, "client_id": settings.OIDC_CLIENT_ID, "access_token": tokens.access_token}
    try:
        CodeIDToken(token.claims, token.header, options, params).validate(leeway=LEEWAY)
    except (JoseError, ValueError, TypeError) as error:
        raise provider.NotValid(f"{type(error).__name__} {getattr(error, 'claim', '')}") from None
    for_us_alone(token.claims)
    return token.claims


def for_us_alone(claims: dict[str, Any]) -> None:
    """OpenID Connect Core 1.0 §3.1.3.7: an audience that we do not trust spoils a token, and we trust no other."""
    if claims.get("aud") not in (settings.OIDC_CLIENT_ID, [settings.OIDC_CLIENT_ID]):
        raise provider.NotValid("it is also for others")


def _told(claims: dict[str, Any], access_token: str) -> dict[str, Any]:
    """What the provider tells of the person: in the ID token, or where that is silent, at its userinfo endpoint."""
    endpoint = provider.description().userinfo_endpoint
    if not endpoint or not access_token or ("email" in claims and _claim(claims) is not None):
        return claims
    more = provider.read(provider.call("GET", endpoint, bearer=access_token), dict[str, Any])
    if more.get("sub") != claims["sub"]:
        raise provider.NotValid("userinfo is about somebody else")
    return more | claims


def _claim(claims: dict[str, Any]) -> Any:
    """The claim with the groups, by its name or, with dots, along a path (`realm_access.roles`)."""
    if settings.OIDC_GROUPS_CLAIM in claims:
        return claims[settings.OIDC_GROUPS_CLAIM]
    found: Any = claims
    for step in settings.OIDC_GROUPS_CLAIM.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _identity(claims: dict[str, Any], told: dict[str, Any]) -> Identity:
    sid = claims.get("sid")
    sub = claims["sub"]
    if (
        not sub
        or len(subject(sub)) > LONGEST["subject"]
        or (sid is not None and (not isinstance(sid, str) or len(sid) > LONGEST["sid"]))
    ):
        raise provider.NotValid("sub or sid is of no use")
    groups = _claim(told)
    groups = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    return Identity(
        subject=subject(sub),
        email=_text(told.get("email"), LONGEST["email"]),
        name=_text(told.get("name"), LONGEST["name"]),
        groups=tuple(dict.fromkeys(g for g in groups if isinstance(g, str) and g))[:MOST_GROUPS],
        sid=sid or "",
        email_verified=told.get("email_verified", True) in (True, "true"),
    )


def subject(sub: str) -> str:
    return f"{settings.OIDC_ISSUER}|{sub}"


def _text(value: object, longest: int) -> str:
    return printable(value) if isinstance(value, str) and len(value) <= longest else ""


def _not_completed(why: str) -> Refused:
    log.warning("a sign-on was not completed: %s", why)
    return Refused(_("The sign-on could not be completed."), _("You are not signed in. Begin once more."), status=400)


def _refused_there(error: str) -> Refused:
    """RFC 6749 §4.1.2.1, OpenID Connect Core 1.0 §3.1.2.6. The provider's own text is not shown."""
    log.warning("the sign-on service answers with the error %r", error)
    if error in {"server_error", "temporarily_unavailable"}:
        return provider.Down()
    if error == "access_denied":
        return Refused(_("The sign-on service did not let you in."), _("You are not signed in."))
    return _not_completed("the provider refused the request")
