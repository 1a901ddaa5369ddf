"""Responses to a request that has no active session or whose sign-in failed."""

from __future__ import annotations

from enum import Enum
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_htmx.http import push_url, reswap, retarget

from devices.core.requests import wants_partial
from portal.auth.sso.identity import LoginRefused
from portal.safe_redirects import HOME, local_path

SIGN_IN_PATH = "/sign-in/"
SSO_START = "/sso/start/"


class WriteEffect(Enum):
    """What the request that found its session ended did to the data, and to what the person typed."""

    NONE = "nothing was changed"
    DRAFT_SAVED = "nothing was changed, and the form is saved (drafts.py)"
    DRAFT_NOT_SAVED = "nothing was changed, and the form could not be saved"
    UNKNOWN = "a change may have been made"


def sign_in_response(
    request: HttpRequest, *, ended: bool, idle: bool = False, effect: WriteEffect = WriteEffect.NONE
) -> HttpResponse:
    """A page request: redirect to sign-in, with the way back. An htmx request: 401 with a banner; the page stays.

    `ended`: there was a session, so say that it ended. `idle`: it ended by inactivity.
    """
    ended_message = _idle_message() if idle else _("Your session has ended.")
    if wants_partial(request):
        here = local_path(request, request.htmx.current_url)  # type: ignore[attr-defined]
        context = {
            "sign_in_url": sign_in_url(here),
            "ended_message": ended_message,
            "effect_unknown": effect is WriteEffect.UNKNOWN,
        }
        return retarget_banner(render(request, "auth/_session_banner.html", context, status=401))
    if effect is not WriteEffect.NONE:
        messages.warning(request, f"{ended_message} {_effect_message(effect)}")
    elif ended:
        messages.info(request, f"{ended_message} {_('Sign in to continue where you left off.')}")
    # Every URL answers GET, also those that forms post to.
    return HttpResponseRedirect(sign_in_url(local_path(request, request.get_full_path())))


def _idle_message() -> str:
    minutes = settings.SESSION_IDLE // 60
    return ngettext(
        "Your session has ended after %(n)s minute without activity.",
        "Your session has ended after %(n)s minutes without activity.",
        minutes,
    ) % {"n": minutes}


def retarget_banner(response: HttpResponse) -> HttpResponse:
    """For htmx: show this in the session banner, whatever the request's own target is, and keep the URL."""
    return push_url(reswap(retarget(response, "#session-banner"), "innerHTML"), False)


def _effect_message(effect: WriteEffect) -> str:
    if effect is WriteEffect.DRAFT_SAVED:
        return _("Your form was not sent. What you typed is kept for one hour: sign in to get it back.")
    if effect is WriteEffect.DRAFT_NOT_SAVED:
        return _(
            "Your form was not sent, and what you typed could not be kept. Your browser may still show it one page"
            " back."
        )
    return _("Your change may already have been made. Sign in and check before you send it again.")


def sign_in_url(path: str) -> str:
    """Without `next` for the home page, except with a provider: there `next` makes the page continue by itself."""
    return SIGN_IN_PATH if path == HOME and settings.SSO != "oidc" else f"{SIGN_IN_PATH}?{urlencode({'next': path})}"


def start_url(path: str, *, prompt_login: bool = False) -> str:
    """Where sign-in at the provider starts, returning to `path`. `prompt_login`: the provider asks who is there."""
    return f"{SSO_START}?{urlencode({'next': path} | ({'prompt': 'login'} if prompt_login else {}))}"


def sign_on_page(request: HttpRequest, target: str) -> HttpResponse:
    """The page that leads to the provider. It continues by itself for `next`, unless there is a message to read.

    By a Refresh header: the policy's `form-action` would block a redirect that follows a form.
    """
    auto_redirect = "next" in request.GET and not len(get_messages(request))
    context = {"start_url": start_url(target), "auto_redirect": auto_redirect}
    response = render(request, "auth/sign_on.html", context)
    if auto_redirect:
        response["Refresh"] = f"0; url={start_url(target)}"
    return response


def login_failed(request: HttpRequest, error: LoginRefused, *, retry_url: str = "") -> HttpResponse:
    """Explain why the sign-on failed: a page, or the notice alone for htmx. `retry_url`: where to try again."""
    partial = wants_partial(request)
    context = {
        "sentence": error.sentence,
        "effect": error.advice or _("You are not signed in."),
        "retry_url": retry_url if error.retryable else "",
        "request_id": getattr(request, "request_id", ""),
        "partial": partial,
    }
    if partial:
        return retarget_banner(render(request, "errors/_fragment.html", context, status=error.status))
    return render(request, "auth/refused.html", context, status=error.status)


def signed_out_page(request: HttpRequest, logout_url: str) -> HttpResponse:
    """`logout_url`: where the provider ends its session, or empty. The browser goes there and returns to a notice."""
    response = render(request, "auth/signed_out.html", {"logout_url": logout_url})
    if logout_url:
        messages.success(request, _("You are signed out."))
        response["Refresh"] = f"0; url={logout_url}"  # not a redirect, see sign_on_page
    return response
