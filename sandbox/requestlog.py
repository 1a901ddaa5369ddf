"""A log of requests, for tests that count calls. It has no headers, values or bodies, only names."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from sandbox.faults import Application, Environ, StartResponse

_entries: deque[dict[str, Any]] = deque(maxlen=20_000)
_lock = threading.Lock()


def listed() -> list[dict[str, Any]]:
    with _lock:
        return [dict(entry) for entry in _entries]


def clear() -> None:
    with _lock:
        _entries.clear()


def _names(query: str) -> list[str]:
    try:
        return sorted({name for name, _ in parse_qsl(query, keep_blank_values=True)})
    except ValueError:
        return []


def with_request_log(application: Application) -> Application:
    """WSGI middleware that logs each call, except those to control endpoints.

    An entry: `method`, `path`, `query` (names), `status` (None until the response, 0 if the connection was closed
    without one), `request_id` (X-Request-ID), `grant` (of a token call), `reused` (its refresh token had been used
    before), `started` (epoch ms), `ms`.
    """

    def run(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        note: dict[str, Any] = {"grant": "", "reused": False}
        environ["sandbox.note"] = note
        if path.startswith("/_sandbox/"):
            return application(environ, start_response)
        entry: dict[str, Any] = {
            "method": environ["REQUEST_METHOD"],
            "path": path,
            "query": _names(environ.get("QUERY_STRING", "")),
            "status": None,
            "request_id": environ.get("HTTP_X_REQUEST_ID", "")[:100],
            **note,
            "started": time.time_ns() // 1_000_000,
            "ms": None,
        }
        with _lock:
            _entries.append(entry)
        begun = time.perf_counter()

        def noted(status: str, *rest: Any) -> Any:
            entry["status"] = int(status.split(" ", 1)[0])
            return start_response(status, *rest)

        try:
            return application(environ, noted)
        except OSError:
            entry["status"] = 0
            raise
        finally:
            entry.update(note)
            entry["ms"] = round((time.perf_counter() - begun) * 1000, 1)

    return run
