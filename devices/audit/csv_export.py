"""Tables as files that other programs open: CSV by RFC 4180, with nothing in it that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

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
