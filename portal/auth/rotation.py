"""Re-encrypts with the first of TOKEN_KEYS what the other keys encrypted, while people keep working.

Each row is written only if it has not changed since it was read; otherwise it is read again. No other column is
touched: a higher `version` here would stop a running refresh from saving, and its single-use token would be lost.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from django.db import models

from portal.auth.crypto import DecryptionError, reencrypt
from portal.auth.models import ApiGrant, Draft, SsoLogin

BATCH = 200
"""Rows read at a time. Each is written on its own, so no transaction stays open."""
MAX_TRIES = 10
"""A row that changes this often during a run is left to the next run."""


class EncryptedColumn(NamedTuple):
    """A column encrypted by crypto.py. `version_column` changes whenever it does."""

    label: str
    model: type[models.Model]
    column: str
    version_column: str


ENCRYPTED_COLUMNS = (
    EncryptedColumn("grants", ApiGrant, "blob", "version"),
    EncryptedColumn("sign-ons", SsoLogin, "hint", "hint"),
    EncryptedColumn("drafts", Draft, "blob", "blob"),
)
"""Everything that TOKEN_KEYS encrypts."""

REENCRYPTED, UP_TO_DATE, UNDECRYPTABLE = "re-encrypted", "already up to date", "not decryptable"
SKIPPED, GONE = "skipped", ""
ROTATION_OUTCOMES = (REENCRYPTED, UP_TO_DATE, UNDECRYPTABLE, SKIPPED)


def rotate(field: EncryptedColumn) -> Counter[str]:
    """The number of rows for each outcome. It is safe to run again."""
    counts: Counter[str] = Counter()
    rows = field.model._default_manager.exclude(**{field.column: ""}).order_by("pk")
    last: object = None
    while batch := list((rows if last is None else rows.filter(pk__gt=last)).values_list("pk", flat=True)[:BATCH]):
        counts.update(_reencrypt(field, pk) for pk in batch)
        last = batch[-1]
    return counts


def _reencrypt(field: EncryptedColumn, pk: object) -> str:
    row = field.model._default_manager.filter(pk=pk)
    for _ in range(MAX_TRIES):
        found = row.values_list(field.column, field.version_column).first()
        if not found or not found[0]:
            return GONE  # the session ended in the meantime
        blob, version = found
        try:
            fresh = reencrypt(blob)
        except DecryptionError:
            return UNDECRYPTABLE
        if fresh is None:
            return UP_TO_DATE
        if row.filter(**{field.version_column: version}).update(**{field.column: fresh}):
            return REENCRYPTED
    return SKIPPED
