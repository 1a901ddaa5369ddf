"""What one sign-in keeps for a while in Django's cache, beside the answers it was made of (gateway/answers.py).

Nobody is given what another person, or another sign-in of the same one, may see. It is deleted with those answers as
the sign-in ends.
"""

from __future__ import annotations

from typing import Any

from django.core.cache import cache

from devices.core.permissions import Access
from devices.gateway.response_cache import group_of, keep_in


def put(access: Access, what: str, value: Any, seconds: float) -> None:
    keep_in(cache, group_of(access.scope), _key(access, what), value, seconds)


def get(access: Access, what: str) -> Any:
    """None where it is not kept, or no longer."""
    return cache.get(_key(access, what))


def delete(access: Access, what: str) -> None:
    cache.delete(_key(access, what))


def _key(access: Access, what: str) -> str:
    return f"{group_of(access.scope)}:{what}"
