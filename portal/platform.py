"""The one way to the Platform API, which all threads of this process share: a transport, and the policy around it."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from devices.gateway.policy import Policy
from devices.gateway.transport import Transport


@cache
def transport() -> Policy:
    """After a change of these settings (tests): `transport.cache_clear()`. Everything it remembers is gone then."""
    return Policy(
        Transport(
            settings.PLATFORM_API_URL,
            timeouts=settings.PLATFORM_API_TIMEOUTS,
            allowed_hosts=settings.PLATFORM_API_ALLOWED_HOSTS,
        )
    )
