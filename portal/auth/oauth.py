"""Calls to the platform's token endpoint, with the error format of RFC 6749 §5.2 and typed errors."""

from __future__ import annotations

import logging
from typing import Annotated

import msgspec
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from devices.gateway.errors import BadReply, GatewayError, RateLimited, ServerFault, to_translate
from devices.gateway.response import Reply, failure, read_problem
from devices.gateway.timeouts import Deadline
from portal.auth.crypto import Secret, Tokens
from portal.platform import transport

log = logging.getLogger(__name__)

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path  # nosec B105
MAX_EXPIRES_IN = 366 * 24 * 3600.0
"""Seconds. A longer `expires_in` is cut to this."""


class WrongCredentials(GatewayError):
    """`invalid_grant`: e-mail or password is wrong, or the refresh token is spent."""

    status = 422
    sentence = to_translate("E-mail or password is wrong.")


class ClientRefused(GatewayError):
    """The platform rejects the portal itself: wrong client id or secret, a grant not allowed, wrong parameters."""

    status = 503
    sentence = to_translate(
        "The platform does not accept this portal. Its administrator has to check the portal's own credentials."
    )


class _TokenResponse(msgspec.Struct, frozen=True):
    """RFC 6749 §5.1. Unknown members are ignored."""

    access_token: Annotated[str, msgspec.Meta(min_length=1)]
    token_type: Annotated[str, msgspec.Meta(pattern=r"\A(?i:bearer)\Z")]
    expires_in: Annotated[float, msgspec.Meta(gt=0)]
    refresh_token: str | None = None


_decoder = msgspec.json.Decoder(_TokenResponse)


@sensitive_variables("password", "fields")
def exchange_password(email: str, password: Secret, *, request_id: str, deadline: Deadline) -> Tokens:
    """The `user_credentials` grant: this user's own tokens. Raises WrongCredentials, ClientRefused, GatewayError."""
    grant = settings.PLATFORM_API_USER_GRANT
    fields = {grant.username: email, grant.password: password.reveal()}
    return _token_call("user_credentials", fields, request_id=request_id, deadline=deadline)


def client_tokens(*, seconds: float) -> Tokens:
    """The organization's token, within `seconds` and without a refresh token. Raises ClientRefused, GatewayError."""
    try:
        tokens = _token_call("client_credentials", {}, deadline=Deadline(seconds))
    except WrongCredentials as error:
        raise ClientRefused(operation=error.operation, api_status=error.api_status) from None
    return Tokens(tokens.access, None, tokens.expires_in)


@sensitive_variables("token")
def refresh(token: Secret, *, seconds: float) -> Tokens:
    """The `refresh_token` grant, within `seconds`. The token is spent even if the call fails. Raises as above."""
    return _token_call("refresh_token", {"refresh_token": token.reveal()}, deadline=Deadline(seconds))


@sensitive_variables("fields", "query", "form", "decoded")
def _token_call(
    grant: str, fields: dict[str, str], *, request_id: str = "", deadline: Deadline | None = None
) -> Tokens:
    query, form = ({}, fields) if settings.PLATFORM_API_USER_GRANT.place == "body" else (fields, None)
    reply = transport().send(
        "POST",
        TOKEN_PATH,
        kind="token",
        query={"grant_type": grant} | query,
        form=form,
        basic=(settings.PLATFORM_API_CLIENT_ID, settings.PLATFORM_API_CLIENT_SECRET),
        request_id=request_id,
        deadline=deadline,
        operation=grant,
    )
    error = _failure(reply, grant)
    if error:
        raise error
    try:
        decoded = _decoder.decode(reply.body)
    except (msgspec.MsgspecError, UnicodeError):
        decoded = None
    if decoded is None:  # raised here, without the body, which may hold tokens
        raise BadReply(operation=grant, api_status=reply.status, request_id=reply.request_id)
    return Tokens(
        access=Secret(decoded.access_token),
        refresh=Secret(decoded.refresh_token) if decoded.refresh_token else None,
        expires_in=min(decoded.expires_in, MAX_EXPIRES_IN),
    )


def _failure(reply: Reply, grant: str) -> GatewayError | None:
    error = failure(reply, grant)
    if error is None or isinstance(error, RateLimited | ServerFault | BadReply):
        return error
    code = read_problem(reply.body).code
    kind = WrongCredentials if code == "invalid_grant" else ClientRefused
    if kind is ClientRefused:
        log.error("the token endpoint rejected the portal's %s call: status %s, error %r", grant, reply.status, code)
    return kind(
        operation=grant,
        api_status=reply.status,
        api_message=error.api_message,
        request_id=reply.request_id,
        retry_after=reply.retry_after,
    )
