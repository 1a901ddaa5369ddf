"""The servers that some tests need start and listen on this machine only."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.core.cache.backends.redis import RedisCache

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.stack
def test_each_database_is_new_and_empty(postgres):
    first, second = postgres.database(), postgres.database()

    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE note (words text)")
    with psycopg.connect(second) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()

    assert first != second
    assert tables == []


@pytest.mark.stack
def test_postgres_listens_on_this_machine_only(postgres):
    with psycopg.connect(postgres.url("postgres")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)


@pytest.mark.stack
def test_redis_stores_values(redis):
    cache = RedisCache(redis, {})

    cache.set("fleet", {"devices": 5000})

    assert cache.get("fleet") == {"devices": 5000}
    cache.close()


def run_one_browser_test(folder, **environment):
    """Runs pytest with one browser test and one plain test, without any program on PATH."""
    (folder / "test_two.py").write_text(
        "import pytest\n@pytest.mark.browser\ndef test_page(): pass\ndef test_sum(): pass\n", encoding="utf-8"
    )
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = browser: x\n", encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.services", "-p", "no:randomly", "-p", "no:django", str(folder)],
        env={"PATH": "/nowhere", "PYTHONPATH": str(ROOT), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_a_browser_its_tests_are_skipped_with_a_notice(tmp_path):
    done = run_one_browser_test(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 deselected" in done.stdout
    assert "THE BROWSER TESTS DID NOT RUN" in done.stdout
    assert "apt-get install chromium" in done.stdout


def test_in_ci_a_missing_browser_fails_the_run(tmp_path):
    done = run_one_browser_test(tmp_path, CI="true")

    assert done.returncode != 0
    assert "browser tests must run in CI" in done.stderr + done.stdout
