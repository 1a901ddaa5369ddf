"""How somebody without a living grant is asked to sign in, wherever in a request that turns out."""

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

from devices.core.requests import wants_partial
from portal.auth.sso.identity import Refused
from portal.safe_redirects import HOME, local_path

SIGN_IN = "/sign-in/"
START = "/sso/start/"


class WriteEffect(Enum):
    """What became of the request that met the end of its session."""

    NOTHING = "nothing was changed"
    KEPT = "nothing was changed, and what was typed is kept (drafts.py)"
    LOST = "nothing was changed, and what was typed could not be kept"
    PERHAPS = "a change may have been made"


def sign_in_answer(
    request: HttpRequest, *, ended: bool, idle: bool = False, effect: WriteEffect = WriteEffect.NOTHING
) -> HttpResponse:
    """To a page: the way to sign-in and back here. To htmx: 401 and a banner beside what is on the screen, which stays.

    `ended`: there was a session, so say that it is over; `idle`: because nothing was done for too long.
    """
    over = _idle_sentence() if idle else _("Your session has ended.")
    if wants_partial(request):
        here = local_path(request, request.htmx.current_url)  # type: ignore[attr-defined]
        context = {"sign_in_url": sign_in_url(here), "over": over, "perhaps": effect is WriteEffect.PERHAPS}
        return retarget_banner(render(request, "auth/_session_banner.html", context, status=401))
    if effect is not WriteEffect.NOTHING:
        messages.warning(request, f"{over} {_words(effect)}")
    elif ended:
        messages.info(request, f"{over} {_('Sign in to go on where you were.')}")
    # Every path of the portal has a page, also those that forms post to.
    return HttpResponseRedirect(sign_in_url(local_path(request, request.get_full_path())))


def _idle_sentence() -> str:
    minutes = settings.SESSION_IDLE // 60
    return ngettext(
        "Your session has ended after %(n)s minute without activity.",
        "Your session has ended after %(n)s minutes without activity.",
        minutes,
    ) % {"n": minutes}


def retarget_banner(response: HttpResponse) -> HttpResponse:
    """For htmx: put this beside what is on the screen, wherever the answer was to go."""
    response["HX-Retarget"] = "#session-banner"
    response["HX-Reswap"] = "innerHTML"
    response["HX-Push-Url"] = "false"  # what was asked for is not on the screen
    return response


def _words(effect: WriteEffect) -> str:
    if effect is WriteEffect.KEPT:
        return _(
            "Your form was not sent. What you had typed is kept for an hour: sign in, and the form is filled in with it"
            " again."
        )
    if effect is WriteEffect.LOST:
        return _(
            "Your form was not sent. What you had typed could not be kept here: your browser may still have it one page"
            " back."
        )
    return _("What you asked for may have been done before that: sign in, and look before you send it again.")


def sign_in_url(path: str) -> str:
    """`next` is left out for the front door. With a provider it tells the page that somebody was on their way there."""
    return SIGN_IN if path == HOME and settings.SSO != "oidc" else f"{SIGN_IN}?{urlencode({'next': path})}"


def start_url(path: str, *, anew: bool = False) -> str:
    """Where the way to the provider begins, and back to `path`. `anew`: it shall ask again who is there."""
    return f"{START}?{urlencode({'next': path} | ({'anew': 'on'} if anew else {}))}"


def sign_on_page(request: HttpRequest, target: str) -> HttpResponse:
    """The way to the provider. Whoever was on their way to a page goes on by themselves, unless there is something to
    say. By a header of the answer: a redirect after a form would be held to `form-action` of our policy.
    """
    goes_on = "next" in request.GET and not len(get_messages(request))
    context = {"start_url": start_url(target), "goes_on": goes_on}
    response = render(request, "auth/sign_on.html", context)
    if goes_on:
        response["Refresh"] = f"0; url={start_url(target)}"
    return response


def login_failed(request: HttpRequest, error: Refused, *, again: str = "") -> HttpResponse:
    """What the sign-on's failure means, in words; `again` is where another try begins. htmx gets the words alone."""
    partial = wants_partial(request)
    context = {
        "sentence": error.sentence,
        "effect": error.advice or _("You are not signed in."),
        "retry_url": again if error.again else "",
        "request_id": getattr(request, "request_id", ""),
        "partial": partial,
    }
    if partial:
        return retarget_banner(render(request, "errors/_fragment.html", context, status=error.status))
    return render(request, "auth/refused.html", context, status=error.status)


def signed_out_page(request: HttpRequest, elsewhere: str) -> HttpResponse:
    """`elsewhere`: where the provider ends its own session. The browser goes there, and then finds a notice here."""
    response = render(request, "auth/signed_out.html", {"elsewhere": elsewhere})
    if elsewhere:
        messages.success(request, _("You are signed out."))
        response["Refresh"] = f"0; url={elsewhere}"  # as above: after a form, no redirect may lead there
    return response
