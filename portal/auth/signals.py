"""What was kept of the platform's answers for a sign-in goes with it, wherever and however the sign-in ends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from django.db.models.signals import post_delete

from devices.gateway.response_cache import cache_group
from portal import cache
from portal.auth.models import ApiGrant


def scope_of(handle: str) -> str:
    """What tells this sign-in from every other, and does not give the handle away."""
    return hashlib.sha256(handle.encode()).hexdigest()[:32]


def forget_answers(handles: Iterable[str]) -> None:
    """Nobody could read them any more, as only the handle leads to them; this leaves none lying about.

    In the memory of other processes they stay for the hour that they are kept at most.
    """
    cache.delete_groups([cache_group(scope_of(handle)) for handle in handles])


def _grant_is_gone(instance: ApiGrant, **_told: Any) -> None:
    forget_answers([instance.handle])


def begin() -> None:
    """Every deletion of a grant is told here: by the person, by others, by the sign-on, by age."""
    post_delete.connect(_grant_is_gone, sender=ApiGrant, dispatch_uid="kept answers")
