"""The language of each response."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation

from portal.middleware import GetResponse


class LanguageMiddleware:
    """The language of the answer: of those there are, the one the browser asks for first, until we know who asks.

    AccessMiddleware puts the one in its place that the person has chosen.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        translation.activate(translation.get_language_from_request(request))
        try:
            response = self.get_response(request)
            if response.headers.get("Content-Type", "").startswith("text/html"):
                response.headers["Content-Language"] = translation.get_language() or settings.LANGUAGE_CODE
            return response
        finally:
            translation.deactivate()
