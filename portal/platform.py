"""The one transport to the Platform API that all threads of this process share."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from devices.gateway.transport import Transport


@cache
def transport() -> Transport:
    return Transport(
        settings.PLATFORM_API_URL,
        timeouts=settings.PLATFORM_API_TIMEOUTS,
        allowed_hosts=settings.PLATFORM_API_ALLOWED_HOSTS,
    )
