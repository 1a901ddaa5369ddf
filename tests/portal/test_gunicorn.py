"""The gunicorn settings."""

from __future__ import annotations

import runpy

import pytest
import requests

from portal import gunicorn
from tests.portal.test_settings import start
from tests.portal_server import PortalServer
from tests.servers import SandboxServer


@pytest.mark.parametrize(("configured", "workers"), [(None, 1), ("4", 4)])
def test_the_number_of_processes_is_the_operators(
    monkeypatch: pytest.MonkeyPatch, configured: str | None, workers: int
) -> None:
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    if configured:
        monkeypatch.setenv("WEB_CONCURRENCY", configured)
    assert runpy.run_path(gunicorn.__file__)["workers"] == workers


def test_a_server_that_folds_the_names_of_headers_does_not_start() -> None:
    done = start("-m", "gunicorn", "-c", "python:portal.gunicorn", "--bind", "127.0.0.1:0", "--header-map", "dangerous")
    assert done.returncode == 1
    assert "header_map=dangerous" in done.stderr
    assert "Traceback" not in done.stderr


def test_connections_outlast_the_idle_time_of_a_proxy() -> None:
    # 60 s is what nginx and most load balancers take. Whoever closes first must not be the server: the proxy would send
    # the next request on a connection that is just being closed.
    assert runpy.run_path(gunicorn.__file__)["keepalive"] >= 75


def test_nobody_chooses_where_the_portal_lives_by_a_header(sandbox: SandboxServer) -> None:
    host = PortalServer(sandbox)
    try:
        for name in ("SCRIPT_NAME", "Script-Name", "PATH_INFO"):
            answer = requests.get(f"{host.url}/sign-in/", headers={name: "/elsewhere"}, timeout=20)
            assert answer.status_code == 200
            assert "elsewhere" not in answer.text
            assert "Content-Security-Policy" in answer.headers
    finally:
        host.stop()
