"""Request id, and the response headers that Django has no setting for."""

from __future__ import annotations

import secrets

from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from portal.middleware import GetResponse


class ResponseHeadersMiddleware:
    """Request id, and the headers that Django has no setting for.

    The policy is django-csp's, built once: its middleware builds it anew for each answer (0.1 ms), for nonces and
    exceptions that we do not have. Whatever did not say how it may be kept (WhiteNoise says so for static files) is
    personal: never kept, and different for htmx and for a page, and in each language.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.policy = build_policy()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.request_id = secrets.token_hex(16)  # type: ignore[attr-defined]
        response = self.get_response(request)
        headers = response.headers
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if not (settings.DEBUG and response.status_code in {404, 500}):  # Django's own debug pages have inline styles
            headers["Content-Security-Policy"] = self.policy
        if "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-store, private"
            headers["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
            patch_vary_headers(response, ("HX-Request", "Accept-Language"))
        return response
