"""Where a 308 may lead: the API answers so for an organization of another region, with the full URL in Location."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from devices.gateway.base_url import check_base_url, is_loopback
from devices.gateway.transport import Transport

log = logging.getLogger(__name__)

HOSTS = 4
"""Other hosts, of other regions, that connections are kept to."""
REMEMBERED = 300.0
"""Seconds for which readings go where the last one was referred to and answered, without being referred again."""


class RedirectTarget:
    """Where this process was referred to. What it remembers is one assignment, so threads need no lock for it."""

    def __init__(self) -> None:
        self._hosts: dict[str, Transport] = {}
        self._last: tuple[Transport, float] | None = None

    def known(self, now: float) -> Transport | None:
        """Where readings go at present; None for home."""
        last = self._last
        return last[0] if last is not None and now < last[1] else None

    def at(self, base: str, ours: Transport) -> Transport | None:
        """The way to an address that `new_base` has allowed; None where there are too many of them."""
        there = self._hosts.get(base)
        if there is None and len(self._hosts) < HOSTS:
            there = self._hosts[base] = ours.at(base)
        return there

    def answered(self, there: Transport, now: float) -> None:
        if self._last is None:
            log.warning("The platform refers readings to %s: they go there for some minutes at a time.", there.base_url)
        self._last = there, now + REMEMBERED

    def forget(self) -> None:
        """Ask at home again: it may have moved back, or further."""
        if self._last is not None:
            self._last = self._last[0], 0.0

    def close(self) -> None:
        for transport in self._hosts.values():
            transport.close()


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
