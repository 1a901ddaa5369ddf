"""A form that makes something new is carried out once, however often its button is pressed.

Without script a browser sends a double click twice, and the API has no idempotency key. Each page of such a form
carries a random id; the id together with what was filled in names one sending. Whoever comes first carries it out; the
second waits and gets the first one's outcome. The note lives in the cache: with several processes that takes the shared
one (Redis).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping

from django.core.cache import cache

from devices.permissions import Access

KEEP = 900
"""Seconds that an outcome is remembered."""
WAIT = 25.0
"""Seconds that a second sending waits for the first: a little more than a page may take."""
PAUSE = 0.1
"""Seconds between two looks."""
RUNNING, UNKNOWN = "running", "unknown"


def new_form_id() -> str:
    return secrets.token_urlsafe(16)


class Sending:
    """One sending of a form with these contents, by this person. Without a form id nothing is held back."""

    def __init__(self, access: Access, form_id: str, contents: Mapping[str, object]) -> None:
        told = json.dumps([form_id or new_form_id(), contents], sort_keys=True, default=str)
        self._key = f"sending:{access.scope}:{hashlib.sha256(told.encode()).hexdigest()}"

    def earlier(self) -> int | str | None:
        """None if this sending is the first and is now to be carried out; else what became of the first.

        That is the id of what it made, or UNKNOWN, or RUNNING if it does not end. A first one that was refused counts
        as none.
        """
        give_up = time.monotonic() + WAIT
        while not cache.add(self._key, RUNNING, KEEP):
            state: int | str | None = cache.get(self._key)
            if state is not None and (state != RUNNING or time.monotonic() > give_up):
                return state
            time.sleep(PAUSE)
        return None

    def made(self, new_id: int) -> None:
        cache.set(self._key, new_id, KEEP)

    def lost(self) -> None:
        """It is not known what became of it."""
        cache.set(self._key, UNKNOWN, KEEP)

    def refused(self) -> None:
        """Nothing was made, and the same may be sent again."""
        cache.delete(self._key)
