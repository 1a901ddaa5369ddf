"""The transport to the Platform API with its resilience policy, shared by all threads of this process."""

from __future__ import annotations

import hashlib
from functools import cache

from django.conf import settings

from devices.gateway.resilience.policy import Policy
from devices.gateway.transport import Transport
from portal.shared_state import CacheSharedState


@cache
def transport() -> Policy:
    """After a change of these settings (tests), call `transport.cache_clear()`; its state is lost then."""
    client = f"{settings.PLATFORM_API_URL} {settings.PLATFORM_API_CLIENT_ID}"
    return Policy(
        Transport(
            settings.PLATFORM_API_URL,
            timeouts=settings.PLATFORM_API_TIMEOUTS,
            allowed_hosts=settings.PLATFORM_API_ALLOWED_HOSTS,
        ),
        limits=settings.PLATFORM_API_LIMITS,
        # The API limits by organization, and all people of a portal belong to that of its client.
        scope=hashlib.sha256(client.encode()).hexdigest()[:16],
        store=CacheSharedState() if settings.REDIS_URL else None,
    )
