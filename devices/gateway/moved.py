"""Where a 308 may lead: the API answers so for an organization of another region, with the full URL in Location."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from devices.gateway.address import check_base_url, is_loopback


def new_base(location: str, asked: str, base_url: str, allowed_hosts: Sequence[str]) -> str | None:
    """The base URL to repeat a reading at, or None where nothing may be sent: the token would go with it.

    `asked`: the path with its query, which must be the same there. Without a list of hosts only our own is allowed.
    """
    ours = urlsplit(base_url)
    try:
        parts = urlsplit(location)
        base = check_base_url(f"{parts.scheme}://{parts.netloc}{ours.path}", allowed_hosts or [ours.hostname or ""])
        at_home = is_loopback(ours.hostname or "")
    except ValueError:
        return None
    wanted = urlsplit(ours.path + asked)
    same = parts.path == wanted.path and _pairs(parts.query) == _pairs(wanted.query) and not parts.fragment
    return base if same and (parts.scheme == "https" or at_home) and base != base_url else None


def _pairs(query: str) -> list[tuple[str, str]]:
    return sorted(parse_qsl(query, keep_blank_values=True))
