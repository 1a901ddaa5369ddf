"""`make demo` with real processes on real ports, in a temporary folder; every wait has a limit."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bench.pages import PAGE_BOUND, VISIT_BOUND, weigh
from bench.visitor import Visitor
from tests.services import free_port
from tools.demo import ACCOUNTS, Demo
from tools.processes import Child, poll, status_of

ROOT = Path(__file__).resolve().parents[2]


class Run:
    """One `python -m tools.demo`, started as make does."""

    def __init__(self, var: Path, port: int, sandbox_port: int) -> None:
        self.port, self.sandbox_port = port, sandbox_port
        self.log = var.parent / f"demo-{port}.out"
        command = [sys.executable, "-m", "tools.demo", "--port", str(port), "--sandbox-port", str(sandbox_port)]
        command += ["--devices", "150", "--var", str(var)]
        self.child = Child("demo", command, os.environ, ROOT, self.log)

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def until(self, words: str, within: float = 60) -> None:
        for _ in poll(within):
            if words in self.output:
                return
            if self.child.exit_code() is not None:
                break
        assert words in self.output

    def until_ready(self) -> None:
        self.until("Ctrl-C ends both.")

    def signal(self, number: int) -> int:
        """Sends it to the supervisor alone, as `kill` does; returns the exit code."""
        self.child.process.send_signal(number)
        return self.child.process.wait(30)

    def responding(self) -> list[bool]:
        return [status_of(port) is not None for port in (self.port, self.sandbox_port)]


@pytest.fixture
def start(tmp_path):
    """Starts demos in one folder; stops those that a test leaves running."""
    with contextlib.ExitStack() as stack:

        def run(port=None, sandbox_port=None, var="var"):
            demo = Run(tmp_path / var, port or free_port(), sandbox_port or free_port())
            stack.callback(demo.child.end)
            return demo

        yield run


def processes_of(group: int) -> list[int]:
    """The processes below the supervisor."""
    found = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(pid): int(parent) for pid, parent in (line.split() for line in found.splitlines())}
    below = {group}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return sorted(below - {group})


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    return False


def test_three_runs_of_one_demo(start, tmp_path):
    """In one folder, since the first start takes longest: stopped by Ctrl-C, by a crash of the sandbox, by SIGKILL."""
    first = start()
    first.until_ready()
    each_printed_account_can_sign_in(first)
    a_first_visit_is_light(first)
    ctrl_c_stops_both(first)
    secrets = (tmp_path / "var" / "demo.env").read_text(encoding="utf-8")
    seeded = (tmp_path / "var" / "sandbox.pristine.sqlite3").stat().st_mtime_ns

    second = start()
    second.until_ready()
    assert (tmp_path / "var" / "demo.env").read_text(encoding="utf-8") == secrets
    assert (tmp_path / "var" / "sandbox.pristine.sqlite3").stat().st_mtime_ns == seeded
    a_crash_of_one_site_stops_the_other_and_shows_its_last_lines(second)

    third = start()
    third.until_ready()
    a_killed_supervisor_stops_both(third)


def each_printed_account_can_sign_in(demo):
    assert f"http://127.0.0.1:{demo.port}/" in demo.output
    for account in ACCOUNTS:
        assert account in demo.output
        visitor = Visitor.signed_in(f"http://127.0.0.1:{demo.port}", account)
        if "own" not in ACCOUNTS[account]:
            assert re.search(r'href="/devices/\d+/"', visitor.ask("/devices/").body), account


def a_first_visit_is_light(demo):
    """With the static files of production: named by content, compressed, cached for a year."""
    visitor = Visitor.signed_in(f"http://127.0.0.1:{demo.port}", "support")

    weight = weigh(visitor, "/devices/")

    assert visitor.ask("/devices/").body.count('<th scope="row"') == 50
    assert 1000 < weight.page <= PAGE_BOUND
    assert len(weight.assets) >= 3
    assert weight.visit <= VISIT_BOUND
    assert "immutable" in visitor.ask(next(iter(weight.assets))).headers["Cache-Control"]


def ctrl_c_stops_both(demo):
    started = processes_of(demo.child.process.pid)
    assert demo.signal(signal.SIGINT) == 0
    assert len(started) >= 3  # the sandbox, gunicorn and its worker
    assert not [pid for pid in started if alive(pid)]
    assert demo.responding() == [False, False]
    assert demo.output.rstrip().endswith("Portal and sandbox have ended.")


def a_crash_of_one_site_stops_the_other_and_shows_its_last_lines(demo):
    sandbox = next(pid for pid in processes_of(demo.child.process.pid) if b"sandbox" in command_of(pid))

    os.kill(sandbox, signal.SIGKILL)

    assert demo.child.process.wait(30) == 1
    assert "The sandbox ended unexpectedly (exit code -9)" in demo.output
    assert "sandbox ready on" in demo.output  # its last line
    assert demo.responding() == [False, False]


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def a_killed_supervisor_stops_both(demo):
    started = processes_of(demo.child.process.pid)
    assert len(started) >= 3

    demo.signal(signal.SIGKILL)

    for _ in poll(15):
        if not [pid for pid in started if alive(pid)]:
            break
    assert not [pid for pid in started if alive(pid)]


def test_a_second_demo_in_the_same_folder_names_the_first(start):
    first = start()
    first.until("", within=5)
    for _ in poll(30):
        if first.log.parent.joinpath("var", "demo.lock").exists() and processes_of(first.child.process.pid):
            break

    second = start()

    assert second.child.process.wait(30) == 1
    assert f"A demo is already running in this folder (http://127.0.0.1:{first.port}/" in second.output
    assert first.child.exit_code() is None

    assert first.signal(signal.SIGTERM) == 0  # at any stage of its start
    assert first.responding() == [False, False]


@pytest.mark.parametrize(
    ("taken", "hint"), [("port", "make demo PORT=8090"), ("sandbox_port", "make demo SANDBOX_PORT=8091")]
)
def test_a_taken_port_is_named_with_a_hint(start, taken, hint):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        demo = start(**{taken: port})

        assert demo.child.process.wait(30) == 1

    assert demo.output.strip() == f"Port {port} is taken: choose another, as in `{hint}`."


def test_both_sites_need_different_ports(start):
    port = free_port()
    demo = start(port, port)

    assert demo.child.process.wait(30) == 1
    assert "choose two different ports" in demo.output


def test_secrets_are_random_and_readable_for_this_user_only(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()

    first, second = Demo(1, 2, 3, one).secrets(), Demo(1, 2, 3, other).secrets()

    assert first["SECRET_KEY"] != second["SECRET_KEY"]
    assert first["TOKEN_KEYS"] != second["TOKEN_KEYS"]
    assert (one / "demo.env").stat().st_mode & 0o777 == 0o600


def test_settings_of_a_real_portal_do_not_reach_the_demo(tmp_path, monkeypatch):
    monkeypatch.setenv("PLATFORM_API_URL", "https://platform.example.com")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example.com")
    demo = Demo(8080, 8081, 60, tmp_path)

    variables = demo.environment() | demo.settings()

    assert variables["PLATFORM_API_URL"] == "http://127.0.0.1:8081"
    assert "REDIS_URL" not in variables
    assert variables["ENV_FILE"] == ""
    assert variables["DEBUG"] == "off"
