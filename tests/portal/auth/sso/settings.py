"""Shared settings of the SSO tests."""

from __future__ import annotations

import ipaddress
from typing import Any

from portal.sso_environment import ProxyHeaders, TrustedPeers
from tests.portal.conftest import Browser

SECRET = "proxy-secret-canary-0123456789-abcdefghij"
PROXY = TrustedPeers((ipaddress.ip_network("127.0.0.1/32"),))
HEADERS = ProxyHeaders("X-Forwarded-User", "", "X-Forwarded-Name", "X-Forwarded-Groups")


def by_header(settings: Any, **changes: Any) -> None:
    """Put the portal behind a sign-on proxy on this machine."""
    settings.SSO = "header"
    settings.SSO_HEADERS = HEADERS
    settings.SSO_HEADER_SECRET = SECRET
    settings.SSO_TRUSTED_PEERS = PROXY
    for name, value in changes.items():
        setattr(settings, name, value)


class Proxied(Browser):
    """A browser behind the proxy, which sends `user` (unless None) and `groups` with every request."""

    def __init__(self, user: str | None = None, groups: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.user = user
        self.groups = groups

    def generic(self, *args: Any, **kwargs: Any) -> Any:
        sent = {"X-Portal-Secret": SECRET, "X-Forwarded-Groups": self.groups}
        if self.user is not None:
            sent["X-Forwarded-User"] = self.user
        kwargs["headers"] = {**sent, **(kwargs.get("headers") or {})}
        return super().generic(*args, **kwargs)
