"""Sign in with e-mail and password, and out again."""

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
from devices.ui.read_errors import with_retry_after
from portal.auth import drafts, grants, oauth, throttle
from portal.auth.auth_responses import login_failed, sign_in_url, sign_on_page, signed_out_page, start_url
from portal.auth.authentication import authenticate_request, end_session, signed_on
from portal.auth.crypto import Secret, Tokens
from portal.auth.forms import SignInForm
from portal.auth.session_store import SessionStore
from portal.auth.sso import logins, oidc, service
from portal.auth.sso.identity import Identity, Refused
from portal.platform import transport
from portal.safe_redirects import local_path

log = logging.getLogger(__name__)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """GET: the form, or onwards for somebody who is signed in. POST: exchange the password and start a new session.

    With a sign-on of the company, that comes first; the form then connects the account on the platform.
    """
    target = local_path(request, request.POST.get("next") or request.GET.get("next"))
    try:
        if request.method != "POST" and authenticate_request(request):
            return SeeOther(target)
        identity = signed_on(request)
        if identity and settings.SIGN_IN == "service":
            return _enter(request, identity, target)
    except Refused as error:
        return login_failed(request, error, again=sign_in_url(target))
    if settings.SSO != "off" and identity is None:
        return _sign_on_first(request, target)
    if request.method != "POST":
        return _form_page(
            request, SignInForm(initial={"username": identity.email if identity else ""}), target, identity
        )
    form = SignInForm(request.POST)
    if form.is_valid() and identity and not _same_person(identity, form.cleaned_data["username"]):
        form.add_error("username", _other_email(identity))
    if not form.is_valid():
        return _form_page(request, form, target, identity, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        with throttle.attempt(request, form.cleaned_data["username"]):
            _start_session(request, form, identity)
    except throttle.TooMany as error:
        return _form_page(request, form, target, identity, wait=error.seconds, status=HTTPStatus.TOO_MANY_REQUESTS)
    except oauth.WrongCredentials:
        return _form_page(request, form, target, identity, wrong=True, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except OtherPerson:
        form.add_error("username", _other_email(identity))
        return _form_page(request, form, target, identity, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except GatewayError as error:
        log.warning("sign-in failed: %s, request %s", error, request.request_id)  # type: ignore[attr-defined]
        return _form_page(request, form, target, identity, trouble=error, status=error.status)
    return SeeOther(target)


def _enter(request: HttpRequest, identity: Identity, target: str) -> HttpResponse:
    """There is no account to connect: groups say what somebody may do. Raises Refused."""
    handle = service.open_person(request, identity)
    end_session(request)
    request.session[grants.SESSION_KEY] = handle
    SessionStore.clear_expired()
    return SeeOther(target)


class OtherPerson(Exception):
    """The account on the platform has another e-mail than the person at the sign-on."""


def _same_person(identity: Identity | None, email: str) -> bool:
    return identity is None or settings.SSO_ALLOW_OTHER_EMAIL or identity.is_email(email)


def _other_email(identity: Identity | None) -> str:
    if identity and identity.email and identity.email_verified:
        return _("Use your own account: the company's sign-on knows you as %(email)s.") % {"email": identity.email}
    return _("The company's sign-on tells no confirmed e-mail for you, so it is not known which account is yours.")


def _sign_on_first(request: HttpRequest, target: str) -> HttpResponse:
    """Nobody has signed on yet. With a proxy in front there is nothing to press: it should have asked."""
    if settings.SSO == "header":
        if request.session.get(grants.SESSION_KEY):
            end_session(request)
        error = Refused(_("The company's sign-on did not say who you are."))
        return login_failed(request, error, again=sign_in_url(target))
    return sign_on_page(request, target)


@sensitive_variables()
def _start_session(request: HttpRequest, form: SignInForm, identity: Identity | None) -> None:
    """Everything between a filled-in form and a session of its own. Nothing of an older session survives it."""
    request_id: str = request.request_id  # type: ignore[attr-defined]
    deadline = Deadline(settings.PLATFORM_API_TIMEOUTS.page)
    password = Secret(form.cleaned_data.pop("password"))
    tokens = oauth.exchange_password(form.cleaned_data["username"], password, request_id=request_id, deadline=deadline)
    del password
    gateway = Gateway(transport(), lambda rejected: _only(tokens, rejected), request_id=request_id, deadline=deadline)
    try:
        person = gateway.get_user_profile()
    except (Forbidden, Unauthorized) as error:
        # Documented: a client without the "Platform API scope" gets tokens, and then 403 on every call.
        log.error("the platform issues tokens but refuses the user profile: %s", error)
        raise oauth.ClientRefused(
            operation=error.operation, api_status=error.api_status, request_id=request_id
        ) from None
    if not _same_person(identity, person.email):
        raise OtherPerson
    handle = grants.open_grant(tokens, person, identity)
    sign_on = request.session.pop(logins.SESSION_KEY, None)
    end_session(request)
    if sign_on and not logins.read(sign_on):
        grants.close_grant(handle)  # signed out at the provider meanwhile
        return
    # The CSRF token is kept: a form that outlived its session in another tab can be sent after signing in again there.
    # It cannot have been planted, its cookie being __Host-; signing out changes it.
    request.session[grants.SESSION_KEY] = handle
    if sign_on:
        request.session[logins.SESSION_KEY] = sign_on
    SessionStore.clear_expired()
    drafts.purge()
    try:
        names.warm_up(gateway, grants.access_for(person, handle, identity))
    except GatewayError as error:
        log.info("names were not read at sign-in: %s", error)


def _only(tokens: Tokens, rejected: str | None) -> str:
    """For the calls within sign-in: these tokens are new, so a refusal is final."""
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
    trouble: GatewayError | None = None,
    wait: int = 0,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {"form": form, "next": target, "identity": identity, "wrong": wrong}
    context["anew_url"] = start_url(target, anew=True) if settings.SSO == "oidc" else ""
    context["wait"] = math.ceil(wait / 60)
    context["trouble"] = trouble and _(trouble.sentence)
    response = render(request, "auth/sign_in.html", context, status=status)
    if wait:
        response["Retry-After"] = str(wait)
    return with_retry_after(response, trouble) if trouble else response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Delete grant and session: the old cookie opens nothing any more, in any process.

    With a sign-on of the company its own session goes on; the page says so, and leads to where it can be ended.
    """
    hint = logins.hint(request.session.get(logins.SESSION_KEY))
    end_session(request)
    rotate_token(request)
    elsewhere = oidc.sign_out_url(request, hint) if settings.SSO == "oidc" else ""
    if settings.SSO == "off":
        messages.success(request, _("You are signed out."))
        response: HttpResponse = SeeOther("/sign-in/")
    else:
        response = signed_out_page(request, elsewhere)
    response["Clear-Site-Data"] = '"cache"'
    return response


@require_POST
def throw_away(request: HttpRequest) -> HttpResponse:
    """Forget what was typed into the form at `path` and could not be sent; back to that form, empty."""
    path = local_path(request, request.POST.get("path"))
    drafts.drop(request, path)
    return SeeOther(path)
