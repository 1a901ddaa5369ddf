"""Safe redirect targets: only paths of this portal. Every `next`, Location and HX-* target is checked here."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme

HOME = "/devices/"
EXCLUDED = frozenset(
    {"/", "/sign-in/", "/sign-out/", "/discard-draft/", "/sso/start/", "/sso/callback/", "/sso/backchannel-logout/"}
)
"""Paths that only redirect."""
MAX_LENGTH = 2000
UNSAFE_IN_URLS = re.compile(r"[\x00-\x1f\x7f\\]")


def local_path(request: HttpRequest, url: str | None, default: str = HOME) -> str:
    """Path and query of `url` if it is one of this portal's pages, else `default`; never a scheme, host or fragment.

    A URL with a host is accepted only for this request's host. It is never unquoted: `/%2f%2fevil` is a path, but
    unquoted it would be a host.
    """
    if not url or len(url) > MAX_LENGTH or UNSAFE_IN_URLS.search(url):
        return default
    if not url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}):
        return default
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    # Checked again: http://this.host//evil.example/ leaves //evil.example/.
    if not path.startswith("/") or not url_has_allowed_host_and_scheme(path, allowed_hosts=None):
        return default
    return default if parts.path in EXCLUDED else str(iri_to_uri(path))
