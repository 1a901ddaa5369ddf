"""Values of one sign-in in Django's cache, deleted with the gateway's cached responses when it ends."""

from __future__ import annotations

from typing import Any

from django.core.cache import cache

from devices.core.permissions import Access
from devices.gateway.response_cache import cache_group, set_in_group


def put(access: Access, name: str, value: Any, seconds: float) -> None:
    set_in_group(cache, cache_group(access.scope), _key(access, name), value, seconds)


def get(access: Access, name: str) -> Any:
    """None if it is not there, or expired."""
    return cache.get(_key(access, name))


def delete(access: Access, name: str) -> None:
    cache.delete(_key(access, name))


def _key(access: Access, name: str) -> str:
    return f"{cache_group(access.scope)}:{name}"
