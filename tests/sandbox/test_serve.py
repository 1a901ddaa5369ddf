"""The command line and the control endpoints."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT, SandboxServer


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_restart_keeps_the_data(tmp_path: Path) -> None:
    server = SandboxServer(devices=150, folder=tmp_path)
    assert "seeding 150 devices" in server.errors
    token = server.token("admin")
    server.call("PUT", "/device?deviceId=1", json={"name": "Kept"})
    assert server.stop(signal.SIGINT) == 0
    assert "Traceback" not in server.said
    again = SandboxServer(devices=150, folder=tmp_path)
    assert again.errors == ""
    headers = {"Authorization": f"Bearer {token}"}  # tokens survive a restart
    assert again.call("GET", "/device?deviceId=1", None, headers=headers).json()["name"] == "Kept"
    assert again.stop(signal.SIGTERM) == 0
    assert again.said == ""


def test_other_arguments_seed_again(tmp_path: Path) -> None:
    for devices, seed in ((150, "1"), (151, "2")):
        server = SandboxServer("--seed", seed, devices=devices, folder=tmp_path)
        try:
            assert f"seeding {devices} devices" in server.errors
        finally:
            server.stop()


def test_a_corrupt_file_is_seeded_again(tmp_path: Path) -> None:
    (tmp_path / "sandbox.sqlite3").write_bytes(b"not a database" * 1000)
    (tmp_path / "sandbox.pristine.sqlite3").write_bytes(b"")
    server = SandboxServer(devices=150, folder=tmp_path)
    try:
        assert server.get("/devices").status_code == 200
    finally:
        server.stop()
    assert not list(tmp_path.glob("*.draft*"))


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("serve", "--port", str(port), "--db", str(tmp_path / "x.sqlite3"))
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        f"sandbox: cannot listen on 127.0.0.1:{port} (Address already in use). "
        "Is another sandbox running? Choose --port."
    ]
    assert list(tmp_path.iterdir()) == []  # nothing was seeded


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--devices", "20"), "the fleet has at least 150 devices"),
        (("--switch", "nonsense=1"), "There is no switch 'nonsense'."),
        (("--switch", "create_status"), "create_status is one of 201, 200."),
        (("--access-lifetime", "-1"), "access_lifetime is a number of at least 0."),
    ],
)
def test_invalid_arguments(tmp_path: Path, arguments: tuple[str, str], words: str) -> None:
    ended = run("serve", "--port", "0", "--db", str(tmp_path / "x.sqlite3"), *arguments)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert words in ended.stderr


def test_reset_by_command(tmp_path: Path) -> None:
    server = SandboxServer(devices=150, folder=tmp_path)
    try:
        server.call("PUT", "/device?deviceId=2", json={"name": "Other"})
        ended = run("reset", "--devices", "150", "--db", str(tmp_path / "sandbox.sqlite3"))
        assert (ended.returncode, ended.stderr) == (0, "")
        assert server.get("/device", deviceId=2).status_code == 401  # tokens are deleted too
        server._tokens.clear()
        assert server.get("/device", deviceId=2).json()["name"] == "Boiler room 2"
    finally:
        server.stop()


def test_the_table_of_switches() -> None:
    ended = run("switches")
    assert ended.returncode == 0
    assert any(line.split()[:3] == ["create_status", "201", "201|200"] for line in ended.stdout.splitlines())


# -- request log


def test_request_log(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.token("admin")  # its own call comes first
    fresh_sandbox.clear_requests()
    fresh_sandbox.get("/search/devices", query="room", size=7)
    fresh_sandbox.call("GET", "/devices", headers={"X-Request-ID": "abc123"})
    fresh_sandbox.grant("user_credentials", username="viewer@example.com", password="demo")
    fresh_sandbox.call("GET", "/nothing", None)
    entries = fresh_sandbox.requests()
    assert [(e["method"], e["path"].rsplit("organization", 1)[-1], e["query"], e["status"]) for e in entries] == [
        ("GET", "/search/devices", ["query", "size"], 200),
        ("GET", "/devices", [], 200),
        ("POST", "/oauth2/token", ["grant_type"], 200),
        ("GET", "/nothing", [], 404),
    ]
    assert entries[1]["request_id"] == "abc123"
    assert [entry["grant"] for entry in entries] == ["", "", "user_credentials", ""]
    assert all(entry["ms"] > 0 for entry in entries)
    assert "room" not in str(entries)
    fresh_sandbox.clear_requests()
    assert fresh_sandbox.requests() == []


def test_refresh_token_reuse_is_logged(fresh_sandbox: SandboxServer) -> None:
    first = fresh_sandbox.grant("user_credentials", username="viewer@example.com", password="demo").json()
    fresh_sandbox.clear_requests()
    for _ in range(2):
        fresh_sandbox.grant("refresh_token", refresh_token=first["refresh_token"])
    assert [(e["grant"], e["status"], e["reused"]) for e in fresh_sandbox.requests()] == [
        ("refresh_token", 200, False),
        ("refresh_token", 400, True),
    ]


# -- access to control endpoints

CONTROL = ("reset", "requests", "expire-tokens", "faults", "switches")


@pytest.mark.parametrize("name", CONTROL)
def test_control_refuses_browser_pages(sandbox: SandboxServer, name: str) -> None:
    method = "POST" if name in ("reset", "expire-tokens") else "GET"
    url = f"{sandbox.url}/_sandbox/{name}"
    answer = sandbox.session.request(method, url, headers={"Origin": "https://example.org"})
    assert answer.status_code == 403


def test_other_host_names_are_refused(sandbox: SandboxServer) -> None:
    for path in ("/", "/_sandbox/requests", "/api/v1/organization/devices"):
        answer = sandbox.session.get(f"{sandbox.url}{path}", headers={"Host": "rebound.example.org"})
        assert answer.status_code == 400


PROBE = """
import sys
from io import BytesIO
from sandbox.wsgi import application
for name in sys.argv[1:]:
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": name, "SERVER_NAME": "x", "SERVER_PORT": "1", "wsgi.input": BytesIO(),
        "REMOTE_ADDR": "203.0.113.9",
    }
    application(environ, lambda status, headers: print(status))
"""


def test_control_refuses_other_machines(tmp_path: Path) -> None:
    """In process: a test cannot call from another machine."""
    env = {**os.environ, "SANDBOX_DB": str(tmp_path / "none.sqlite3"), "SANDBOX_HOSTS": "*"}
    paths = ["/_sandbox/requests", "/_sandbox/faults", "/_sandbox/switches", "/"]
    command = [sys.executable, "-c", PROBE, *paths]
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["403 Forbidden"] * 3 + ["200 OK"]


def test_other_host_names_are_accepted_only_on_other_addresses() -> None:
    server = SandboxServer("--host", "0.0.0.0", devices=150)
    try:
        assert server.session.get(server.url, headers={"Host": "sandbox:8081"}).status_code == 200
    finally:
        server.stop()


@pytest.mark.parametrize("body", [b"[]", b"{", b'"x"'])
def test_control_bodies_must_be_objects(sandbox: SandboxServer, body: bytes) -> None:
    answer = sandbox.session.post(f"{sandbox.url}/_sandbox/switches", data=body)
    assert answer.json() == {"error": {"message": "The body has to be a JSON object."}}


def test_the_root_page(sandbox: SandboxServer) -> None:
    data = sandbox.session.get(sandbox.url).json()
    assert "sandbox" in data["about"]
    assert "/api/v1/organization/device/trigger-event" in data["paths"]
