"""Audit rows written directly, for tests of what is shown, kept and deleted."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from devices.audit.log import ABANDONED_AFTER
from devices.audit.models import AuditEntry, AuditOutcome, AuditPerson
from devices.receipts.models import Receipt
from tests.devices import fleet

HALDEN = 1
"""The organization of admin@, support@ and viewer@example.com."""
_numbers = itertools.count(1)


def long_enough_ago() -> datetime:
    """A time at which an entry without an outcome is abandoned."""
    return timezone.now() - timedelta(seconds=ABANDONED_AFTER + 5)


def person(key: str = "user:901", name: str = "Mira Roth", email: str = "mira@example.org") -> AuditPerson:
    return AuditPerson.objects.get_or_create(key=key, defaults={"name": name, "email": email})[0]


def entry(
    *,
    outcome: str = "confirmed",
    final: bool = True,
    at: datetime | None = None,
    keep_for: timedelta = timedelta(0),
    recorded: dict[str, Any] | None = None,
    **values: Any,
) -> AuditEntry:
    """By default a rename by Mira at `at` (now), kept for `kept`. `outcome`: "" for none; `recorded`: its columns."""
    at = at or timezone.now()
    columns: dict[str, Any] = {
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
    if "person" not in columns:
        columns["person"] = person()
    made = AuditEntry.objects.create(created_at=at, keep_until=at + keep_for, **columns)
    if outcome:
        row = {"api_result": "accepted", "evidence": "read_back", "observed_value": made.after} | (recorded or {})
        AuditOutcome.objects.create(entry=made, outcome=outcome, final=final, person=made.person, at=at, **row)
    return made


def receipt(*, keep_for: timedelta = timedelta(0), at: datetime | None = None, **values: Any) -> Receipt:
    at = at or timezone.now()
    columns = {"sha256": f"{next(_numbers):064x}", "device_id": fleet.RICH, "body": "{}", "complete": True} | values
    return Receipt.objects.create(created_at=at, keep_until=at + keep_for, **columns)
