"""The redirect to the provider, its callback, and back-channel logout."""

from __future__ import annotations

import logging
from datetime import datetime
from http import HTTPStatus

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from devices.core.responses import SeeOther
from portal.auth import grants
from portal.auth.auth_responses import login_failed, sign_in_url, start_url
from portal.auth.authentication import authenticate_request, end_session
from portal.auth.crypto import Secret
from portal.auth.models import ApiGrant
from portal.auth.session_store import SessionStore
from portal.auth.sso import attempts, backchannel, logins, oidc, provider, service
from portal.auth.sso.identity import Identity, LoginRefused, pack
from portal.safe_redirects import local_path

log = logging.getLogger(__name__)


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Redirect to the provider. For links only: after a form, the policy's `form-action` blocks the redirect."""
    _require_oidc()
    target = local_path(request, request.GET.get("next"))
    attempt = attempts.create(request, target)
    try:
        response = HttpResponseRedirect(oidc.authorization_url(request, attempt, prompt_login="prompt" in request.GET))
    except LoginRefused as error:
        return login_failed(request, error, retry_url=start_url(target))
    attempts.set_cookie(request, response, attempt)
    return response


@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    """Check the provider's response and start a session."""
    _require_oidc()
    state = request.GET.get("state", "")
    attempt = attempts.load(request, state)
    if attempt is None:
        return login_failed(request, _unknown_attempt_error(), retry_url=start_url(local_path(request, None)))
    target = local_path(request, attempt.target)
    returned_at = timezone.now()
    try:
        identity, id_token = oidc.complete_login(request, attempt)
        response: HttpResponse = SeeOther(_start_session(request, identity, id_token, target, returned_at))
    except LoginRefused as error:
        response = login_failed(
            request, error, retry_url=start_url(target, prompt_login=error.status == HTTPStatus.FORBIDDEN)
        )
    attempts.delete_cookie(response, state)
    return response


@csrf_exempt
@sensitive_post_parameters("logout_token")
@require_POST
def backchannel_logout(request: HttpRequest) -> HttpResponse:
    """Server to server, without a session or CSRF token: the signature of the logout token authenticates it."""
    _require_oidc()
    try:
        ended = backchannel.end_sessions(request.POST.get("logout_token", ""))
    except (provider.InvalidToken, provider.ProviderUnavailable) as error:
        log.warning("rejected a back-channel logout: %s", error)
        return JsonResponse({"error": "invalid_request"}, status=400)
    log.info("back-channel logout ended %s sessions", ended)
    return HttpResponse()


def _start_session(
    request: HttpRequest, identity: Identity, id_token: Secret, target: str, returned_at: datetime
) -> str:
    """Start a session under a new key, and return the URL to continue at. Raises LoginRefused."""
    grant = service.open_session(request, identity) if settings.SIGN_IN == "service" else None
    handle = logins.open_login(identity, id_token, returned_at)
    if handle is None:
        grants.close_grant(grant or "")
        raise _signed_out_error()
    admitted = authenticate_request(request)
    if not grant and admitted and admitted[0].subject == identity.subject:
        # Another tab was first. Its connected account stays; this newer sign-on replaces the other one.
        logins.delete_login(request.session.get(logins.SESSION_KEY))
        request.session.cycle_key()
        request.session[logins.SESSION_KEY] = handle
        ApiGrant.objects.filter(handle=admitted[0].handle).update(sid=identity.sid, identity=pack(identity))
        if not logins.read_identity(handle):
            # A logout that arrived before the grant had the new `sid` ended only the sign-on.
            end_session(request)
            raise _signed_out_error()
        return target
    end_session(request)
    request.session[logins.SESSION_KEY] = handle
    SessionStore.clear_expired()
    if grant:
        request.session[grants.SESSION_KEY] = grant
    return target if grant else sign_in_url(target)


def _signed_out_error() -> LoginRefused:
    return LoginRefused(_("You were signed out at the sign-on service meanwhile."))


def _unknown_attempt_error() -> LoginRefused:
    return LoginRefused(
        _("This sign-in was not started in this browser, or it has expired."),
        _("You are not signed in. Sign in again, and finish within ten minutes in the same browser."),
        status=400,
    )


def _require_oidc() -> None:
    if settings.SSO != "oidc":
        raise Http404
