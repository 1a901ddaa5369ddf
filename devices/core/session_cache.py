"""What one sign-in keeps for a while in Django's cache, beside the answers it was made of (gateway/response_cache.py).

Nobody is given what another person, or another sign-in of the same one, may see. It is deleted with those answers as
the sign-in ends.
"""

from __future__ import annotations

from typing import Any

from django.core.cache import cache

from devices.core.permissions import Access
from devices.gateway.response_cache import cache_group, set_in_group


def put(access: Access, what: str, value: Any, seconds: float) -> None:
    set_in_group(cache, cache_group(access.scope), _key(access, what), value, seconds)


def get(access: Access, what: str) -> Any:
    """None where it is not kept, or no longer."""
    return cache.get(_key(access, what))


def forget(access: Access, what: str) -> None:
    cache.delete(_key(access, what))


def _key(access: Access, what: str) -> str:
    return f"{cache_group(access.scope)}:{what}"
