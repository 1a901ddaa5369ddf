"""Authenticates each request, gives it a gateway, and turns platform errors into responses."""

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
from portal.auth.auth_responses import WriteEffect, login_failed, sign_in_response
from portal.auth.authentication import authenticate_request, session_timed_out
from portal.auth.response_cache import response_cache_for
from portal.auth.sso import service
from portal.auth.sso.identity import Identity, LoginRefused
from portal.middleware import GetResponse
from portal.middleware.fetch_metadata import SAFE_METHODS
from portal.platform import transport

# The only URLs that need no sign-in.
EXEMPT = frozenset({"/sign-in/", "/sso/start/", "/sso/callback/", "/sso/backchannel-logout/"})
EXEMPT_PREFIXES = (settings.STATIC_URL,)


class AccessMiddleware:
    """Admits a request with an active grant, and sets `gateway`, `access` and `preferences` on it, in two queries."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._bulkhead = Bulkhead(per_user=settings.PLATFORM_API_LIMITS.user_concurrency)

    def __call__(self, request: DeviceRequest) -> HttpResponseBase:
        path = request.path_info
        request.received_at = requests.wall_clock()
        if path in EXEMPT or path.startswith(EXEMPT_PREFIXES):
            response = self.get_response(request)
        else:
            try:
                admitted = authenticate_request(request)
            except LoginRefused as error:
                return login_failed(request, error)
            if admitted is None:
                # A cookie without a session: signed out elsewhere, idle, or too old.
                ended = settings.SESSION_COOKIE_NAME in request.COOKIES
                idle = session_timed_out(request)
                return sign_in_response(request, ended=ended, idle=idle, effect=_save_draft(request))
            self._prepare(request, *admitted)
            response = self._served(request)
            request.gateway.flush()
        drafts.set_cookie(request, response)
        error_pages.append_banner(request, response)
        if response.status_code == 405 and isinstance(response, HttpResponse) and not response.content:
            return error_pages.method_not_allowed(request, response)
        return response

    def _prepare(self, request: DeviceRequest, row: grants.GrantRow, identity: Identity | None) -> None:
        """Put the person's permissions, preferences and gateway on the request."""
        polled = is_poll(request)
        if not polled:
            grants.record_activity(row)
        request.access = row.access(identity)
        request.preferences = row.preferences
        if request.preferences.language != "auto":
            translation.activate(request.preferences.language)
        timeouts = settings.PLATFORM_API_TIMEOUTS
        # A read shows after ten seconds what it has; a change may take the whole time of a page.
        patience = min(timeouts.read, timeouts.page) if request.method in SAFE_METHODS else timeouts.page
        deadline = Deadline(patience)
        request.gateway = Gateway(
            transport(),
            grants.TokenSource(row, deadline, grants.refresh_cutoff(timeouts.page)),
            request_id=request.request_id,
            deadline=deadline,
            guard=None if row.user else service.permission_guard(request.access, request.request_id),
            priority=Priority.POLL if polled else Priority.PERSON,
            person=request.access.person,
            cache=response_cache_for(row, request.access, changing=request.method not in SAFE_METHODS),
        )
        request.platform_status = cast(PlatformStatus, SimpleLazyObject(request.gateway.platform_status))

    def _served(self, request: DeviceRequest) -> HttpResponseBase:
        """The view's response, or a 503 at once if too many requests of this person are running."""
        with self._bulkhead.slot(request.access.person) as admitted:
            if admitted:
                return self.get_response(request)
            wait = settings.PLATFORM_API_LIMITS.queue_timeout
            full = UserConcurrencyExceeded(retry_after=wait, request_id=request.request_id)
            return cast(HttpResponse, self.process_exception(request, full))

    def process_view(self, request: DeviceRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        """After the CSRF check: restore the draft of a form.

        While writes are disabled, a form is refused here, before anything is read for it. A fragment is left to its
        view, which keeps the open form.
        """
        if not hasattr(request, "access"):
            return None
        drafts.restore(request)
        if request.method == "POST" and not wants_partial(request) and drafts.is_form(request.path_info):
            retry_after = request.gateway.platform_status().writes_retry_after
            if retry_after:
                return self.process_exception(
                    request, CircuitOpen(retry_after=retry_after, request_id=request.request_id)
                )
        return None

    def process_exception(self, request: DeviceRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Unauthorized) and hasattr(request, "access") and not request.access.user_id:
            # The platform refused the organization's token, and a new one too: no sign-in helps.
            exception = oauth.ClientRefused(operation=exception.operation, api_status=exception.api_status)
        if isinstance(exception, Unauthorized):
            # The platform refused all tokens. If the grant stayed, sign-in would redirect back here.
            grants.close_grant(request.session.get(grants.SESSION_KEY, ""), by="the platform")
            # A change may have been made, and only its read-back refused.
            effect = WriteEffect.UNKNOWN if _changed(request) else _save_draft(request)
            return sign_in_response(request, ended=True, effect=effect)
        if isinstance(exception, GatewayError):
            # For example the read before a change: nothing was sent, so the form can be restored.
            temporary = isinstance(exception, RateLimited) or exception.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            saved = temporary and not _changed(request) and drafts.save(request)
            return error_pages.platform_error(request, exception, form_url=request.path if saved else "")
        return None


def _save_draft(request: HttpRequest) -> WriteEffect:
    """Save a form that was certainly not executed as a draft."""
    if drafts.save(request):
        return WriteEffect.DRAFT_SAVED
    known = settings.SESSION_COOKIE_NAME in request.COOKIES or drafts.COOKIE in request.COOKIES
    lost = known and request.method == "POST" and drafts.is_form(request.path_info)
    return WriteEffect.DRAFT_NOT_SAVED if lost else WriteEffect.NONE


def _changed(request: HttpRequest) -> bool:
    """Whether this request made a change, or may have made one."""
    gateway: Gateway | None = getattr(request, "gateway", None)
    return gateway is not None and gateway.changed
