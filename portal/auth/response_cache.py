"""The kept answers of whoever asks (devices/gateway/answers.py): in Django's cache, counted in the row of the grant."""

from __future__ import annotations

from django.conf import settings
from django.core.cache import caches

from devices.core.permissions import Access
from devices.gateway.response_cache import Counts, Owner, ResponseCache
from portal.auth import grants


def answers_for(row: grants.GrantRow, access: Access, *, changing: bool = False) -> ResponseCache:
    """`changing`: for a request that may change something."""
    # The cache object of this thread, which the request's other threads may use: theirs would be connections anew.
    store = caches["default"]
    owner = Owner(settings.PLATFORM_API_URL, access.person, row.user, access.org_id, access.scope)

    def bump(words: bool) -> None:
        grants.bump_cache_version(access.person, row.user, words=words)

    return ResponseCache(store, owner, Counts(row.generation, row.words), bump, changing=changing)
