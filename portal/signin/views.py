"""Sign in with e-mail and password, and out again."""

from __future__ import annotations

import logging
from http import HTTPStatus

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from devices import names
from devices.gateway.api import Gateway
from devices.gateway.deadline import Deadline
from devices.gateway.errors import Forbidden, GatewayError, Unauthorized
from devices.http import SeeOther
from portal.errors import retry_headers
from portal.platform import transport
from portal.redirects import local_path
from portal.sessions import SessionStore
from portal.signin import grants, oauth
from portal.signin.crypto import Secret, Tokens
from portal.signin.forms import SignInForm

log = logging.getLogger(__name__)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """GET: the form, or onwards for somebody who is signed in. POST: exchange the password and start a new session."""
    target = local_path(request, request.POST.get("next") or request.GET.get("next"))
    if request.method != "POST":
        handle = request.session.get(grants.SESSION_KEY)
        if handle and grants.read(handle):
            return SeeOther(target)
        return _form_page(request, SignInForm(), target)
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _form_page(request, form, target, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        _start_session(request, form)
    except oauth.WrongCredentials:
        return _form_page(request, form, target, wrong=True, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except GatewayError as error:
        log.warning("sign-in failed: %s, request %s", error, request.request_id)  # type: ignore[attr-defined]
        return _form_page(request, form, target, trouble=error, status=error.status)
    return SeeOther(target)


@sensitive_variables()
def _start_session(request: HttpRequest, form: SignInForm) -> None:
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
    handle = grants.open_grant(tokens, person)
    _end_session(request)
    # The CSRF token is kept: a form that outlived its session in another tab can be sent after signing in again there.
    # It cannot have been planted, its cookie being __Host-; signing out changes it.
    request.session[grants.SESSION_KEY] = handle
    SessionStore.clear_expired()
    try:
        names.warm(gateway, grants.access_for(person, handle))
    except GatewayError as error:
        log.info("names were not read at sign-in: %s", error)


def _only(tokens: Tokens, rejected: str | None) -> str:
    """For the calls within sign-in: these tokens are new, so a refusal is final."""
    if rejected is not None:
        raise Unauthorized(operation="get_user_profile")
    return tokens.access.reveal()


def _end_session(request: HttpRequest) -> None:
    handle = request.session.get(grants.SESSION_KEY)
    if handle:
        grants.close_grant(handle)
    request.session.flush()


def _form_page(
    request: HttpRequest,
    form: SignInForm,
    target: str,
    *,
    wrong: bool = False,
    trouble: GatewayError | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {"form": form, "next": target, "wrong": wrong, "trouble": trouble and _(trouble.sentence)}
    response = render(request, "signin/sign_in.html", context, status=status)
    return retry_headers(response, trouble) if trouble else response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Delete grant and session: the old cookie opens nothing any more, in any process."""
    _end_session(request)
    rotate_token(request)
    messages.success(request, _("You are signed out."))
    response = SeeOther("/sign-in/")
    response["Clear-Site-Data"] = '"cache"'
    return response
