"""Tables as files that other programs open: CSV by RFC 4180, with nothing in it that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from devices.audit.log import entry_state
from devices.audit.models import AuditEntry
from devices.core.text import clean
from devices.directory.names import Names
from devices.ui.audit_entry import moves, value_words

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell may begin with that makes a spreadsheet take it for a formula."""
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Spreadsheets take a CSV file for UTF-8 only if it begins with this."""
LINES = 200
"""Lines that are sent at a time."""


def safe_cell(value: object) -> str:
    """A cell's text; one that a spreadsheet would take for a formula gets an apostrophe before it. None is empty."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def csv_chunks(rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """`rows`, the heads among them, as pieces of a UTF-8 file; numbers stay numbers."""
    sheet = io.StringIO(newline="")
    sheet.write(BOM)
    writer = csv.writer(sheet)
    for count, row in enumerate(rows, 1):
        writer.writerow([cell if isinstance(cell, int) else safe_cell(cell) for cell in row])
        if not count % LINES:
            yield sheet.getvalue().encode()
            sheet.seek(0)
            sheet.truncate()
    yield sheet.getvalue().encode()


CSV_COLUMNS = (
    *("entry", "time_utc", "person", "email", "user_id", "person_organization_id", "action", "device_id", "device"),
    *(
        "organization_id",
        "organization",
        "target_id",
        "target",
        "before",
        "before_name",
        "after",
        "after_name",
        "secret",
    ),
    *(
        "reason",
        "outcome",
        "settled",
        "api_result",
        "evidence",
        "observed_value",
        "error",
        "outcome_time_utc",
        "created_device_id",
    ),
    *("undoes_entry", "request", "receipt_sha256"),
)
"""Of the file that people export; `as_line` fills them."""


def csv_row(entry: AuditEntry, names: Names) -> list[object]:
    """An entry for the columns HEADS: ids as they are, the names that this person knows for them beside them."""
    state = entry_state(entry)

    def named(value: str) -> str:
        return value_words(entry, value, names) if moves(entry) and value else ""

    return [
        entry.pk,
        _utc(entry.created_at),
        clean(entry.person.name),
        clean(entry.person.email),
        entry.person.user_id or "",
        entry.person_org_id,
        entry.operation,
        entry.device_id or "",
        clean(entry.device_name),
        entry.org_id,
        names.organization(entry.org_id),
        clean(entry.target),
        clean(entry.target_name),
        clean(entry.before),
        named(entry.before),
        clean(entry.after),
        named(entry.after),
        "yes" if entry.secret else "no",
        clean(entry.reason),
        state.outcome,
        "yes" if state.final else "no",
        state.api_result,
        state.evidence,
        clean(state.observed_value),
        state.error,
        _utc(state.at),
        state.created_device_id,
        entry.undoes_id,
        entry.request_id,
        entry.receipt_hash,
    ]


def _utc(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""
