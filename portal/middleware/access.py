"""What happens around every view: headers, the question who is asking, and errors of the platform made into answers."""

from __future__ import annotations

from http import HTTPStatus
from typing import cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.functional import SimpleLazyObject

from devices.core import requests
from devices.core.requests import DeviceRequest, is_poll, wants_partial
from devices.gateway.client import Gateway
from devices.gateway.errors import CircuitOpen, GatewayError, RateLimited, Unauthorized, UserConcurrencyExceeded
from devices.gateway.resilience.bulkhead import Bulkhead
from devices.gateway.resilience.policy import PlatformStatus, Priority
from devices.gateway.timeouts import Deadline
from portal import error_pages
from portal.auth import drafts, grants, oauth
from portal.auth.auth_responses import WriteEffect, login_failed, sign_in_answer
from portal.auth.authentication import authenticate_request, has_idled
from portal.auth.response_cache import response_cache_for
from portal.auth.sso import service
from portal.auth.sso.identity import Refused
from portal.middleware import GetResponse
from portal.middleware.fetch_metadata import READS
from portal.platform import transport

# Reached without being signed in. Nothing else is, without a line here.
EXEMPT = frozenset({"/sign-in/", "/sso/start/", "/sso/callback/", "/sso/backchannel-logout/"})
EXEMPT_PREFIXES = (settings.STATIC_URL,)


class AccessMiddleware:
    """Lets in whoever has a living grant, and puts `gateway`, `access` and `preferences` on the request.

    Costs two queries, and once a minute a third that notes the person's activity.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._bulkhead = Bulkhead(per_user=settings.PLATFORM_API_LIMITS.user_concurrency)

    def __call__(self, request: DeviceRequest) -> HttpResponseBase:
        path = request.path_info
        request.received_at = requests.wall_clock()
        if path not in EXEMPT and not path.startswith(EXEMPT_PREFIXES):
            try:
                admitted = authenticate_request(request)
            except Refused as error:
                return login_failed(request, error)
            if admitted is None:
                # A cookie without a session behind it: signed out elsewhere, idle, or too old.
                ended = settings.SESSION_COOKIE_NAME in request.COOKIES
                return sign_in_answer(request, ended=ended, idle=has_idled(request), effect=_unsent(request))
            row, identity = admitted
            polled = is_poll(request)
            if not polled:
                grants.seen(row)
            request.access = row.access(identity)
            request.preferences = row.preferences
            if request.preferences.language != "auto":
                translation.activate(request.preferences.language)
            timeouts = settings.PLATFORM_API_TIMEOUTS
            # Who only looks gets after ten seconds what there is; a change may take as long as a page may.
            patience = min(timeouts.read, timeouts.page) if request.method in READS else timeouts.page
            deadline = Deadline(patience)
            tokens = grants.TokenSource(row, deadline, grants.last_begin(timeouts.page))
            guard = None if row.user else service.guard(request.access, request.request_id)
            cache = response_cache_for(row, request.access, changing=request.method not in READS)
            request.gateway = Gateway(
                transport(),
                tokens,
                request_id=request.request_id,
                deadline=deadline,
                guard=guard,
                priority=Priority.POLL if polled else Priority.PERSON,
                person=request.access.person,
                cache=cache,
            )
            request.platform_status = cast(PlatformStatus, SimpleLazyObject(request.gateway.platform_status))
            response = self._served(request)
            request.gateway.flush()
        else:
            response = self.get_response(request)
        drafts.set_cookie(request, response)
        error_pages.append_banner(request, response)
        if response.status_code == 405 and isinstance(response, HttpResponse) and not response.content:
            return error_pages.method_not_allowed(request, response)
        return response

    def _served(self, request: DeviceRequest) -> HttpResponseBase:
        """The view's response, or a 503 at once if too many requests of this person are running."""
        with self._bulkhead.slot(request.access.person) as admitted:
            if admitted:
                return self.get_response(request)
            wait = settings.PLATFORM_API_LIMITS.queue_timeout
            full = UserConcurrencyExceeded(retry_after=wait, request_id=request.request_id)
            return cast(HttpResponse, self.process_exception(request, full))

    def process_view(self, request: DeviceRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        """After the CSRF check, whose place is further up.

        While no change is sent on, a form is answered at once, before anything is read for it. A piece of a page is
        left to its view, which keeps the form that is open there.
        """
        if not hasattr(request, "access"):
            return None
        drafts.restore(request)
        if request.method == "POST" and not wants_partial(request) and drafts.is_form(request.path_info):
            rests = request.gateway.platform_status().writes_retry_after
            if rests:
                return self.process_exception(request, CircuitOpen(retry_after=rests, request_id=request.request_id))
        return None

    def process_exception(self, request: DeviceRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Unauthorized) and hasattr(request, "access") and not request.access.user_id:
            # The organization's token is refused, a new one too: no sign-in would help.
            exception = oauth.ClientRefused(operation=exception.operation, api_status=exception.api_status)
        if isinstance(exception, Unauthorized):
            # The platform takes none of our tokens. Were the grant kept, sign-in would send the person back here.
            grants.close_grant(request.session.get(grants.SESSION_KEY, ""), by="the platform")
            # A change may have been made, and its reading back refused.
            effect = WriteEffect.PERHAPS if _changed(request) else _unsent(request)
            return sign_in_answer(request, ended=True, effect=effect)
        if isinstance(exception, GatewayError):
            # Such as the reading before a change: where nothing was sent, the form can be filled in again.
            may_pass = isinstance(exception, RateLimited) or exception.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            kept = may_pass and not _changed(request) and drafts.save(request)
            return error_pages.platform_error(request, exception, form_url=request.path if kept else "")
        return None


def _unsent(request: HttpRequest) -> WriteEffect:
    """Keep what a form brought that was surely not carried out."""
    if drafts.save(request):
        return WriteEffect.KEPT
    known = settings.SESSION_COOKIE_NAME in request.COOKIES or drafts.COOKIE in request.COOKIES
    lost = known and request.method == "POST" and drafts.is_form(request.path_info)
    return WriteEffect.LOST if lost else WriteEffect.NOTHING


def _changed(request: HttpRequest) -> bool:
    """Whether this request has made a change, or perhaps has."""
    gateway: Gateway | None = getattr(request, "gateway", None)
    return gateway is not None and gateway.changed
