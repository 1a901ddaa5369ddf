"""The database triggers, on SQLite and on PostgreSQL, against SQL and Django."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devices.audit.models import AuditEntry
from tests.devices.audit import entries

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("triggers_subprocess.py")
ROWS = ("entry", "outcome", "receipt")


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.stack)])
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the script reports; its database may stay full of rows that cannot be deleted."""
    if request.param == "postgres":
        url = request.getfixturevalue("postgres").database()
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('triggers') / 'portal.sqlite3'}"
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        cwd=ROOT,
        env={**os.environ, "TEST_DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_only_expired_rows_can_be_deleted_and_none_updated(results: Any) -> None:
    attempts = results["attempts"]
    assert len(attempts) == 5 * len(ROWS) * 2 + 2 * len(ROWS)
    assert {what: result for what, result in attempts.items() if result != "refused"} == {
        f"delete expired {row}": "done" for row in ROWS
    }
    assert results["left"] == dict.fromkeys(ROWS, 1)


def test_open_entries_are_the_abandoned_and_the_unknown(results: Any) -> None:
    assert results["open"] == ["abandoned", "unknown"]


@pytest.mark.django_db
def test_get_or_create_still_finds_an_entry_by_its_key() -> None:
    """The trigger against REPLACE must not break two submissions with the same key."""
    first = entries.entry(idempotency_key="one")
    found, created = AuditEntry.objects.get_or_create(idempotency_key="one", defaults={"operation": "never used"})
    assert (found.pk, created) == (first.pk, False)
