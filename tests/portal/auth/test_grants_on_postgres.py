"""Runs the tests of grants on PostgreSQL: compare-and-set must work on both databases."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import Postgres

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[3]
HERE = "tests/portal/auth"


def test_grants_and_the_limits_of_sessions_hold_on_postgres(postgres: Postgres) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"),
            *(f"{HERE}/test_grants.py", f"{HERE}/test_crypto.py", f"{HERE}/test_session_limits.py"),
            f"{HERE}/test_rotation.py",
            f"{HERE}/test_response_cache.py::test_a_bump_raises_the_version_in_every_grant_of_the_person_and_no_other",
        ],
        env={**os.environ, "TEST_DATABASE_URL": postgres.database()},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
