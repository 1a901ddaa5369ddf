"""Refuses write requests from other sites (Fetch Metadata)."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portal import error_pages
from portal.middleware import GetResponse

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
TRUSTED_SITES = frozenset({"same-origin", "none"})


class FetchMetadataMiddleware:
    """Refuses write requests from pages of other sites, also of another host in the same domain (`same-site`).

    Only the browser can set Sec-Fetch-Site; `none` is a request by the person, such as a bookmark. Browsers without the
    header are checked by the CSRF token, which all others need too.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in SAFE_METHODS and request.headers.get("Sec-Fetch-Site", "none") not in TRUSTED_SITES:
            return error_pages.cross_site_request(request)
        return self.get_response(request)
