"""Programs that some tests need: Chromium, PostgreSQL, Redis, Node, Apache, Java. A plugin, registered in
tests/conftest.py.

If one is missing, the tests that need it (`browser`, `stack`, `sso`, `pages`) are skipped, and the end of the run says
so with the command that installs it. In CI (CI=true) that is an error. Each server belongs to one test process, listens
on 127.0.0.1 only, has its own data folder and stops with the session.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tools.processes import HOST, chromium_path


def redis_path() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


def postgres_bin() -> Path | None:
    """The folder with initdb and pg_ctl. Debian has one for each version, not on PATH; the newest wins."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def node_path() -> str | None:
    """Node, if npm is installed too."""
    return shutil.which("node") if shutil.which("npm") else None


def java_path() -> str | None:
    return shutil.which("java")


def apache_path() -> str | None:
    return shutil.which("apache2") or shutil.which("apache2", path="/usr/sbin")


def apache_module(name: str) -> Path | None:
    """The file of an Apache module, as Debian installs it."""
    found = Path("/usr/lib/apache2/modules") / f"mod_{name}.so"
    return found if found.exists() else None


NEEDS: dict[str, tuple[tuple[str, Callable[[], object], str], ...]] = {
    "browser": (("Chromium", chromium_path, "chromium fonts-liberation"),),
    "stack": (("PostgreSQL", postgres_bin, "postgresql"), ("Redis", redis_path, "redis-server")),
    "sso": (
        ("Node with npm", node_path, "nodejs npm"),
        ("Apache", apache_path, "apache2"),
        ("mod_auth_openidc", partial(apache_module, "auth_openidc"), "libapache2-mod-auth-openidc"),
    ),
    "pages": (
        ("Node with npm", node_path, "nodejs npm"),
        ("Java", java_path, "default-jre-headless"),
    ),
}
"""Marker -> (program, finder, Debian's packages)."""


def missing() -> dict[str, str]:
    """Marker -> a sentence about the missing programs."""
    found = {}
    for marker, programs in NEEDS.items():
        lacking = [(name, packages) for name, find, packages in programs if find() is None]
        if lacking:
            names = " and ".join(name for name, _ in lacking)
            found[marker] = f"no {names} here: apt-get install {' '.join(packages for _, packages in lacking)}"
    return found


@pytest.hookimpl(trylast=True)  # after those that mark tests
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    lacking = missing()
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in lacking)]
    if not left_out:
        return
    if os.environ.get("CI"):
        raise pytest.UsageError("; ".join(f"{marker} tests must run in CI: {why}" for marker, why in lacking.items()))
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for marker, why in missing().items():
        terminalreporter.write_sep("!", f"THE {marker.upper()} TESTS DID NOT RUN", red=True, bold=True)
        terminalreporter.write_line(why, red=True)


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser, for Playwright's `executable_path`."""
    path = chromium_path()
    assert path, missing()["browser"]
    return path


@dataclass
class Postgres:
    """A running cluster. `database()` makes an empty database and gives its URL."""

    port: int
    numbers: Iterator[int]

    def url(self, name: str) -> str:
        return f"postgres://postgres@{HOST}:{self.port}/{name}"

    def database(self) -> str:
        name = f"portal_{next(self.numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)


def _as_postgres(folder: Path) -> list[str]:
    """The prefix of a PostgreSQL command: root runs it as the user postgres, since PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["runuser", "-u", "postgres", "--"]


def _run(*command: object) -> None:
    """Runs a command to its end; the message of a failure has its output."""
    done = subprocess.run(
        list(map(str, command)),
        cwd="/",
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A new PostgreSQL cluster; without fsync, to be fast."""
    programs = postgres_bin()
    assert programs, missing()["stack"]
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: the path of its socket may have 107 characters at most
    prefix = _as_postgres(folder)
    data, port = folder / "data", free_port()
    try:
        _run(
            *prefix, programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N"
        )
        # Each thread of the portal keeps a connection: 2 hosts x 4 processes x 32 threads are more than the usual 100.
        options = f"-p {port} -h {HOST} -k {folder} -c max_connections=300"
        options += " -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
        _run(*prefix, programs / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "-t", "30", "start")
        try:
            yield Postgres(port, itertools.count(1))
        finally:
            _run(*prefix, programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as running:
        yield running


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The URL of a new Redis server, in memory only."""
    program = redis_path()
    assert program, missing()["stack"]
    port = free_port()
    command = [program, "--bind", HOST, "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        output = []
        for line in server.stdout:  # ends when the server does
            output.append(line)
            if "Ready to accept connections" in line:
                break
        else:
            raise RuntimeError("Redis did not start:\n" + "".join(output))
        try:
            yield f"redis://{HOST}:{port}/0"
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url
