"""Responses of views: a whole page or a fragment for htmx, redirects, and query strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from devices.core.requests import POLL, wants_partial


class SeeOther(HttpResponseRedirect):
    """303: the result of a POST, read with GET (RFC 9110 §15.4.4). Raises ValueError unless it is a path of ours."""

    status_code = 303

    def __init__(self, url: str) -> None:
        super().__init__(require_local_path(url))


def require_local_path(url: str) -> str:
    """`url` if it is a path of this site, else ValueError: a browser follows whatever these headers say."""
    if not url.startswith("/") or url.startswith(("//", "/\\")):
        raise ValueError("The portal redirects to its own paths only.")
    return url


def answer(
    request: HttpRequest, page: str, fragment: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render `fragment` for htmx and `page` for everybody else, from the same context and with `partial` in it.

    Without `Vary`, the browser's cache would show a bare fragment after Back.
    """
    partial = wants_partial(request)
    response = render(request, fragment if partial else page, {**context, "partial": partial}, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def redirect_to(request: HttpRequest, url: str) -> HttpResponse:
    """Lead to a whole page after a change: 303, or for htmx HX-Redirect. Raises ValueError as SeeOther."""
    if not wants_partial(request):
        return SeeOther(url)
    response = HttpResponseClientRedirect(require_local_path(url))
    patch_vary_headers(response, ["HX-Request"])
    return response


def poll_url(url: str) -> str:
    """The address for a region that refreshes itself. Such requests do not count as the person's activity."""
    return f"{url}{'&' if '?' in url else '?'}{POLL}=on"


def query_string(**params: object) -> str:
    """`?a=1&b=2` in the order given, without empty and false values; an empty string if nothing is left."""
    left = {name: "on" if value is True else value for name, value in params.items() if value not in (None, "", False)}
    return f"?{urlencode(left)}" if left else ""
