"""The way back to the list that a form belongs to."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from django.urls import reverse

from devices.core.navigation import home_url
from devices.core.requests import DeviceRequest

LIST_VIEWS = ("devices:device-list", "devices:device-by-owner", "devices:device-by-user", "devices:device-recent")
TRANSIENT_PARAMS = frozenset({"checked", "show", "change", "seen", "stale"})
"""Parameters about the last action, not about what is listed."""
MAX_LENGTH = 4000
"""Characters of an accepted address: several times what our lists need. Django refuses to redirect to very long ones,
which would be a 400 after a form has done its work."""


def back_to_list(request: DeviceRequest, **more: str) -> str:
    """The list's address in the field `next`, with `more` in its query; the person's main list for any other address.

    It is built anew from its path and query, so it can lead only to our own lists.
    """
    here = request.POST.get("next", "")
    try:
        parts = urlsplit(here if len(here) <= MAX_LENGTH else "")
        query = parse_qsl(parts.query, max_num_fields=20)
    except ValueError:
        return home_url(request.access)
    if parts.scheme or parts.netloc or parts.path not in {reverse(name) for name in LIST_VIEWS}:
        return home_url(request.access)
    kept = [(name, value) for name, value in query if name not in TRANSIENT_PARAMS] + list(more.items())
    return parts.path + (f"?{urlencode(kept)}" if kept else "")


def from_list(request: DeviceRequest) -> bool:
    """Whether the htmx request comes from one of the lists, whose row shows the outcome."""
    return urlsplit(request.htmx.current_url_abs_path or "").path in {reverse(name) for name in LIST_VIEWS}
