"""A person's response cache (devices/gateway/response_cache.py) in Django's cache, its versions in the grant's row."""

from __future__ import annotations

from django.conf import settings
from django.core.cache import caches

from devices.core.permissions import Access
from devices.gateway.response_cache import CacheOwner, CacheVersions, ResponseCache
from portal.auth import grants


def response_cache_for(row: grants.GrantRow, access: Access, *, changing: bool = False) -> ResponseCache:
    """`changing`: for a request that may change something."""
    # This thread's cache object, for the request's other threads too: each of theirs would open connections.
    store = caches["default"]
    owner = CacheOwner(settings.PLATFORM_API_URL, access.person, row.user, access.org_id, access.scope)

    def bump(directory: bool) -> None:
        grants.bump_cache_version(access.person, row.user, directory=directory)

    versions = CacheVersions(row.device_cache_version, row.directory_cache_version)
    return ResponseCache(store, owner, versions, bump, changing=changing)
