"""Runs gunicorn in this process: one worker, many threads."""

from __future__ import annotations

from typing import Any

from django.db import connection
from gunicorn.app.base import BaseApplication

from sandbox.faults import Application


def _announce(worker: Any) -> None:
    """Called when the worker has loaded the application and the socket is open."""
    host, port = worker.sockets[0].getsockname()[:2]
    print(f"sandbox ready on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)  # noqa: T201


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        from sandbox.wsgi import application

        return application


def run(host: str, port: int, threads: int) -> None:
    """Serve until SIGINT or SIGTERM; prints one line when ready."""
    connection.close()  # a connection does not survive the fork
    _Server(
        {
            "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            # Faults, switches and the request log are in this process's memory.
            "workers": 1,
            "worker_class": "gthread",
            "threads": threads,
            "keepalive": 75,
            "timeout": 120,
            # Let the views refuse long URLs, as the API would.
            "limit_request_line": 0,
            "graceful_timeout": 1,
            "loglevel": "error",
            "control_socket_disable": True,
            "post_worker_init": _announce,
            "proc_name": "sandbox",
        }
    ).run()
