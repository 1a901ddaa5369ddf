"""Deletes what is past its retention time, and erases people on request."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from devices.audit.models import AuditEntry, AuditOutcome, AuditPerson

BATCH = 1000
"""Entries deleted in one transaction: a change never waits long for it."""
CLEANUPS: dict[str, Callable[[], int]] = {}
"""What other packages delete when the audit is pruned, by name. Each returns the number of rows."""
ERASERS: list[Callable[[str], bool]] = []
"""What other packages erase with a person: each takes `Access.person` and returns whether there was anything."""


def prune(*, batch: int = BATCH) -> dict[str, int]:
    """Delete what is past its `keep_until`, except an entry that another undoes. Returns the number of rows by kind."""
    deleted = {"entries": 0, "outcomes": 0}
    undo = AuditEntry.objects.filter(undoes=OuterRef("pk"))
    expired = AuditEntry.objects.filter(~Exists(undo), keep_until__lte=timezone.now()).order_by("pk")
    while ids := list(expired.values_list("pk", flat=True)[:batch]):
        with transaction.atomic():
            deleted["outcomes"] += AuditOutcome.objects.filter(entry__in=ids).delete()[0]
            deleted["entries"] += AuditEntry.objects.filter(pk__in=ids).delete()[0]
    deleted |= {name: cleanup() for name, cleanup in CLEANUPS.items()}
    rows = [model.objects.filter(person=OuterRef("pk")) for model in (AuditEntry, AuditOutcome)]
    deleted["people"], _models = AuditPerson.objects.filter(*(~Exists(row) for row in rows)).delete()
    return deleted


class Erased(NamedTuple):
    """An erased row of a person: its id, and how many entries and outcomes still refer to it."""

    id: int
    entries: int
    outcomes: int


def erase_elsewhere(user_id: str) -> bool:
    """Erase what other packages hold about a user id (digits), also of people not in the audit. True if any."""
    return _is_id(user_id) and sum(eraser(f"user:{int(user_id)}") for eraser in ERASERS) > 0


def erase(who: str) -> list[Erased]:
    """Erase name, e-mail and id of the person with this e-mail or user id (digits). Their entries stay.

    Several rows match if the person signed in with and without SSO. After erasure, a new sign-in starts a new row.
    """
    if not who:
        return []
    matches = Q(email__iexact=who)
    if _is_id(who) and int(who):
        matches = Q(user_id=int(who)) | Q(key=f"user:{int(who)}")
    erased = []
    for person in AuditPerson.objects.filter(matches).exclude(key__startswith="erased:").order_by("pk"):
        for eraser in ERASERS:
            eraser(person.key)
        AuditPerson.objects.filter(pk=person.pk).update(
            key=f"erased:{secrets.token_hex(16)}", user_id=0, name="", email=""
        )
        entries, outcomes = (model.objects.filter(person=person).count() for model in (AuditEntry, AuditOutcome))
        erased.append(Erased(person.pk, entries, outcomes))
    return erased


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit()
