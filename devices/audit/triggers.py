"""Triggers that keep the trail of changes as it was written, whatever code or person is at the database.

They are put in place after every `migrate`, not by a migration of their own: SQLite makes a table anew when a later
migration alters it, and its triggers would be gone. Entries, outcomes and receipts cannot be updated; they can be
deleted only when the time is over for which they were to be kept, which stands in each row and cannot be moved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import connections

SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
REFUSAL = "the trail of changes is not changed afterwards"


class ProtectedTable(NamedTuple):
    """A table, until when a row of it has to stay, and when a row that is inserted would take another one's place."""

    table: str
    keep_until: str
    keeps_any: str
    replaces: str


TABLES = (
    ProtectedTable(
        "devices_auditentry",
        "OLD.keep_until",
        "SELECT 1 FROM devices_auditentry WHERE keep_until > now()",
        "SELECT 1 FROM devices_auditentry WHERE id = NEW.id OR idempotency_key = NEW.idempotency_key",
    ),
    ProtectedTable(
        "devices_receipt",
        "OLD.keep_until",
        "SELECT 1 FROM devices_receipt WHERE keep_until > now()",
        "SELECT 1 FROM devices_receipt WHERE id = NEW.id OR sha256 = NEW.sha256",
    ),
    ProtectedTable(
        "devices_auditoutcome",
        "(SELECT keep_until FROM devices_auditentry WHERE id = OLD.entry_id)",
        "SELECT 1 FROM devices_auditoutcome o JOIN devices_auditentry e ON e.id = o.entry_id AND e.keep_until > now()",
        "SELECT 1 FROM devices_auditoutcome WHERE id = NEW.id OR (final AND NEW.final AND entry_id = NEW.entry_id)",
    ),
)


def install(using: str = "default", **_signal: Any) -> None:
    """Put the triggers in place. Does no harm where they are there already."""
    _run(using, {"sqlite": _sqlite, "postgresql": _postgresql})


def drop(using: str = "default", plan: Any = None, **_signal: Any) -> None:
    """Before migrations of this app on SQLite: it makes a table anew by dropping and renaming, and refuses to rename
    while a trigger names the table that was dropped. `install` follows when they are done."""
    ours = plan is None or any(migration.app_label == "devices" for migration, _backwards in plan)
    if ours and connections[using].vendor == "sqlite":
        _run(using, {"sqlite": _sqlite_drop})


def _run(using: str, by_vendor: dict[str, Callable[[ProtectedTable], list[str]]]) -> None:
    connection = connections[using]
    with connection.cursor() as cursor:
        for guarded in TABLES:
            for statement in by_vendor[connection.vendor](guarded):
                cursor.execute(statement)


def _sqlite(guarded: ProtectedTable) -> list[str]:
    """REPLACE deletes without asking the trigger for that, so an insertion in another row's place is refused too."""
    table, refuse = guarded.table, f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_update BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_delete BEFORE DELETE ON {table} "
        f"WHEN {guarded.keep_until} > {SQLITE_NOW} {refuse}",
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_replace BEFORE INSERT ON {table} "
        f"WHEN EXISTS ({guarded.replaces}) {refuse}",
    ]


def _sqlite_drop(guarded: ProtectedTable) -> list[str]:
    return [f"DROP TRIGGER IF EXISTS {guarded.table}_{name}" for name in ("no_update", "no_delete", "no_replace")]


def _postgresql(guarded: ProtectedTable) -> list[str]:
    table = guarded.table
    bodies = {
        "no_update": f"RAISE EXCEPTION '{REFUSAL}';",
        "no_delete": f"IF {guarded.keep_until} > now() THEN RAISE EXCEPTION '{REFUSAL}'; END IF; RETURN OLD;",
        "no_truncate": f"IF EXISTS ({guarded.keeps_any}) THEN RAISE EXCEPTION '{REFUSAL}'; END IF; RETURN NULL;",
    }
    events = {
        "no_update": ("UPDATE", "ROW"),
        "no_delete": ("DELETE", "ROW"),
        "no_truncate": ("TRUNCATE", "STATEMENT"),
    }
    return [
        *(
            f"CREATE OR REPLACE FUNCTION {table}_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
            for name, body in bodies.items()
        ),
        *(
            f"CREATE OR REPLACE TRIGGER {table}_{name} BEFORE {event} ON {table} "
            f"FOR EACH {each} EXECUTE FUNCTION {table}_{name}()"
            for name, (event, each) in events.items()
        ),
    ]
