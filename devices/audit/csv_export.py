"""CSV export (RFC 4180) of audit entries. No cell is run by a spreadsheet as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from devices.audit.log import EntryState, entry_state
from devices.audit.models import AuditEntry
from devices.core.text import clean
from devices.directory.names import Names
from devices.ui.audit_entry import moves, value_words

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Spreadsheets run a cell as a formula if it begins with one of these."""
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""Spreadsheets read a CSV file as UTF-8 only if it begins with this."""
LINES = 200
"""Lines sent at a time."""


def safe_cell(value: object) -> str:
    """A cell's text, empty for None. A text that a spreadsheet would run gets a leading apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def csv_chunks(rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """Rows, with the header, as chunks of a UTF-8 file. Integers stay integers."""
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


def csv_row(entry: AuditEntry, names: Names) -> list[object]:
    """The entry's values, in the order of CSV_COLUMNS."""
    state = entry_state(entry)
    return [value(entry, state, names) for value in CSV_COLUMNS.values()]


def _name_of(entry: AuditEntry, value: str, names: Names) -> str:
    return value_words(entry, value, names) if moves(entry) and value else ""


def _utc(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


CSV_COLUMNS: dict[str, Callable[[AuditEntry, EntryState, Names], object]] = {
    "entry": lambda entry, _state, _names: entry.pk,
    "time_utc": lambda entry, _state, _names: _utc(entry.created_at),
    "person": lambda entry, _state, _names: clean(entry.person.name),
    "email": lambda entry, _state, _names: clean(entry.person.email),
    "user_id": lambda entry, _state, _names: entry.person.user_id or "",
    "person_organization_id": lambda entry, _state, _names: entry.person_org_id,
    "action": lambda entry, _state, _names: entry.operation,
    "device_id": lambda entry, _state, _names: entry.device_id or "",
    "device": lambda entry, _state, _names: clean(entry.device_name),
    "organization_id": lambda entry, _state, _names: entry.org_id,
    "organization": lambda entry, _state, names: names.organization(entry.org_id),
    "target_id": lambda entry, _state, _names: clean(entry.target),
    "target": lambda entry, _state, _names: clean(entry.target_name),
    "before": lambda entry, _state, _names: clean(entry.before),
    "before_name": lambda entry, _state, names: _name_of(entry, entry.before, names),
    "after": lambda entry, _state, _names: clean(entry.after),
    "after_name": lambda entry, _state, names: _name_of(entry, entry.after, names),
    "secret": lambda entry, _state, _names: "yes" if entry.secret else "no",
    "reason": lambda entry, _state, _names: clean(entry.reason),
    "outcome": lambda _entry, state, _names: state.outcome,
    "final": lambda _entry, state, _names: "yes" if state.final else "no",
    "api_result": lambda _entry, state, _names: state.api_result,
    "evidence": lambda _entry, state, _names: state.evidence,
    "observed_value": lambda _entry, state, _names: clean(state.observed_value),
    "error": lambda _entry, state, _names: state.error,
    "outcome_time_utc": lambda _entry, state, _names: _utc(state.at),
    "created_device_id": lambda _entry, state, _names: state.created_device_id,
    "undoes_entry": lambda entry, _state, _names: entry.undoes_id,
    "request_id": lambda entry, _state, _names: entry.request_id,
    "receipt_sha256": lambda entry, _state, _names: entry.receipt_hash,
}
"""Header and value of each column. Names are those that the person who exports may see."""
