"""Region redirect: the API answers 308 for an organization of another region, with the full URL in Location."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from devices.gateway.base_url import check_base_url, is_loopback
from devices.gateway.transport import Transport

log = logging.getLogger(__name__)

MAX_HOSTS = 4
"""Hosts of other regions, at most."""
REMEMBER_FOR = 300.0
"""Seconds for which reads go straight to the host of the last redirect."""


class RedirectTarget:
    """The region this process was redirected to. Its state is one assignment, so threads need no lock for it."""

    def __init__(self) -> None:
        self._hosts: dict[str, Transport] = {}
        self._current: tuple[Transport, float] | None = None

    def current(self, now: float) -> Transport | None:
        """Where reads go now; None for the configured address."""
        current = self._current
        return current[0] if current is not None and now < current[1] else None

    def transport_to(self, base: str, configured: Transport) -> Transport | None:
        """A transport to an address that `redirect_base` has allowed; None if there are too many of them."""
        target = self._hosts.get(base)
        if target is None and len(self._hosts) < MAX_HOSTS:
            target = self._hosts[base] = configured.at(base)
        return target

    def remember(self, target: Transport, now: float) -> None:
        """Send reads there for a while: it has answered one."""
        if self._current is None:
            log.warning("The platform redirects reads to %s: they go there, for 5 minutes at a time.", target.base_url)
        self._current = target, now + REMEMBER_FOR

    def forget(self) -> None:
        """Ask the configured address again: the organization may have moved back, or on."""
        if self._current is not None:
            self._current = self._current[0], 0.0

    def close(self) -> None:
        for transport in self._hosts.values():
            transport.close()


def redirect_base(location: str, requested: str, base_url: str, allowed_hosts: Sequence[str]) -> str | None:
    """The base URL to repeat a read at, or None where it must not be sent, as the token would go with it.

    `requested`: path and query, which must be the same there. Without a list of hosts only that of `base_url` is
    allowed.
    """
    ours = urlsplit(base_url)
    try:
        parts = urlsplit(location)
        base = check_base_url(f"{parts.scheme}://{parts.netloc}{ours.path}", allowed_hosts or [ours.hostname or ""])
        local = is_loopback(ours.hostname or "")
    except ValueError:
        return None
    wanted = urlsplit(ours.path + requested)
    same = parts.path == wanted.path and _pairs(parts.query) == _pairs(wanted.query) and not parts.fragment
    return base if same and (parts.scheme == "https" or local) and base != base_url else None


def _pairs(query: str) -> list[tuple[str, str]]:
    return sorted(parse_qsl(query, keep_blank_values=True))
