"""How the trail of changes ends: what is past its time is deleted, and a person can be erased before that."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from devices.audit.models import AuditEntry, AuditOutcome, AuditPerson
from devices.preferences import store as preference_store
from devices.receipts import store as receipt_store
from devices.receipts.models import Receipt

BATCH = 1000
"""Rows of one transaction, so that nobody who changes something waits long."""


class Pruned(NamedTuple):
    entries: int = 0
    outcomes: int = 0
    receipts: int = 0
    persons: int = 0


def prune(*, batch: int = BATCH) -> Pruned:
    """Delete what was to be kept until now, in transactions of `batch` entries.

    An entry stays while another one undoes it or has its receipt; a person goes with the last row that names them.
    Drafts of receipts that nobody came back to go too.
    """
    receipt_store.forget_old()
    now = timezone.now()
    done = Pruned()
    while True:
        pointing = AuditEntry.objects.filter(undoes=OuterRef("pk"))
        ids = list(
            AuditEntry.objects.filter(~Exists(pointing), keep_until__lte=now)
            .order_by("pk")
            .values_list("pk", flat=True)[:batch]
        )
        if not ids:
            break
        with transaction.atomic():
            outcomes, _each = AuditOutcome.objects.filter(entry__in=ids).delete()
            entries, _each = AuditEntry.objects.filter(pk__in=ids).delete()
        done = done._replace(entries=done.entries + entries, outcomes=done.outcomes + outcomes)
    named = AuditEntry.objects.filter(receipt_hash=OuterRef("sha256"))
    receipts, _each = Receipt.objects.filter(~Exists(named), keep_until__lte=now).delete()
    seen = [model.objects.filter(person=OuterRef("pk")) for model in (AuditEntry, AuditOutcome)]
    persons, _each = AuditPerson.objects.filter(*(~Exists(rows) for rows in seen)).delete()
    return done._replace(receipts=receipts, persons=persons)


class Erased(NamedTuple):
    """A person's row that has no name any more: its number, and how much of the trail is theirs."""

    id: int
    entries: int
    looks: int


def forget_choices(who: str) -> bool:
    """Delete the preferences of whoever has this user id (digits), in the trail or not. Tells whether there were any.

    Of somebody who never changed anything the portal knows no e-mail once they are signed out.
    """
    return who.isascii() and who.isdigit() and preference_store.delete(f"user:{int(who)}")


def erase(who: str) -> list[Erased]:
    """Erase name, e-mail and id of whoever has this e-mail or user id (digits); their entries stay, of nobody known.
    Their preferences go too.

    A sign-in of the same person later on starts a row of its own. Several rows are found where somebody has come by
    different ways, with and without a sign-on. Empty: nobody in the trail is known by that.
    """
    if not who:
        return []
    wanted = Q(email__iexact=who)
    if who.isascii() and who.isdigit() and int(who):
        wanted = Q(user_id=int(who)) | Q(key=f"user:{int(who)}")
    erased = []
    for person in AuditPerson.objects.filter(wanted).exclude(key__startswith="erased:").order_by("pk"):
        preference_store.delete(person.key)
        AuditPerson.objects.filter(pk=person.pk).update(
            key=f"erased:{secrets.token_hex(16)}", user_id=0, name="", email=""
        )
        entries = AuditEntry.objects.filter(person=person).count()
        erased.append(Erased(person.pk, entries, AuditOutcome.objects.filter(person=person).count()))
    return erased
