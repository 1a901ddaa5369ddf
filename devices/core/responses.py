"""How views answer: a whole page or a fragment for htmx, and the headers that htmx reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from devices.core.requests import POLL, wants_partial


class SeeOther(HttpResponseRedirect):
    """303: after a plain POST, look at the result with GET (RFC 9110 §15.4.4).

    Raises ValueError for anything but one of our own paths.
    """

    status_code = 303

    def __init__(self, url: str) -> None:
        super().__init__(local_path(url))


def local_path(url: str) -> str:
    """`url` if it is a path of this site. ValueError otherwise: a browser follows whatever stands in these headers."""
    if not url.startswith("/") or url.startswith(("//", "/\\")):
        raise ValueError("The portal leads to its own paths only.")
    return url


def answer(
    request: HttpRequest, page: str, fragment: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render `fragment` for htmx and `page` for everybody else, from the same context.

    The template is told which by `partial`. `Vary` keeps the two apart in the browser's cache: without it, Back shows
    a bare fragment.
    """
    partial = wants_partial(request)
    response = render(request, fragment if partial else page, {**context, "partial": partial}, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def redirect_to(request: HttpRequest, url: str) -> HttpResponse:
    """After a change, look at the result on a whole page: 303, or for htmx the header that does the same.

    Only for our own paths: the browser follows whatever stands there.
    """
    if not wants_partial(request):
        return SeeOther(url)
    response = HttpResponse()
    response["HX-Redirect"] = local_path(url)
    patch_vary_headers(response, ["HX-Request"])
    return response


def poll_url(url: str) -> str:
    """The address for a region that asks again by itself. Such requests do not count as activity of a person."""
    return f"{url}{'&' if '?' in url else '?'}{POLL}=on"


def query_string(**params: object) -> str:
    """`?a=1&b=2` in the order given, leaving out what is empty or false; an empty string when nothing is left."""
    kept = {name: "on" if value is True else value for name, value in params.items() if value not in (None, "", False)}
    return f"?{urlencode(kept)}" if kept else ""
