"""Run by test_audit_guards.py in a process of its own: tries to change the trail in every way, and tells what happened.

Prints a line a try. The rows of today are to be kept for a day, so the database cannot be emptied afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django
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

KEPT = timedelta(days=1)
LONG_AGO = timezone.now() - timedelta(days=800)
TABLES = {"entry": AuditEntry, "outcome": AuditOutcome, "receipt": Receipt}


def attempt(what: str, act: Callable[[], Any]) -> None:
    try:
        with transaction.atomic():
            act()
    except DatabaseError as error:
        told = "refused" if triggers.REFUSAL in str(error) else repr(error)
        print(f"{what}: {told}")  # noqa: T201
    else:
        print(f"{what}: done")  # noqa: T201


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def try_all(when: str = "") -> None:
    for name, model in TABLES.items():
        table, column = model._meta.db_table, "device_id" if name != "outcome" else "created_device_id"
        attempt(f"update {name} by SQL{when}", lambda t=table, c=column: sql(f"UPDATE {t} SET {c} = 7"))
        attempt(f"update {name} by Django{when}", lambda m=model, c=column: m.objects.update(**{c: 7}))
        attempt(f"delete {name} by SQL{when}", lambda t=table: sql(f"DELETE FROM {t}"))
        attempt(f"delete {name} by Django{when}", lambda m=model: m.objects.all().delete())
    if connection.vendor == "postgresql":
        names = ", ".join(model._meta.db_table for model in TABLES.values())
        attempt(f"truncate{when}", lambda: sql(f"TRUNCATE {names} CASCADE"))
        for label in ("an entry", "an outcome", "a receipt"):
            print(f"replace {label}{when}: refused")  # noqa: T201 - PostgreSQL has no REPLACE
        return
    print(f"truncate{when}: refused")  # noqa: T201 - SQLite has no TRUNCATE
    for label, model in zip(("an entry", "an outcome", "a receipt"), TABLES.values(), strict=True):
        table = model._meta.db_table
        attempt(f"replace {label}{when}", lambda t=table: sql(f"REPLACE INTO {t} SELECT * FROM {t}"))


def make_anew() -> None:
    """What a later migration does that alters the tables; on SQLite it copies them into new ones."""
    app = guards_app()
    pre_migrate.send(app, app_config=app, using="default", plan=[(Named(), False)])
    with connection.schema_editor() as editor:
        for model in TABLES.values():
            old, new = model._meta.pk, model._meta.get_field("id").clone()
            new.set_attributes_from_name("id")
            new.model = model
            if connection.vendor == "sqlite":
                editor._remake_table(model, alter_fields=[(old, new)])  # type: ignore[attr-defined]
            else:
                editor.execute(f"ALTER TABLE {model._meta.db_table} ADD COLUMN later integer NULL")
    post_migrate.send(app, app_config=app, using="default")


class Named:
    app_label = "devices"


def guards_app() -> Any:
    from django.apps import apps

    return apps.get_app_config("devices")


def main() -> None:
    call_command("migrate", verbosity=0)
    entries.entry(kept=KEPT)
    entries.receipt(kept=KEPT)
    try_all()
    make_anew()
    try_all(" after the tables were made anew")
    entries.entry(at=LONG_AGO, kept=KEPT)
    entries.receipt(at=LONG_AGO, kept=KEPT)
    entry, outcome, receipt = (model.objects.latest("pk") for model in TABLES.values())
    for name, row in (("entry", entry), ("outcome", outcome), ("receipt", receipt)):
        attempt(f"update {name} of long ago", lambda r=row: type(r).objects.filter(pk=r.pk).update(id=99))
    for name, row in (("outcome", outcome), ("receipt", receipt), ("entry", entry)):
        attempt(f"delete {name} of long ago", row.delete)
    left = ", ".join(f"{model.objects.count()} {name}" for name, model in TABLES.items())
    print(f"rows left: {left}")  # noqa: T201
    look_for_open_ones()


def look_for_open_ones() -> None:
    """Changes of one device in every state: which of them does the quick question take for open?"""
    states: dict[str, dict[str, Any]] = {
        "being made": {"outcome": ""},
        "left by a dead process": {
            "outcome": "",
            "at": timezone.now() - timedelta(seconds=audit_log.ABANDONED_AFTER + 5),
        },
        "not known yet": {"outcome": "unknown", "final": False},
        "settled": {},
        "too old": {
            "outcome": "unknown",
            "final": False,
            "at": timezone.now() - audit_log.RECONCILE_WITHIN - timedelta(hours=1),
        },
        "of another device": {"outcome": "unknown", "final": False, "device_id": 78},
    }
    made = {entries.entry(**{"device_id": 77, **state}).pk: name for name, state in states.items()}
    print(f"open: {', '.join(made[entry.pk] for entry in audit_log.open_entries(77))}")  # noqa: T201


main()
