"""One change at a time to one device, over threads, processes and hosts.

The API has no conditional write. So that no other change made here comes between "it still holds what you saw" and the
change after it, a request locks the device first: a row won by compare-and-set, held by no transaction. The lock is a
lease: that of a killed process expires.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError

from devices.changes.models import DeviceLock

LOCK_LEASE = 45.0
"""Seconds a lock lasts at most: longer than the 20 s of a page and the 15 s of a change sent at the end of them."""
WAIT = 0.75
"""The part of a page's time to spend on waiting for a lock: reading and sending need the rest."""
PAUSE = (0.03, 0.2)
"""Seconds between two tries, at random."""


class DeviceLocked(Exception):
    """Another change of this device holds the lock for too long."""


@contextmanager
def device_lock(device_id: int, left: float) -> Iterator[None]:
    """Hold the device's lock. `left`: seconds that the page has for all its waits. Raises DeviceLocked."""
    holder = secrets.token_hex(16)
    give_up = time.monotonic() + WAIT * left
    while not _acquire(device_id, holder):
        if time.monotonic() > give_up:
            raise DeviceLocked
        time.sleep(random.uniform(*PAUSE))  # noqa: S311 - spreads load, guards nothing  # nosec B311
    try:
        yield
    finally:
        DeviceLock.objects.filter(device_id=device_id, holder=holder).delete()


def _acquire(device_id: int, holder: str) -> bool:
    now = time.time()
    mine = {"holder": holder, "until": now + LOCK_LEASE}
    if DeviceLock.objects.filter(device_id=device_id, until__lt=now).update(**mine):
        return True
    try:
        _row, made = DeviceLock.objects.get_or_create(device_id=device_id, defaults=mine)
    except IntegrityError:  # it was released between the two queries
        return False
    return made
