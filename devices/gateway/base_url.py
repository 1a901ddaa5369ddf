"""Which base URLs are allowed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit


def check_base_url(base_url: str, allowed_hosts: Sequence[str] = ()) -> str:
    """The URL without a trailing slash, or ValueError: https, or plain http to this machine; no credentials in it.

    An entry of `allowed_hosts` is a host name; with a leading dot it stands for the hosts below it too.
    """
    what = "The address of the Platform API"
    if not re.fullmatch(r"[!-~]+", base_url) or "\\" in base_url:
        raise ValueError(f"{what} holds a blank, a backslash or a character outside ASCII.")
    try:
        parts = urlsplit(base_url)
        host = (parts.hostname or "").lower()
        _ = parts.port  # raises ValueError outside 0..65535
        address = ipaddress.ip_address(host) if ":" in host or re.fullmatch(r"[\d.]+", host) else None
    except ValueError:
        raise ValueError(f"{what} is not a URL: its host or port cannot be read.") from None
    if parts.scheme not in {"https", "http"} or not (address or re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", host)):
        raise ValueError(f"{what} has to look like https://host.example.")
    if "@" in parts.netloc:
        raise ValueError(f"{what} must not hold a user name or password.")
    if "?" in base_url or "#" in base_url:
        raise ValueError(f"{what} must not hold a query or a fragment.")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(f"{what} has to be https: plain http is for this machine only (localhost, 127.0.0.1, [::1]).")
    if allowed_hosts and not any(_matches(host, allowed.lower()) for allowed in allowed_hosts):
        raise ValueError(f"{what} names the host {host}, which is not among the allowed hosts.")
    return base_url.rstrip("/")


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _matches(host: str, allowed: str) -> bool:
    return host == allowed or (allowed.startswith(".") and (host.endswith(allowed) or host == allowed[1:]))
