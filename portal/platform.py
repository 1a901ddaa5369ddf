"""The one way to the Platform API, which all threads of this process share: a transport, and the policy around it."""

from __future__ import annotations

import hashlib
from functools import cache

from django.conf import settings

from devices.gateway.resilience.policy import Policy
from devices.gateway.transport import Transport
from portal.shared_state import CacheSharedState


@cache
def transport() -> Policy:
    """After a change of these settings (tests): `transport.cache_clear()`. Everything it remembers is gone then."""
    client = f"{settings.PLATFORM_API_URL} {settings.PLATFORM_API_CLIENT_ID}"
    return Policy(
        Transport(
            settings.PLATFORM_API_URL,
            timeouts=settings.PLATFORM_API_TIMEOUTS,
            allowed_hosts=settings.PLATFORM_API_ALLOWED_HOSTS,
        ),
        limits=settings.PLATFORM_API_LIMITS,
        # The API counts by organization, and all people of a portal are of its client's.
        scope=hashlib.sha256(client.encode()).hexdigest()[:16],
        store=CacheSharedState() if settings.REDIS_URL else None,
    )
