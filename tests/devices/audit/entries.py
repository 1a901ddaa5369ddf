"""Rows of the trail of changes, written past the views: for tests of what is shown, kept and deleted."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from devices.audit import log as audit_log
from devices.audit.models import AuditEntry, AuditOutcome, AuditPerson
from devices.receipts.models import Receipt
from tests.devices import fleet

HALDEN = 1
"""The organization of admin@, support@ and viewer@example.com."""
_numbers = itertools.count(1)


def orphaned() -> datetime:
    """A time so long ago that whoever asked then, and wrote no outcome, is at it no more."""
    return timezone.now() - timedelta(seconds=audit_log.ABANDONED_AFTER + 5)


def person(key: str = "user:901", name: str = "Mira Roth", email: str = "mira@example.org") -> AuditPerson:
    return AuditPerson.objects.get_or_create(key=key, defaults={"name": name, "email": email})[0]


def entry(
    *,
    outcome: str = "confirmed",
    final: bool = True,
    at: datetime | None = None,
    kept: timedelta = timedelta(0),
    told: dict[str, Any] | None = None,
    **values: Any,
) -> AuditEntry:
    """A rename by Mira unless told otherwise, `kept` from `at` (now) on; `outcome` "" for none, `told` for its row."""
    at = at or timezone.now()
    known: dict[str, Any] = {
        "operation": "rename_device",
        "device_id": fleet.RICH,
        "device_name": "Cold room 14",
        "person_org_id": HALDEN,
        "org_id": HALDEN,
        "before": "Cold room 14",
        "after": "Cold room 15",
        "request_id": "f00d",
        "idempotency_key": f"key-{next(_numbers)}",
    } | values
    if "person" not in known:
        known["person"] = person()
    made = AuditEntry.objects.create(created_at=at, keep_until=at + kept, **known)
    if outcome:
        told = {"api_result": "accepted", "evidence": "read_back", "observed_value": made.after} | (told or {})
        AuditOutcome.objects.create(entry=made, outcome=outcome, final=final, person=made.person, at=at, **told)
    return made


def receipt(*, kept: timedelta = timedelta(0), at: datetime | None = None, **values: Any) -> Receipt:
    at = at or timezone.now()
    known = {"sha256": f"{next(_numbers):064x}", "device_id": fleet.RICH, "body": "{}", "complete": True} | values
    return Receipt.objects.create(created_at=at, keep_until=at + kept, **known)
