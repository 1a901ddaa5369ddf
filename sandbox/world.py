"""The database file: seeded once with a pristine copy; `reset` restores it and shifts its times to today."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from sandbox import seed
from sandbox.oauth import issuing, now_ms

LAG = 2000
"""Milliseconds of difference to ignore, so that several resets in a row shift the times once."""
_DEVICE_TIMES = (
    "activated_at",
    "first_connect_time",
    "connect_time",
    "disconnect_time",
    "firmware_updated_at",
    "last_event_at",
    "reported_at",
)


def _file() -> Path:
    return Path(settings.SANDBOX_DB)


def _pristine() -> Path:
    return _file().with_name(f"{_file().stem}.pristine{_file().suffix}")


def fits(devices: int, number: int) -> bool:
    """Whether both files are valid and were seeded with these arguments by this version."""
    if not _file().exists() or not _pristine().exists():
        return False
    for file in (_file(), _pristine()):
        try:
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as base:
                row = base.execute("SELECT format, seed, devices FROM sandbox_world").fetchone()
        except sqlite3.Error:
            return False
        if row != (seed.FORMAT, number, devices):
            return False
    return True


def make(devices: int, number: int) -> None:
    """Seed a new database under a temporary name, then put it in place."""
    _file().parent.mkdir(parents=True, exist_ok=True)
    draft = _file().with_name(f"{_file().name}.draft")
    connection.close()
    connection.settings_dict["NAME"] = str(draft)
    options = connection.settings_dict["OPTIONS"]
    kept = options["init_command"]
    # Only speed matters: the file is deleted if anything fails.
    options["init_command"] = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-64000;"
    try:
        draft.unlink(missing_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        with transaction.atomic():
            seed.plant(devices, number, now_ms())
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    except BaseException:
        connection.close()
        draft.unlink(missing_ok=True)
        raise
    finally:
        connection.close()
        connection.settings_dict["NAME"] = str(_file())
        options["init_command"] = kept
    draft.replace(_pristine())
    try:
        _copy_back()
    except sqlite3.DatabaseError:  # the existing file is not a database
        for leftover in _file().parent.glob(f"{_file().name}*"):
            leftover.unlink()
        _copy_back()


def _copy_back(*, keep_tokens: bool = False) -> None:
    """Copy the pristine database over the live one; open connections see the new content from their next query.

    Tokens are copied before that, so that no call in between is signed out. The pristine file's times are shifted, not
    the copy's, so that the next reset has nothing to shift.
    """
    with closing(sqlite3.connect(":memory:")) as copy:
        with closing(sqlite3.connect(_pristine())) as source:
            source.execute("PRAGMA synchronous=OFF")
            _move(source)
            source.backup(copy)
        if keep_tokens:
            copy.execute("ATTACH ? AS live", (str(_file()),))
            copy.execute("INSERT INTO sandbox_token SELECT * FROM live.sandbox_token")
            copy.commit()
            copy.execute("DETACH live")
        with closing(sqlite3.connect(_file(), timeout=20)) as target:
            target.execute("PRAGMA synchronous=NORMAL")  # as the server's connections
            copy.backup(target)


def reset(*, keep_tokens: bool = True) -> None:
    with issuing:  # a token issued meanwhile would be lost
        _copy_back(keep_tokens=keep_tokens)


def move_to_today() -> None:
    """Shift the seeded times of the live file to end now."""
    with closing(sqlite3.connect(_file(), timeout=20)) as live:
        _move(live)


def _move(base: sqlite3.Connection) -> None:
    """Shift the seeded times, so that a fleet seeded last week still has devices activated an hour ago.

    Rows added since keep their times.
    """
    with base:
        base.execute("BEGIN IMMEDIATE")
        anchor, device, event, log = base.execute(
            "SELECT anchor, last_device, last_event, last_log FROM sandbox_world"
        ).fetchone()
        now = now_ms()
        shift = now - anchor
        if shift < LAG:
            return
        for table, last, names in (
            ("sandbox_device", device, _DEVICE_TIMES),
            ("sandbox_timelineevent", event, ("ts", "resolved_at")),
            ("sandbox_logentry", log, ("created_at",)),
        ):
            moved = ", ".join(f"{name} = {name} + (CASE WHEN {name} > 0 THEN ? ELSE 0 END)" for name in names)
            # The names are constants above.
            base.execute(f"UPDATE {table} SET {moved} WHERE id <= ?", (*[shift] * len(names), last))  # noqa: S608  # nosec B608
        base.execute("UPDATE sandbox_world SET anchor = ?", (now,))
