"""To the provider and back, and what the provider tells on its own."""

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
from portal.auth.sso.identity import Identity, Refused, pack
from portal.safe_redirects import local_path

log = logging.getLogger(__name__)


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Leave for the provider. For links only: browsers hold redirects after a form to `form-action` of our policy."""
    _only_with_oidc()
    target = local_path(request, request.GET.get("next"))
    attempt = attempts.begin(request, target)
    try:
        response = HttpResponseRedirect(oidc.leave_for(request, attempt, anew="anew" in request.GET))
    except Refused as error:
        return login_failed(request, error, again=start_url(target))
    attempts.remember(request, response, attempt)
    return response


@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    """Back from the provider: check what it says, and begin a session of one's own."""
    _only_with_oidc()
    state = request.GET.get("state", "")
    attempt = attempts.recall(request, state)
    if attempt is None:
        return login_failed(request, _not_begun_here(), again=start_url(local_path(request, None)))
    target = local_path(request, attempt.target)
    came_back = timezone.now()
    try:
        identity, id_token = oidc.come_back(request, attempt)
        response: HttpResponse = SeeOther(_begin(request, identity, id_token, target, came_back))
    except Refused as error:
        response = login_failed(request, error, again=start_url(target, anew=error.status == HTTPStatus.FORBIDDEN))
    attempts.forget(response, state)
    return response


@csrf_exempt
@sensitive_post_parameters("logout_token")
@require_POST
def backchannel_logout(request: HttpRequest) -> HttpResponse:
    """Server to server: no browser, so no session and no form's token; the message's signature stands for both."""
    _only_with_oidc()
    try:
        ended = backchannel.end_sessions(request.POST.get("logout_token", ""))
    except (provider.NotValid, provider.Down) as error:
        log.warning("a message of the sign-on that somebody signed out was refused: %s", error)
        return JsonResponse({"error": "invalid_request"}, status=400)
    log.info("the sign-on signed somebody out, sessions ended: %s", ended)
    return HttpResponse()


def _begin(request: HttpRequest, identity: Identity, id_token: Secret, target: str, came_back: datetime) -> str:
    """Put the person into a session with a new key, and tell where they go on."""
    grant = service.open_person(request, identity) if settings.SIGN_IN == "service" else None
    handle = logins.open_login(identity, id_token, came_back)
    if handle is None:
        grants.close_grant(grant or "")
        raise _signed_out_meanwhile()
    admitted = authenticate_request(request)
    if not grant and admitted and admitted[0].subject == identity.subject:
        # Another tab was quicker. The account it has connected stays; the newer sign-on takes the place of its own.
        logins.close(request.session.get(logins.SESSION_KEY))
        request.session.cycle_key()
        request.session[logins.SESSION_KEY] = handle
        ApiGrant.objects.filter(handle=admitted[0].handle).update(sid=identity.sid, identity=pack(identity))
        if not logins.read(handle):
            # A message that came before the account had the new `sid` found the sign-on alone.
            end_session(request)
            raise _signed_out_meanwhile()
        return target
    end_session(request)
    request.session[logins.SESSION_KEY] = handle
    SessionStore.clear_expired()
    if grant:
        request.session[grants.SESSION_KEY] = grant
    return target if grant else sign_in_url(target)


def _signed_out_meanwhile() -> Refused:
    return Refused(_("You were signed out at the sign-on service meanwhile."))


def _not_begun_here() -> Refused:
    return Refused(
        _("This sign-on was not begun here, or is over."),
        _("You are not signed in. It may have been begun in another browser, or more than ten minutes ago."),
        status=400,
    )


def _only_with_oidc() -> None:
    if settings.SSO != "oidc":
        raise Http404
