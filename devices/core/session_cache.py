"""What one sign-in keeps for a while in Django's cache, next to the gateway's cached responses (response_cache.py).

No other person or sign-in reads it. It is deleted with those responses when the sign-in ends.
"""

from __future__ import annotations

from typing import Any

from django.core.cache import cache

from devices.core.permissions import Access
from devices.gateway.response_cache import cache_group, set_in_group


def put(access: Access, name: str, value: Any, seconds: float) -> None:
    set_in_group(cache, cache_group(access.scope), _key(access, name), value, seconds)


def get(access: Access, name: str) -> Any:
    """None where it is not kept, or no longer."""
    return cache.get(_key(access, name))


def delete(access: Access, name: str) -> None:
    cache.delete(_key(access, name))


def _key(access: Access, name: str) -> str:
    return f"{cache_group(access.scope)}:{name}"
