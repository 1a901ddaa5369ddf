"""Database triggers that make the audit append-only, for any code and any person with access to the database.

Entries, outcomes and receipts cannot be updated, and not deleted before their `keep_until`. `install` runs after every
`migrate` instead of in a migration: on SQLite, a later migration that alters a table recreates it without its triggers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import connections

SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
REFUSAL = "audit rows cannot be changed, nor deleted early"


class ProtectedTable(NamedTuple):
    """SQL conditions of a table: how long a row is kept, whether any row is, whether an insert replaces a row."""

    name: str
    keep_until: str
    any_kept: str
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
    """Create the triggers that are missing."""
    _run(using, {"sqlite": _sqlite, "postgresql": _postgresql})


def drop(using: str = "default", plan: Any = None, **_signal: Any) -> None:
    """Drop the triggers before this app's migrations on SQLite, which cannot rename a table that a trigger names."""
    ours = plan is None or any(migration.app_label == "devices" for migration, _backwards in plan)
    if ours and connections[using].vendor == "sqlite":
        _run(using, {"sqlite": _sqlite_drop})


def _run(using: str, by_vendor: dict[str, Callable[[ProtectedTable], list[str]]]) -> None:
    connection = connections[using]
    with connection.cursor() as cursor:
        for table in TABLES:
            for statement in by_vendor[connection.vendor](table):
                cursor.execute(statement)


def _sqlite(table: ProtectedTable) -> list[str]:
    """REPLACE deletes rows without firing the delete trigger, so inserting over another row is refused too."""
    name, refuse = table.name, f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    return [
        f"CREATE TRIGGER IF NOT EXISTS {name}_no_update BEFORE UPDATE ON {name} {refuse}",
        f"CREATE TRIGGER IF NOT EXISTS {name}_no_delete BEFORE DELETE ON {name} "
        f"WHEN {table.keep_until} > {SQLITE_NOW} {refuse}",
        f"CREATE TRIGGER IF NOT EXISTS {name}_no_replace BEFORE INSERT ON {name} "
        f"WHEN EXISTS ({table.replaces}) {refuse}",
    ]


def _sqlite_drop(table: ProtectedTable) -> list[str]:
    return [f"DROP TRIGGER IF EXISTS {table.name}_{suffix}" for suffix in ("no_update", "no_delete", "no_replace")]


def _postgresql(table: ProtectedTable) -> list[str]:
    refuse = f"RAISE EXCEPTION '{REFUSAL}';"
    triggers = {
        "no_update": ("UPDATE", "ROW", refuse),
        "no_delete": ("DELETE", "ROW", f"IF {table.keep_until} > now() THEN {refuse} END IF; RETURN OLD;"),
        "no_truncate": ("TRUNCATE", "STATEMENT", f"IF EXISTS ({table.any_kept}) THEN {refuse} END IF; RETURN NULL;"),
    }
    statements = []
    for suffix, (event, each, body) in triggers.items():
        name = f"{table.name}_{suffix}"
        statements += [
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
            f"CREATE OR REPLACE TRIGGER {name} BEFORE {event} ON {table.name} "
            f"FOR EACH {each} EXECUTE FUNCTION {name}()",
        ]
    return statements
