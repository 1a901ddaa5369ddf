"""What the database itself refuses to do with the trail, on SQLite and on PostgreSQL, by SQL and by Django."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("guarded.py")


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.stack)])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `guarded.py` saw on a database of its own, which it may leave full of rows that nothing can delete."""
    if request.param == "postgres":
        url = request.getfixturevalue("postgres").database()
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('guards') / 'portal.sqlite3'}"
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
    return done.stdout


STEPS = [
    *(
        f"{what} {row} {how}"
        for what in ("update", "delete")
        for row in ("entry", "outcome", "receipt")
        for how in ("by SQL", "by Django")
    ),
    "truncate",
    "replace an entry",
    "replace an outcome",
    "replace a receipt",
]


@pytest.mark.parametrize("when", ["", " after the tables were made anew"], ids=["migrated", "remade"])
@pytest.mark.parametrize("step", STEPS)
def test_what_is_to_be_kept_is_refused(told: str, step: str, when: str) -> None:
    assert f"{step}{when}: refused\n" in told


@pytest.mark.parametrize("row", ["entry", "outcome", "receipt"])
def test_an_update_is_refused_for_good_and_a_deletion_until_its_time(told: str, row: str) -> None:
    assert f"update {row} of long ago: refused\n" in told
    assert f"delete {row} of long ago: done\n" in told


def test_nothing_was_lost_on_the_way(told: str) -> None:
    assert "rows left: 1 entry, 1 outcome, 1 receipt\n" in told


def test_what_nobody_knows_the_outcome_of_is_found(told: str) -> None:
    assert "open: left by a dead process, not known yet\n" in told


@pytest.mark.django_db
def test_a_second_sending_still_finds_the_first(django_assert_num_queries: Any) -> None:
    """The trigger against REPLACE must not turn the race for a form's one sending into a failure."""
    from devices.audit.models import AuditEntry
    from tests.devices.audit import entries

    first = entries.entry(idempotency_key="one", kept=timedelta(days=1))
    found, made = AuditEntry.objects.get_or_create(idempotency_key="one", defaults={"operation": "never used"})
    assert (found.pk, made) == (first.pk, False)
