"""Encrypting anew, with the first of TOKEN_KEYS, what is encrypted with another of them, while people go on working.

Each row is written only if it is still as it was read. A refresh in between has changed it, and its new tokens are read
and encrypted instead. Nothing else of the row is touched: were the version of a grant counted up here, a refresh that
is under way would find another one, save nothing, and its single-use token would be lost.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from django.db import models

from portal.auth.crypto import Unreadable, relock
from portal.auth.models import ApiGrant, Draft, SsoLogin

BATCH = 200
"""Rows read at once. Each is written by itself: no transaction stays open."""
TRIES = 10
"""A row that changes under our hands so often is left to the next run."""


class Sealed(NamedTuple):
    """A column of what crypto.py has encrypted. `mark` is the column that changes whenever it does."""

    words: str
    model: type[models.Model]
    column: str
    mark: str


SEALED = (
    Sealed("grants", ApiGrant, "blob", "version"),
    Sealed("sign-ons", SsoLogin, "hint", "hint"),
    Sealed("drafts", Draft, "blob", "blob"),
)
"""Everything that TOKEN_KEYS encrypts. Whoever encrypts something else adds it here."""

DONE, ALREADY, UNREADABLE, BUSY, GONE = "encrypted anew", "so already", "opened by no key", "left for another run", ""
ORDER = (DONE, ALREADY, UNREADABLE, BUSY)


def rotate(sealed: Sealed) -> Counter[str]:
    """How many rows had which outcome. Running it again does no harm."""
    counts: Counter[str] = Counter()
    rows = sealed.model._default_manager.exclude(**{sealed.column: ""}).order_by("pk")
    last: object = None
    while batch := list((rows if last is None else rows.filter(pk__gt=last)).values_list("pk", flat=True)[:BATCH]):
        counts.update(_renew(sealed, pk) for pk in batch)
        last = batch[-1]
    return counts


def _renew(sealed: Sealed, pk: object) -> str:
    row = sealed.model._default_manager.filter(pk=pk)
    for _ in range(TRIES):
        found = row.values_list(sealed.column, sealed.mark).first()
        if not found or not found[0]:
            return GONE  # the session has ended meanwhile
        blob, mark = found
        try:
            fresh = relock(blob)
        except Unreadable:
            return UNREADABLE
        if fresh is None:
            return ALREADY
        if row.filter(**{sealed.mark: mark}).update(**{sealed.column: fresh}):
            return DONE
    return BUSY
