"""Drops the cached platform responses of a sign-in when it ends, however it ends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from django.db.models.signals import post_delete

from devices.gateway.response_cache import cache_group
from portal import cache
from portal.auth.models import ApiGrant


def cache_scope(handle: str) -> str:
    """The cache key prefix of one sign-in. It is a digest, so that it does not reveal the handle."""
    return hashlib.sha256(handle.encode()).hexdigest()[:32]


def drop_cached_responses(handles: Iterable[str]) -> None:
    """Free the space; nobody can read them without the handle. In other processes' memory they wait to expire."""
    cache.delete_groups([cache_group(cache_scope(handle)) for handle in handles])


def _on_grant_deleted(instance: ApiGrant, **_kwargs: Any) -> None:
    drop_cached_responses([instance.handle])


def connect() -> None:
    """Covers every deletion of a grant: by the person, by an administrator, by the provider, by age."""
    post_delete.connect(_on_grant_deleted, sender=ApiGrant, dispatch_uid="drop cached responses")
