"""From which address a request comes, as far as that can be believed."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

UNIX = "unix"
"""How TRUSTED_PROXIES names a proxy that comes through a UNIX socket: it has no address."""


def client_address(request: HttpRequest) -> str:
    """The peer's address; behind a proxy that TRUSTED_PROXIES names, what that proxy wrote at the end of its header.

    Whatever stands further left in X-Forwarded-For was sent by the client, and anybody can send anything. An IPv6
    address counts as its /64 network: who has one of those has all.
    """
    peer = request.META.get("REMOTE_ADDR", "")
    forwarded = request.headers.get("X-Forwarded-For", "")
    found = _parsed(forwarded.rpartition(",")[2]) if forwarded and _is_trusted(peer) else None
    return _bucket(found or _parsed(peer)) or peer or UNIX


def _is_trusted(peer: str) -> bool:
    if not peer:
        return UNIX in settings.TRUSTED_PROXIES
    address = _parsed(peer)
    return address is not None and any(
        address in network for network in settings.TRUSTED_PROXIES if not isinstance(network, str)
    )


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _bucket(address: IPv4Address | IPv6Address | None) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address) >> 64 << 64, 64)))
    return str(address or "")
