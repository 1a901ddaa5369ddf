"""Run by test_triggers.py in a process of its own: tries to change audit rows in every way.

Prints as JSON: the result of each attempt, the rows left, and the open entries found. Its rows cannot be deleted for a
day, so it needs a database of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django
from django.apps import apps
from django.db import DatabaseError, connection, transaction

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db.models.signals import post_migrate, pre_migrate  # noqa: E402
from django.utils import timezone  # noqa: E402

from devices.audit import log as audit_log  # noqa: E402
from devices.audit import triggers  # noqa: E402
from devices.audit.models import AuditEntry, AuditOutcome  # noqa: E402
from devices.receipts.models import Receipt  # noqa: E402
from tests.devices.audit import entries  # noqa: E402

KEEP_FOR = timedelta(days=1)
LONG_AGO = timezone.now() - timedelta(days=800)
MODELS = {"entry": AuditEntry, "outcome": AuditOutcome, "receipt": Receipt}
attempts: dict[str, str] = {}


def attempt(what: str, act: Callable[[], Any]) -> None:
    try:
        with transaction.atomic():
            act()
    except DatabaseError as error:
        attempts[what] = "refused" if triggers.REFUSAL in str(error) else repr(error)
    else:
        attempts[what] = "done"


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def attempt_all(when: str) -> None:
    for name, model in MODELS.items():
        table, column = model._meta.db_table, "device_id" if name != "outcome" else "created_device_id"
        attempt(f"update {name} by SQL {when}", lambda t=table, c=column: sql(f"UPDATE {t} SET {c} = 7"))
        attempt(f"update {name} by Django {when}", lambda m=model, c=column: m.objects.update(**{c: 7}))
        attempt(f"delete {name} by SQL {when}", lambda t=table: sql(f"DELETE FROM {t}"))
        attempt(f"delete {name} by Django {when}", lambda m=model: m.objects.all().delete())
        if connection.vendor == "sqlite":
            attempt(f"replace {name} {when}", lambda t=table: sql(f"REPLACE INTO {t} SELECT * FROM {t}"))
        else:
            attempt(f"truncate {name} {when}", lambda t=table: sql(f"TRUNCATE {t} CASCADE"))


def migrate_again() -> None:
    """What a later migration does that alters the tables; SQLite recreates them."""
    app = apps.get_app_config("devices")
    pre_migrate.send(app, app_config=app, using="default")
    with connection.schema_editor() as editor:
        for model in MODELS.values():
            old, new = model._meta.pk, model._meta.get_field("id").clone()
            new.set_attributes_from_name("id")
            new.model = model
            if connection.vendor == "sqlite":
                editor._remake_table(model, alter_fields=[(old, new)])  # type: ignore[attr-defined]
            else:
                editor.execute(f"ALTER TABLE {model._meta.db_table} ADD COLUMN later integer NULL")
    post_migrate.send(app, app_config=app, using="default")


def attempt_expired() -> None:
    """Rows past their retention time: still no updates, but deletes."""
    entries.entry(at=LONG_AGO, keep_for=KEEP_FOR)
    entries.receipt(at=LONG_AGO, keep_for=KEEP_FOR)
    rows = {name: model.objects.latest("pk") for name, model in MODELS.items()}
    for name, row in rows.items():
        attempt(f"update expired {name}", lambda r=row: type(r).objects.filter(pk=r.pk).update(id=99))
    for name in ("outcome", "receipt", "entry"):
        attempt(f"delete expired {name}", rows[name].delete)


def open_entries() -> list[str]:
    """One entry of a device in each state; the names of those that `open_entries` finds."""
    too_old = timezone.now() - audit_log.RECONCILE_WITHIN - timedelta(hours=1)
    states: dict[str, dict[str, Any]] = {
        "in progress": {"outcome": ""},
        "abandoned": {"outcome": "", "at": entries.long_enough_ago()},
        "unknown": {"outcome": "unknown", "final": False},
        "final": {},
        "too old": {"outcome": "unknown", "final": False, "at": too_old},
        "of another device": {"outcome": "unknown", "final": False, "device_id": 78},
    }
    names = {entries.entry(**{"device_id": 77, **state}).pk: name for name, state in states.items()}
    return [names[entry.pk] for entry in audit_log.open_entries(77)]


call_command("migrate", verbosity=0)
entries.entry(keep_for=KEEP_FOR)
entries.receipt(keep_for=KEEP_FOR)
attempt_all("after migrate")
migrate_again()
attempt_all("after another migration")
attempt_expired()
left = {name: model.objects.count() for name, model in MODELS.items()}
json.dump({"attempts": attempts, "left": left, "open": open_entries()}, sys.stdout)
