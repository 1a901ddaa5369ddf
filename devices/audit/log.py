"""The audit log of changes: the intent is written before the platform is called, the outcome afterwards.

The platform keeps no record of renames, transfers or deletions. Rows are only added here; database triggers refuse
updates and deletes. A process that dies between intent and outcome leaves an entry without an outcome. Such an entry
reads as unknown until it is reconciled on the next view of the device. Secrets are never stored.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import time
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
"""Seconds that a repeated submission waits at most for the outcome of the first."""
REPLAY_POLL_INTERVAL = 0.1
ABANDONED_AFTER = 30.0
"""Seconds. An entry without an outcome for this long is treated as abandoned and reconciled on the next view of the
device. That is safe while its process still waits for a reply: reconciling this early can confirm, but not reject."""
RECONCILE_WITHIN = timedelta(days=7)
"""Open entries older than this are not reconciled when their device is viewed."""
MAX_PER_RECONCILE = 20
"""Open entries that one view of a device reconciles at most."""
MAX_VALUE_LENGTH = 2000
"""Characters of a value that are stored."""


class ChangeIntent(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is about to be made: the columns of `AuditEntry` that its caller knows."""

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
    """What is known about an entry: its latest outcome. Without one (`has_outcome`), it may still be in progress."""

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
    """Write the entry before the platform is called. Returns it, and whether it is new.

    Not new: the same person submitted the same form before, with the same values (`submitted`). A rejected submission
    does not count: the next one is a new entry. Without `idempotency_key` every submission is new.
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
    while not first and _is_rejected(entry):
        digest = _next_digest(digest)
        entry, first = AuditEntry.objects.get_or_create(idempotency_key=digest, defaults=values)
    if first:
        log.info("%s", _log_line(entry, access, "intended"))
    return entry, first


def find_entry(
    access: Access, intent: ChangeIntent, *, idempotency_key: str, submitted: object = None
) -> AuditEntry | None:
    """The entry of the same submission, unless it was rejected. Arguments as for `record_intent`."""
    digest = _digest(access, intent, idempotency_key, submitted)
    while entry := AuditEntry.objects.filter(idempotency_key=digest).first():
        if not _is_rejected(entry):
            return entry
        digest = _next_digest(digest)
    return None


def _digest(access: Access, intent: ChangeIntent, idempotency_key: str, submitted: object) -> str:
    parts = [access.person, intent.operation, intent.device_id, intent.target, idempotency_key, submitted]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _next_digest(digest: str) -> str:
    """The key of the submission that follows a rejected one."""
    return hashlib.sha256(digest.encode()).hexdigest()


def _is_rejected(entry: AuditEntry) -> bool:
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
    """Add an outcome; the arguments are columns of `AuditOutcome`. A final outcome that is already there wins."""
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
    result = outcome if final else f"{outcome} so far"
    log.info("%s", _log_line(entry, access, result, created_device_id=created_device_id, error=error))
    return state_of_outcome(row)


def entry_state(entry: AuditEntry) -> EntryState:
    """The final outcome, else the latest one. Uses prefetched `outcomes`."""
    rows = sorted(entry.outcomes.all(), key=lambda row: (row.final, row.pk))
    return state_of_outcome(rows[-1]) if rows else EntryState()


def state_of_outcome(row: AuditOutcome) -> EntryState:
    return EntryState(**{name: getattr(row, name) for name in EntryState._fields[:-1]}, has_outcome=True)


def wait_for_outcome(entry: AuditEntry, *, wait: float = REPLAY_WAIT) -> EntryState:
    """The state of a change that another request is making, after `wait` seconds at most."""
    give_up = time.monotonic() + wait
    while True:
        state = entry_state(entry)
        if state.has_outcome or time.monotonic() > give_up or entry_age(entry) > ABANDONED_AFTER:
            return state
        time.sleep(REPLAY_POLL_INTERVAL)


# `_all_open` for one device, in plain SQL: every page of a device runs it. Building it with the ORM took a fifth of the
# page's time.
OPEN_ENTRIES_SQL = """SELECT entry.id FROM devices_auditentry AS entry
WHERE entry.device_id = %s AND entry.created_at > %s
AND NOT EXISTS (SELECT 1 FROM devices_auditoutcome AS outcome WHERE outcome.entry_id = entry.id AND outcome.final)
AND (entry.created_at < %s OR EXISTS (SELECT 1 FROM devices_auditoutcome AS outcome WHERE outcome.entry_id = entry.id))
ORDER BY entry.id LIMIT %s"""


def open_entries(device_id: int) -> list[AuditEntry]:
    """The device's entries to reconcile, oldest first: without a final outcome and not in progress."""
    now, as_stored = timezone.now(), connection.ops.adapt_datetimefield_value
    after, before = as_stored(now - RECONCILE_WITHIN), as_stored(now - timedelta(seconds=ABANDONED_AFTER))
    with connection.cursor() as cursor:
        cursor.execute(OPEN_ENTRIES_SQL, [device_id, after, before, MAX_PER_RECONCILE])
        found = [row[0] for row in cursor.fetchall()]
    return list(_with_related(Q(pk__in=found)).order_by("pk")) if found else []


def open_creations(access: Access, name: str) -> list[AuditEntry]:
    """Entries to reconcile that create a device of this name, by this person or their organization."""
    theirs = Q(person__key=access.person) | Q(person_org_id=access.org_id, person_org_id__isnull=False)
    return list(_all_open().filter(theirs, operation="create_device", after=name).order_by("pk")[:20])


def created_by_other_entries(entry: AuditEntry) -> set[int]:
    """Ids of the devices with the same name that other entries are known to have created."""
    created = AuditOutcome.objects.filter(
        entry__operation=entry.operation, entry__after=entry.after, created_device_id__isnull=False
    )
    return {id for id in created.exclude(entry=entry).values_list("created_device_id", flat=True) if id is not None}


def has_open_duplicate(entry: AuditEntry) -> bool:
    """Whether another recent entry with the same operation and new value has no final outcome."""
    final = AuditOutcome.objects.filter(entry=OuterRef("pk"), final=True)
    same = AuditEntry.objects.filter(
        operation=entry.operation, after=entry.after, created_at__gt=timezone.now() - RECONCILE_WITHIN
    )
    return same.exclude(pk=entry.pk).filter(~Exists(final)).exists()


def recently_recorded_gone(access: Access, device_id: int) -> bool:
    """Whether this person tried to delete this device within the last hour and it was not found."""
    mine = AuditEntry.objects.filter(person__key=access.person, device_id=device_id, operation="delete_device")
    recent = mine.filter(created_at__gt=timezone.now() - timedelta(hours=1))
    return recent.filter(outcomes__error="NotFound").exists()


def _all_open() -> QuerySet[AuditEntry]:
    now = timezone.now()
    outcomes = AuditOutcome.objects.filter(entry=OuterRef("pk"))
    return (
        _with_related(Q(created_at__gt=now - RECONCILE_WITHIN))
        .filter(~Exists(outcomes.filter(final=True)))
        .filter(Exists(outcomes) | Q(created_at__lt=now - timedelta(seconds=ABANDONED_AFTER)))
    )


def own_entries(access: Access) -> QuerySet[AuditEntry]:
    """This person's entries. Everybody may read their own."""
    return _with_related(_is_own(access))


def visible_entries(access: Access) -> QuerySet[AuditEntry]:
    """The entries this person may read: with PORTAL_AUDIT those of their organization too, otherwise only their own."""
    visible = _is_own(access)
    if PORTAL_AUDIT in access.rights and access.org_id is not None:
        visible |= Q(person_org_id=access.org_id) | Q(org_id=access.org_id)
    return _with_related(visible)


def _is_own(access: Access) -> Q:
    """A join on purpose: given the person's row id, SQLite reads a whole organization by index and sorts it."""
    return Q(person__key=access.person)


def _with_related(which: Q) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(which).select_related("person").prefetch_related("outcomes", "undone_by__outcomes")


def filter_by_device(entries: QuerySet[AuditEntry], device_id: int) -> QuerySet[AuditEntry]:
    """The entries about this device, including its creation."""
    created = AuditOutcome.objects.filter(created_device_id=device_id).values_list("entry_id", flat=True)
    # Read first: with a subquery in the OR, no database uses the index on the device.
    return entries.filter(Q(device_id=device_id) | Q(pk__in=list(created[:100])))


def filter_by_outcome(entries: QuerySet[AuditEntry], outcome: str) -> QuerySet[AuditEntry]:
    """The entries with this final outcome. Entries without a final outcome are unknown."""
    final = AuditOutcome.objects.filter(entry=OuterRef("pk"), final=True)
    if outcome == UNKNOWN:
        return entries.filter(~Exists(final.exclude(outcome=UNKNOWN)))
    return entries.filter(Exists(final.filter(outcome=outcome)))


def update_person(access: Access) -> AuditPerson:
    """The person's row, with their present name and e-mail."""
    known = {"user_id": access.user_id, "name": shorten(access.name, 200), "email": shorten(access.email, 320)}
    person, created = AuditPerson.objects.get_or_create(key=access.person, defaults=known)
    if not created and any(getattr(person, name) != value for name, value in known.items()):
        # By the key too: the person may have been erased since it was read.
        AuditPerson.objects.filter(pk=person.pk, key=access.person).update(**known)
    return person


def entry_age(entry: AuditEntry) -> float:
    """Seconds since the entry was written."""
    return (timezone.now() - entry.created_at).total_seconds()


def in_progress(entry: AuditEntry, state: EntryState) -> bool:
    """Whether the process that makes the change may still be working on it."""
    return not state.has_outcome and entry_age(entry) <= ABANDONED_AFTER


def _storable(value: object) -> object:
    """Text that every database accepts: PostgreSQL has no NUL character."""
    if not isinstance(value, str):
        return value
    return shorten(value.replace("\0", "\N{REPLACEMENT CHARACTER}"), MAX_VALUE_LENGTH)


def _log_line(entry: AuditEntry, access: Access, outcome: str, **more: object) -> str:
    """The entry as `name=value` pairs. Values are JSON, so that text people typed cannot imitate another pair."""
    pairs = {
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
    }
    texts = [
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in pairs.items() if value not in ("", None)
    ]
    return " ".join([entry.operation, *texts])
