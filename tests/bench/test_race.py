"""What the race counts as a failure, and that it is not skipped in CI. `make load-short` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.race.rounds import Found
from bench.visitor import Response

ROOT = Path(__file__).resolve().parents[2]


def found(**changes: Any) -> Found:
    return Found(**({"requests": 64, "refreshes": [1], "workers": {7}} | changes))


def test_one_refresh_a_round_is_fine() -> None:
    assert found().fine
    assert (found() + found()).fine
    assert (found() + found()).refreshes == [1, 1]


@pytest.mark.parametrize(
    "fault",
    [
        {"refreshes": [2]},
        {"refreshes": [0]},
        {"refreshes": []},
        {"failed": Counter({401: 1})},
        {"failed": Counter({0: 1})},
        {"reused": 1},
        {"stale": 1},
    ],
)
def test_anything_else_fails_also_among_good_rounds(fault: dict[str, Any]) -> None:
    assert not found(**fault).fine
    if fault != {"refreshes": []}:
        assert not (found() + found(**fault)).fine


@pytest.mark.parametrize(
    ("status", "headers", "asks"),
    [
        (302, {"Location": "/sign-in/?next=/devices/1/tags/"}, True),
        (302, {"Location": "/devices/"}, False),
        (401, {"HX-Retarget": "#session-banner"}, True),
        (401, {}, False),
        (400, {}, False),
        (500, {}, False),
        (0, {}, False),
    ],
)
def test_what_counts_as_a_request_to_sign_in(status: int, headers: dict[str, str], asks: bool) -> None:
    assert Response(status, 0.1, 7, headers).asks_to_sign_in == asks


def without_services(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.race", "--setup", "stack"],
        env={name: value for name, value in os.environ.items() if name != "CI"} | {"PATH": "/nowhere", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_the_services_the_race_is_skipped_with_a_notice() -> None:
    done = without_services()
    assert done.returncode == 0, done.stderr
    assert "LEFT OUT: the race on PostgreSQL and Redis" in done.stdout
    assert "apt-get install" in done.stdout


def test_in_ci_missing_services_fail_the_race() -> None:
    done = without_services(CI="true")
    assert done.returncode == 1
    assert "must run in CI" in done.stderr
