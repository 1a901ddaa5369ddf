"""One change at a time to one device, over threads, processes and hosts.

The API has no conditional write. So that "it still holds what you saw" and the change after it cannot be separated by
another change made here, whoever is about to change a device takes its turn first: a row won by compare-and-set, held
by no transaction. It is a lease: the turn of a process that was killed passes on when it ends.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError

from devices.models import Turn

LEASE = 45.0
"""Seconds a turn lasts at most: more than a page may take, with a wait for new tokens in it."""
WAIT = 25.0
"""Seconds somebody waits for their turn: a little more than a page may take."""
PAUSE = (0.03, 0.2)
"""Seconds between two tries, at random."""


class Busy(Exception):
    """Somebody else's change of this device does not end."""


@contextmanager
def turn(device_id: int, *, wait: float = WAIT) -> Iterator[None]:
    """Hold the device's turn. `wait`: seconds. Raises Busy when it does not come."""
    holder = secrets.token_hex(16)
    give_up = time.monotonic() + wait
    while not _taken(device_id, holder):
        if time.monotonic() > give_up:
            raise Busy
        time.sleep(random.uniform(*PAUSE))  # noqa: S311 - spreads load, guards nothing  # nosec B311
    try:
        yield
    finally:
        Turn.objects.filter(device_id=device_id, holder=holder).delete()


def _taken(device_id: int, holder: str) -> bool:
    now = time.time()
    mine = {"holder": holder, "until": now + LEASE}
    if Turn.objects.filter(device_id=device_id, until__lt=now).update(**mine):
        return True
    try:
        _row, made = Turn.objects.get_or_create(device_id=device_id, defaults=mine)
    except IntegrityError:  # it was given back between two looks
        return False
    return made
