"""The language of each response."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation

from portal.middleware import GetResponse


class LanguageMiddleware:
    """Activates the browser's preferred language. AccessMiddleware replaces it with the person's own choice."""

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
