"""The portal's own trail: what was about to be changed, written before the platform is asked, and what became of it.

The platform keeps no record of renames, transfers or deletions. Here nothing is ever updated or deleted (a trigger of
the database sees to it too): an outcome is a row beside its entry, so a process that dies between the two leaves an
entry without an outcome, and that reads as unknown until the next look at the device. No secret comes in here.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from devices.audit.models import AuditEntry, AuditOutcome, AuditPerson
from devices.core.permissions import PORTAL_AUDIT, Access
from devices.core.text import shorten

log = logging.getLogger("devices.audit")

CONFIRMED, REJECTED, UNKNOWN = AuditOutcome.CONFIRMED, AuditOutcome.REJECTED, AuditOutcome.UNKNOWN
ACCEPTED, REFUSED, LOST = "accepted", "refused", "lost"
READ_BACK, REPLY_ONLY = "read_back", "reply"
REPLAY_WAIT = 25.0
"""Seconds that a second sending waits at most for the outcome of the first."""
REPLAY_POLL_INTERVAL = 0.1
"""Seconds between two looks at it."""
ABANDONED_AFTER = 30.0
"""Seconds after which an entry without an outcome has probably lost its process, and whoever opens the device looks
what became of it. A process that is still waiting for its answer loses nothing: before `changes.SURE_AFTER` a look only
finds what was made."""
RECONCILE_WITHIN = timedelta(days=7)
"""How long an open entry is looked after when its device is opened."""
MAX_VALUE_LENGTH = 2000
"""Characters of a value that are kept."""


class ChangeIntent(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be changed: the columns of `AuditEntry` that the one who changes it knows."""

    operation: str
    device_id: int | None = None
    device_name: str = ""
    org_id: int | None = None
    target: str = ""
    target_name: str = ""
    before: str = ""
    after: str = ""
    secret: bool = False
    reason: str = ""
    undoes: int | None = None
    receipt_hash: str = ""


class EntryState(NamedTuple):
    """What is known of an entry by now. `started`: anything at all; without, its process may still be at it."""

    outcome: str = UNKNOWN
    final: bool = False
    api_result: str = ""
    evidence: str = ""
    observed_value: str = ""
    error: str = ""
    created_device_id: int | None = None
    at: datetime | None = None
    has_outcome: bool = False


def new_idempotency_key() -> str:
    return secrets.token_urlsafe(16)


def record_intent(
    access: Access, intent: ChangeIntent, *, request_id: str, idempotency_key: str = "", submitted: object = None
) -> tuple[AuditEntry, bool]:
    """Write down what is about to be done. False beside it: the same form was sent before, and this is its entry.

    A sending that is known to have been refused stands in nobody's way: the next one is another entry.

    `idempotency_key` is of one page of a form; with `submitted`, what was filled in, it names one sending of that person. Without
    a form id every sending is one of its own.
    """
    values: dict[str, object] = {name: _storable(value) for name, value in msgspec.structs.asdict(intent).items()}
    now = timezone.now()
    values |= {
        "undoes_id": values.pop("undoes"),
        "target": shorten(str(values["target"]), 200),
        "target_name": shorten(str(values["target_name"]), 200),
        "person": update_person(access),
        "person_org_id": access.org_id,
        "request_id": request_id,
        "created_at": now,
        "keep_until": now + timedelta(days=settings.AUDIT_KEEP_DAYS),
    }
    if intent.secret:
        values |= {"before": "", "after": ""}
    digest = _digest(access, intent, idempotency_key or new_idempotency_key(), submitted)
    entry, first = AuditEntry.objects.get_or_create(idempotency_key=digest, defaults=values)
    while not first and _refused(entry):
        digest = _next_digest(digest)
        entry, first = AuditEntry.objects.get_or_create(idempotency_key=digest, defaults=values)
    if first:
        log.info("%s", _log_line(entry, access, "intended"))
    return entry, first


def find_entry(
    access: Access, intent: ChangeIntent, *, idempotency_key: str, submitted: object = None
) -> AuditEntry | None:
    """The entry of this very sending, if there was one that was not refused. Arguments as for `intend`."""
    digest = _digest(access, intent, idempotency_key, submitted)
    while entry := AuditEntry.objects.filter(idempotency_key=digest).first():
        if not _refused(entry):
            return entry
        digest = _next_digest(digest)
    return None


def _digest(access: Access, intent: ChangeIntent, idempotency_key: str, submitted: object) -> str:
    told = [access.person, intent.operation, intent.device_id, intent.target, idempotency_key, submitted]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _next_digest(digest: str) -> str:
    """Names the sending after one that was refused."""
    return hashlib.sha256(digest.encode()).hexdigest()


def _refused(entry: AuditEntry) -> bool:
    return entry.outcomes.filter(final=True, outcome=REJECTED).exists()


def record_outcome(
    entry: AuditEntry,
    outcome: str,
    *,
    access: Access,
    request_id: str,
    final: bool = True,
    api_result: str = "",
    evidence: str = "",
    observed_value: str = "",
    error: str = "",
    created_device_id: int | None = None,
) -> EntryState:
    """Add what became of it. If somebody else's look has settled it for good meanwhile, theirs stands."""
    row = AuditOutcome(
        entry=entry,
        outcome=outcome,
        final=final,
        api_result=api_result,
        evidence=evidence,
        observed_value="" if entry.secret else str(_storable(observed_value)),
        error=error,
        created_device_id=created_device_id,
        person=update_person(access),
        request_id=request_id,
        at=timezone.now(),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return entry_state(entry)
    log.info(
        "%s",
        _log_line(
            entry, access, outcome if final else f"{outcome} so far", created_device_id=created_device_id, error=error
        ),
    )
    return state_of_outcome(row)


def entry_state(entry: AuditEntry) -> EntryState:
    """The final outcome, or the newest there is. Uses `outcomes` as prefetched, where it was."""
    rows = sorted(entry.outcomes.all(), key=lambda row: (row.final, row.pk))
    return state_of_outcome(rows[-1]) if rows else EntryState()


def wait_for_outcome(entry: AuditEntry, *, wait: float = REPLAY_WAIT) -> EntryState:
    """What became of a change that another request is making. `wait`: seconds; if it does not end, not `started`."""
    give_up = time.monotonic() + wait
    while True:
        state = entry_state(entry)
        if state.has_outcome or time.monotonic() > give_up or age(entry) > ABANDONED_AFTER:
            return state
        time.sleep(REPLAY_POLL_INTERVAL)


MAX_PER_RECONCILE = 20
"""Changes that one look at a device settles at most."""
# `_open` for one device, in plain SQL: every page of a device asks it, nearly always for nothing, and to build it with
# the ORM took a fifth of the page's time.
OPEN_ENTRIES_SQL = """SELECT entry.id FROM devices_auditentry AS entry
WHERE entry.device_id = %s AND entry.created_at > %s
AND NOT EXISTS (SELECT 1 FROM devices_auditoutcome AS told WHERE told.entry_id = entry.id AND told.final)
AND (entry.created_at < %s OR EXISTS (SELECT 1 FROM devices_auditoutcome AS told WHERE told.entry_id = entry.id))
ORDER BY entry.id LIMIT %s"""


def open_entries(device_id: int) -> list[AuditEntry]:
    """Changes of this device of which nobody knows what became, oldest first: to be settled by whoever looks at it.

    Those that another request is still making are not among them.
    """
    now, as_stored = timezone.now(), connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(
            OPEN_ENTRIES_SQL,
            [
                device_id,
                as_stored(now - RECONCILE_WITHIN),
                as_stored(now - timedelta(seconds=ABANDONED_AFTER)),
                MAX_PER_RECONCILE,
            ],
        )
        found = [row[0] for row in cursor.fetchall()]
    return list(_with_related(Q(pk__in=found)).order_by("pk")) if found else []


def open_creations(access: Access, name: str) -> list[AuditEntry]:
    """New devices of this name, in this person's organization, of which nobody knows whether they were made."""
    theirs = Q(person__key=access.person) | Q(person_org_id=access.org_id, person_org_id__isnull=False)
    return list(_all_open().filter(theirs, operation="create_device", after=name).order_by("pk")[:20])


def created_by_other_entries(entry: AuditEntry) -> set[int]:
    """Ids of the devices of its name that other entries are known to have made."""
    made = AuditOutcome.objects.filter(
        entry__operation=entry.operation, entry__after=entry.after, created_device_id__isnull=False
    )
    return {id for id in made.exclude(entry=entry).values_list("created_device_id", flat=True) if id is not None}


def has_open_duplicate(entry: AuditEntry) -> bool:
    """Whether another change of the same kind to the same value has come to nothing yet."""
    settled = AuditOutcome.objects.filter(entry=OuterRef("pk"), final=True)
    twins = AuditEntry.objects.filter(
        operation=entry.operation, after=entry.after, created_at__gt=timezone.now() - RECONCILE_WITHIN
    )
    return twins.exclude(pk=entry.pk).filter(~Exists(settled)).exists()


def recently_recorded_gone(access: Access, device_id: int) -> bool:
    """Whether this person's wish to delete a device that is gone was written down within the hour."""
    mine = AuditEntry.objects.filter(person__key=access.person, device_id=device_id, operation="delete_device")
    recent = mine.filter(created_at__gt=timezone.now() - timedelta(hours=1))
    return recent.filter(outcomes__error="NotFound").exists()


def _all_open() -> QuerySet[AuditEntry]:
    now = timezone.now()
    known = AuditOutcome.objects.filter(entry=OuterRef("pk"))
    found = (
        AuditEntry.objects.filter(created_at__gt=now - RECONCILE_WITHIN)
        .filter(~Exists(known.filter(final=True)))
        .filter(Exists(known) | Q(created_at__lt=now - timedelta(seconds=ABANDONED_AFTER)))
    )
    return found.select_related("person").prefetch_related("outcomes", "undone_by__outcomes")


def own_entries(access: Access) -> QuerySet[AuditEntry]:
    """The entries of this person, which nobody needs a right to read."""
    return _with_related(_is_own(access))


def visible_entries(access: Access) -> QuerySet[AuditEntry]:
    """The entries that this person may read: with the right those of their organization, else their own."""
    mine = _is_own(access)
    if PORTAL_AUDIT in access.rights and access.org_id is not None:
        mine |= Q(person_org_id=access.org_id) | Q(org_id=access.org_id)
    return _with_related(mine)


def _is_own(access: Access) -> Q:
    """By a join on purpose: with numbers alone SQLite would gather a whole organization by index, and sort it."""
    return Q(person__key=access.person)


def _with_related(which: Q) -> QuerySet[AuditEntry]:
    """With what a page shows of each: who, what became of it, and whether it was undone."""
    return AuditEntry.objects.filter(which).select_related("person").prefetch_related("outcomes", "undone_by__outcomes")


def filter_by_device(entries: QuerySet[AuditEntry], device_id: int) -> QuerySet[AuditEntry]:
    """Those about this device, its creation too."""
    made = AuditOutcome.objects.filter(created_device_id=device_id).values_list("entry_id", flat=True)
    # Read first: with a condition that looks into another table beside it, no database uses the index on the device.
    return entries.filter(Q(device_id=device_id) | Q(pk__in=list(made[:100])))


def filter_by_outcome(entries: QuerySet[AuditEntry], outcome: str) -> QuerySet[AuditEntry]:
    """Those that have come to this. What has not come to anything is unknown."""
    settled = AuditOutcome.objects.filter(entry=OuterRef("pk"), final=True)
    if outcome == UNKNOWN:
        return entries.filter(~Exists(settled.exclude(outcome=UNKNOWN)))
    return entries.filter(Exists(settled.filter(outcome=outcome)))


def update_person(access: Access) -> AuditPerson:
    """The person's row, with the name and e-mail they have now."""
    known = {"user_id": access.user_id, "name": shorten(access.name, 200), "email": shorten(access.email, 320)}
    person, made = AuditPerson.objects.get_or_create(key=access.person, defaults=known)
    if not made and any(getattr(person, name) != value for name, value in known.items()):
        AuditPerson.objects.filter(pk=person.pk, key=access.person).update(**known)  # not if erased meanwhile
    return person


def age(entry: AuditEntry) -> float:
    return (timezone.now() - entry.created_at).total_seconds()


def in_progress(entry: AuditEntry, state: EntryState) -> bool:
    """Whether the process that asked may still be at it: then nothing is wrong with a change that has no outcome."""
    return not state.has_outcome and age(entry) <= ABANDONED_AFTER


def state_of_outcome(row: AuditOutcome) -> EntryState:
    return EntryState(
        row.outcome,
        row.final,
        row.api_result,
        row.evidence,
        row.observed_value,
        row.error,
        row.created_device_id,
        row.at,
        has_outcome=True,
    )


def _storable(value: object) -> object:
    """Text as every database takes it: PostgreSQL has no NUL character."""
    return (
        shorten(value.replace("\0", "\N{REPLACEMENT CHARACTER}"), MAX_VALUE_LENGTH) if isinstance(value, str) else value
    )


def _log_line(entry: AuditEntry, access: Access, outcome: str, **more: object) -> str:
    """The entry for the log. Text that people typed is quoted as JSON, so that it cannot pass for the rest."""
    told: Iterable[tuple[str, object]] = {
        "entry": entry.pk,
        "device": entry.device_id,
        "name": entry.device_name,
        "target": entry.target,
        "before": entry.before,
        "after": entry.after,
        "reason": entry.reason,
        "user": access.user_id,
        "email": access.email,
        "outcome": outcome,
        "request": entry.request_id,
        **more,
    }.items()
    words = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in told if value not in ("", None)]
    return " ".join([entry.operation, *words])
