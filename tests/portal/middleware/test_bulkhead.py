"""One person's connections leave threads for others, with the default settings."""

from __future__ import annotations

import threading

import requests

from devices.gateway.resilience.limits import Limits
from portal import gunicorn
from tests.portal.test_stack import browse, sign_in
from tests.portal_server import PortalServer
from tests.servers import SandboxServer

SCRIPT = 3 * gunicorn.threads // 2
"""Concurrent connections, more than there are threads."""


def test_a_script_with_more_connections_than_threads_keeps_nobody_waiting(fresh_sandbox: SandboxServer) -> None:
    host = PortalServer(fresh_sandbox, threads=gunicorn.threads)
    came: list[str] = []
    refused = []

    def ask(session: requests.Session) -> None:
        with browse() as one:
            one.cookies.update(session.cookies)
            answer = one.get(f"{host.url}/devices/1/tags/", timeout=60)
        came.append(f"script {answer.status_code}")
        if answer.status_code != 200:
            refused.append(answer)

    try:
        with sign_in(host) as script, sign_in(host, "admin") as other:
            assert other.get(f"{host.url}/devices/1/tags/", timeout=20).ok
            fresh_sandbox.fault("/device/tags", "delay", delay=6, times=SCRIPT)
            threads = [threading.Thread(target=ask, args=[script]) for _ in range(SCRIPT)]
            for thread in threads:
                thread.start()
            while len(refused) < SCRIPT - Limits().user_concurrency:
                assert any(thread.is_alive() for thread in threads), came
                threads[0].join(0.05)
            assert other.get(f"{host.url}/about/", timeout=20).ok
            came.append("other")
            for thread in threads:
                thread.join()
    finally:
        host.stop()
    assert came.index("other") < came.index("script 200"), "before any of those that are slow"
    assert came.count("script 200") == Limits().user_concurrency
    assert {answer.status_code for answer in refused} == {503}
    assert all(answer.headers["Retry-After"] == "2" for answer in refused)
    assert "You have too many requests running at the same time" in refused[0].text
