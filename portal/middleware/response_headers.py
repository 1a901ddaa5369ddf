"""Headers of every response."""

from __future__ import annotations

import secrets

from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from portal.middleware import GetResponse


class ResponseHeadersMiddleware:
    """Sets the request id, and the response headers that Django has no setting for.

    The policy is built once by django-csp. Its middleware builds it for each response (0.1 ms), for nonces and
    exceptions that are not used here. A response without Cache-Control is personal: it is not stored, and it varies by
    htmx and language. WhiteNoise sets Cache-Control for static files.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.policy = build_policy()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.request_id = secrets.token_hex(16)  # type: ignore[attr-defined]
        response = self.get_response(request)
        headers = response.headers
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if not (settings.DEBUG and response.status_code in {404, 500}):  # Django's debug pages have inline styles
            headers["Content-Security-Policy"] = self.policy
        if "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-store, private"
            headers["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
            patch_vary_headers(response, ("HX-Request", "Accept-Language"))
        return response
