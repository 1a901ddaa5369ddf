"""Refuse requests from other sites that would write (Fetch Metadata)."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portal import error_pages
from portal.middleware import GetResponse

READS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


OWN = frozenset({"same-origin", "none"})


class FetchMetadataMiddleware:
    """Refuses what a page of another site sends here, unless it only reads.

    The browser itself writes Sec-Fetch-Site, and no script can. `none` is a person's own doing. One host of the
    company may not write to the portal either (`same-site`). Browsers without the header are left to the CSRF token,
    which everybody else needs too; HX-Request can be sent by anybody and opens nothing.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in READS and request.headers.get("Sec-Fetch-Site", "none") not in OWN:
            return error_pages.cross_site_request(request)
        return self.get_response(request)
