"""Triggers that keep the trail of changes as it was written, whatever code or person is at the database.

They are put in place after every `migrate`, not by a migration of their own: SQLite makes a table anew when a later
migration alters it, and its triggers would be gone. Entries, outcomes and receipts cannot be updated; they can be
deleted only when the time is over for which they were to be kept, which stands in each row and cannot be moved.
"""

from __future__ import annotations

from typing import Any

from django.db import connections

LATE = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
TABLES = {
    "devices_auditentry": "OLD.keep_until",
    "devices_receipt": "OLD.keep_until",
    "devices_auditoutcome": "(SELECT keep_until FROM devices_auditentry WHERE id = OLD.entry_id)",
}
"""Each table, and until when a row of it has to stay."""
REFUSAL = "the trail of changes is not changed afterwards"


def install(using: str = "default", **_signal: Any) -> None:
    """Put the triggers in place. Does no harm where they are there already."""
    connection = connections[using]
    statements = {"sqlite": _sqlite, "postgresql": _postgresql}[connection.vendor]
    with connection.cursor() as cursor:
        for table, keep_until in TABLES.items():
            for statement in statements(table, keep_until):
                cursor.execute(statement)


def _sqlite(table: str, keep_until: str) -> list[str]:
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_update BEFORE UPDATE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_delete BEFORE DELETE ON {table} WHEN {keep_until} > {LATE} "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END",
    ]


def _postgresql(table: str, keep_until: str) -> list[str]:
    # A single % would be taken for a parameter's place.
    return [
        f"CREATE OR REPLACE FUNCTION {table}_no_update() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$",
        f"CREATE OR REPLACE FUNCTION {table}_no_delete() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN IF {keep_until} > now() THEN RAISE EXCEPTION '{REFUSAL}'; END IF; RETURN OLD; END $$",
        *(
            f"CREATE OR REPLACE TRIGGER {table}_{name} BEFORE {event} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {table}_{name}()"
            for name, event in (("no_update", "UPDATE"), ("no_delete", "DELETE"))
        ),
    ]
