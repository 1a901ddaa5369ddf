"""The client address of a request, for rate limits."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

UNIX = "unix"
"""In TRUSTED_PROXIES: a proxy on a UNIX socket, which has no address."""


def client_address(request: HttpRequest) -> str:
    """The peer's address or, behind one of TRUSTED_PROXIES, the last entry of X-Forwarded-For, set by that proxy.

    The client controls the entries before it. An IPv6 address counts as its /64 network, as one client has all of it.
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
