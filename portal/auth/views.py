"""Sign-in with e-mail and password, and sign-out."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from devices.core.responses import SeeOther
from devices.directory import names
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, Unauthorized
from devices.gateway.timeouts import Deadline
from devices.gateway.types import UserProfile
from devices.ui.read_errors import with_retry_after
from portal.auth import drafts, grants, oauth, throttle
from portal.auth.auth_responses import login_failed, sign_in_url, sign_on_page, signed_out_page, start_url
from portal.auth.authentication import authenticate_request, end_session, sso_identity
from portal.auth.crypto import Secret, Tokens
from portal.auth.forms import SignInForm
from portal.auth.session_store import SessionStore
from portal.auth.sso import logins, oidc, service
from portal.auth.sso.identity import Identity, LoginRefused
from portal.platform import transport
from portal.safe_redirects import local_path

log = logging.getLogger(__name__)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """GET: the form, or a redirect if already signed in. POST: exchange the password and start a new session.

    With a company sign-on, that comes first; the form then connects the platform account.
    """
    target = local_path(request, request.POST.get("next") or request.GET.get("next"))
    try:
        if request.method != "POST" and authenticate_request(request):
            return SeeOther(target)
        identity = sso_identity(request)
        if identity and settings.SIGN_IN == "service":
            return _start_service_session(request, identity, target)
    except LoginRefused as error:
        return login_failed(request, error, retry_url=sign_in_url(target))
    if settings.SSO != "off" and identity is None:
        return _sign_on_first(request, target)
    if request.method == "POST":
        return _submit(request, SignInForm(request.POST), target, identity)
    form = SignInForm(initial={"username": identity.email if identity else ""})
    return _form_page(request, form, target, identity)


def _submit(request: HttpRequest, form: SignInForm, target: str, identity: Identity | None) -> HttpResponse:
    if not form.is_valid():
        return _form_page(request, form, target, identity)
    try:
        with throttle.throttled(request, form.cleaned_data["username"]):
            _start_user_session(request, form, identity)
    except throttle.TooManyAttempts as error:
        return _form_page(request, form, target, identity, wait=error.seconds)
    except oauth.WrongCredentials:
        return _form_page(request, form, target, identity, wrong=True)
    except EmailMismatch:
        form.add_error("username", _email_mismatch_error(identity))
        return _form_page(request, form, target, identity)
    except GatewayError as error:
        log.warning("sign-in failed: %s, request %s", error, request.request_id)  # type: ignore[attr-defined]
        return _form_page(request, form, target, identity, error=error)
    return SeeOther(target)


def _start_service_session(request: HttpRequest, identity: Identity, target: str) -> HttpResponse:
    """Groups give the permissions; there is no account to connect. Raises LoginRefused."""
    handle = service.open_session(request, identity)
    end_session(request)
    request.session[grants.SESSION_KEY] = handle
    SessionStore.clear_expired()
    return SeeOther(target)


class EmailMismatch(Exception):
    """The platform account has another e-mail than the person at the sign-on."""


def _same_person(identity: Identity | None, email: str) -> bool:
    return identity is None or settings.SSO_ALLOW_OTHER_EMAIL or identity.is_email(email)


def _email_mismatch_error(identity: Identity | None) -> str:
    if identity and identity.email and identity.email_verified:
        return _("Use your own account: the company's sign-on knows you as %(email)s.") % {"email": identity.email}
    return _(
        "The company's sign-on gives no confirmed e-mail for you, so the portal cannot tell which account is yours."
    )


def _sign_on_first(request: HttpRequest, target: str) -> HttpResponse:
    """Nobody has signed in at the sign-on yet. A proxy should have asked already, so its silence is an error."""
    if settings.SSO == "header":
        if request.session.get(grants.SESSION_KEY):
            end_session(request)
        error = LoginRefused(_("The company's sign-on did not say who you are."))
        return login_failed(request, error, retry_url=sign_in_url(target))
    return sign_on_page(request, target)


@sensitive_variables()
def _start_user_session(request: HttpRequest, form: SignInForm, identity: Identity | None) -> None:
    """Exchange the password and start a new session; the old one ends. Raises EmailMismatch, GatewayError."""
    request_id: str = request.request_id  # type: ignore[attr-defined]
    deadline = Deadline(settings.PLATFORM_API_TIMEOUTS.page)
    password = Secret(form.cleaned_data.pop("password"))
    if not _same_person(identity, form.cleaned_data["username"]):
        raise EmailMismatch
    tokens = oauth.exchange_password(form.cleaned_data["username"], password, request_id=request_id, deadline=deadline)
    del password
    gateway = Gateway(
        transport(), lambda rejected: _new_tokens_only(tokens, rejected), request_id=request_id, deadline=deadline
    )
    person = _profile(gateway, request_id)
    if not _same_person(identity, person.email):
        raise EmailMismatch
    handle = grants.open_grant(tokens, person, identity)
    sign_on = request.session.pop(logins.SESSION_KEY, None)
    end_session(request)
    if sign_on and not logins.read_identity(sign_on):
        grants.close_grant(handle)  # signed out at the provider in the meantime
        return
    # The CSRF token stays, so that a form open in another tab can still be sent after signing in again. Nobody can
    # plant its __Host- cookie, and signing out changes it.
    request.session[grants.SESSION_KEY] = handle
    if sign_on:
        request.session[logins.SESSION_KEY] = sign_on
    SessionStore.clear_expired()
    drafts.purge()
    try:
        names.warm_up(gateway, grants.access_for(person, handle, identity))
    except GatewayError as error:
        log.info("could not load names at sign-in: %s", error)


def _profile(gateway: Gateway, request_id: str) -> UserProfile:
    try:
        return gateway.get_user_profile()
    except (Forbidden, Unauthorized) as error:
        # Documented: a client without the "Platform API scope" gets tokens, then 403 for every call.
        log.error("the platform issued tokens but refused the user profile: %s", error)
        raise oauth.ClientRefused(
            operation=error.operation, api_status=error.api_status, request_id=request_id
        ) from None


def _new_tokens_only(tokens: Tokens, rejected: str | None) -> str:
    """The token source during sign-in: a rejected new token is final."""
    if rejected is not None:
        raise Unauthorized(operation="get_user_profile")
    return tokens.access.reveal()


def _form_page(
    request: HttpRequest,
    form: SignInForm,
    target: str,
    identity: Identity | None,
    *,
    wrong: bool = False,
    error: GatewayError | None = None,
    wait: int = 0,
) -> HttpResponse:
    """`wrong`: wrong credentials. `wait`: seconds until the next attempt is allowed."""
    context = {"form": form, "next": target, "identity": identity, "wrong": wrong, "wait": math.ceil(wait / 60)}
    context["switch_person_url"] = start_url(target, prompt_login=True) if settings.SSO == "oidc" else ""
    context["error"] = error and _(error.sentence)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong or form.errors else HTTPStatus.OK
    if error or wait:
        status = HTTPStatus(error.status) if error else HTTPStatus.TOO_MANY_REQUESTS
    response = render(request, "auth/sign_in.html", context, status=status)
    if wait:
        response["Retry-After"] = str(wait)
    return with_retry_after(response, error) if error else response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the grant and the session, in every process. The page leads to where the company's sign-on ends."""
    id_token_hint = logins.id_token_hint(request.session.get(logins.SESSION_KEY))
    end_session(request)
    rotate_token(request)
    logout_url = oidc.sign_out_url(request, id_token_hint) if settings.SSO == "oidc" else ""
    if settings.SSO == "off":
        messages.success(request, _("You are signed out."))
        response: HttpResponse = SeeOther("/sign-in/")
    else:
        response = signed_out_page(request, logout_url)
    response["Clear-Site-Data"] = '"cache"'
    return response


@require_POST
def discard_draft(request: HttpRequest) -> HttpResponse:
    """Delete the draft for the form at `path`, and show that form empty."""
    path = local_path(request, request.POST.get("path"))
    drafts.discard(request, path)
    return SeeOther(path)
