"""Injected faults: `POST /_sandbox/faults` sets one for a path, for a number of calls.

A fault is a JSON object:

    path         the path; a trailing `*` matches any rest, "*" every path
    method       GET, POST ...; default: any
    kind         status    `status` (default 500) with the nested error and text `message`
                 empty     `status` (default 200) with no body
                 html      `status` (default 502) with an HTML page
                 json      `status` (default 200) with `body`
                 redirect  `status` (default 308), empty, with `location`
                 cut       the connection closes in the middle of the body
                 drop      the connection closes without a response
                 reset     the same, by TCP RST
                 noise     bytes that are not HTTP, then the connection closes
                 head      headers only, a byte every half second for `delay` seconds (default 30)
                 drip      headers, then a byte every half second for `delay` seconds (default 30)
                 bomb      `size` bytes (default 50,000,000) of spaces, gzipped
                 delay     the delay, then the normal response
                 twist     the normal JSON response, changed by `twist`:
                           twice    every list item appears twice
                           types    strings become numbers, numbers strings, objects lists
                           strange  unknown members everywhere, and unknown enum values
    delay        seconds to wait first, at most 60
    times        number of calls; default: until it is deleted
    skip         number of calls to pass first
    retry_after  value of the Retry-After header (seconds or a date)
    headers      object of additional or overriding headers
    encoding     of the body of status, html and json: "utf-8-sig" adds a byte order mark, "utf-16" is invalid JSON
    apply        true: the call is executed, only its response is replaced by the fault
    linger       with apply: seconds between execution and fault, at most 60
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any

from sandbox.twists import TWISTS

KINDS = (
    *("status", "empty", "html", "json", "redirect", "cut", "drop", "reset", "noise", "head", "drip", "bomb", "delay"),
    "twist",
)
_DEFAULT_STATUS = {"status": 500, "html": 502, "redirect": 308}
_REASONS = {200: "OK", 308: "Permanent Redirect", 429: "Too Many Requests", 500: "Internal Server Error"}

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass
class Fault:
    path: str
    kind: str
    method: str | None = None
    status: int | None = None
    message: str = "Something broke."
    body: Any = None
    location: str = ""
    delay: float = 0.0
    size: int = 50_000_000
    times: int | None = None
    skip: int = 0
    retry_after: str | int | None = None
    apply: bool = False
    linger: float = 0.0
    twist: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"

    def fits(self, method: str, path: str) -> bool:
        if self.method is not None and self.method != method:
            return False
        return path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path


_faults: list[Fault] = []
_lock = threading.Lock()


def read(data: object) -> Fault:
    """Parse a fault from JSON. Raises ValueError with a message."""
    if not isinstance(data, dict):
        raise ValueError("A fault is an object.")
    unknown = set(data) - {each.name for each in fields(Fault)}
    if unknown:
        raise ValueError(f"A fault has no {', '.join(sorted(unknown))}.")
    if not isinstance(data.get("path"), str) or data.get("kind") not in KINDS:
        raise ValueError(f"A fault needs a path, and a kind: one of {', '.join(KINDS)}.")
    for name, least in (("delay", 0), ("linger", 0), ("skip", 0), ("size", 0), ("status", 100), ("times", 1)):
        value = data.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
            raise ValueError(f"{name} is a number of at least {least}.")
    fault = Fault(**data)
    if fault.kind == "twist" and fault.twist not in TWISTS:
        raise ValueError(f"A fault's twist is one of {', '.join(TWISTS)}.")
    if not isinstance(fault.headers, dict) or not all(isinstance(text, str) for text in fault.headers.values()):
        raise ValueError("A fault's headers are an object of strings.")
    try:
        codecs.lookup(fault.encoding)
    except (LookupError, TypeError):
        raise ValueError("A fault's encoding must be one that Python knows.") from None
    return fault


def add(fault: Fault) -> None:
    with _lock:
        _faults.append(fault)


def clear() -> None:
    with _lock:
        _faults.clear()


def listed() -> list[dict[str, Any]]:
    with _lock:
        return [asdict(fault) for fault in _faults]


def take(method: str, path: str) -> Fault | None:
    """The first fault that matches this call; counts it."""
    with _lock:
        for fault in _faults:
            if not fault.fits(method, path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    _faults.remove(fault)
            return fault
    return None


def _status_line(code: int) -> str:
    return f"{code} {_REASONS.get(code, 'Status')}"


def _connection_cut() -> OSError:
    """gunicorn treats this as a disconnected client: it closes the connection without a response."""
    return ConnectionResetError(errno.ECONNRESET, "cut by a fault")


def _cut() -> Iterator[bytes]:
    yield b'{"content":[{"id":1,"name":"Boil'
    raise _connection_cut()


def _drip(seconds: float) -> Iterator[bytes]:
    yield b"{"
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.5)
        yield b" "
    yield b"}"


@cache
def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * 1_000_000
    parts = [packer.compress(block) for _ in range(size // len(block))]
    return b"".join([packer.compress(b"{"), *parts, packer.compress(b"}"), packer.flush()])


def _send_slow_headers(line: socket.socket, seconds: float) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.5)
        line.sendall(b"a")


def _write_raw(fault: Fault, environ: Environ) -> None:
    """Write to the socket directly what gunicorn would not send."""
    line: socket.socket = environ["gunicorn.socket"]
    with contextlib.suppress(OSError):  # the client may have disconnected
        if fault.kind == "reset":
            # A linger time of zero makes close() send RST.
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            line.close()  # before gunicorn shuts it down in order
        elif fault.kind == "noise":
            line.sendall(b"220 mail.example.org ESMTP\r\n")
        elif fault.kind == "head":
            _send_slow_headers(line, fault.delay or 30)


def respond(fault: Fault, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The faulty response. Raises OSError to close the connection without one, or within one."""
    kind = fault.kind
    if kind in ("drop", "reset", "noise", "head"):
        _write_raw(fault, environ)
        raise _connection_cut()
    status = int(fault.status or _DEFAULT_STATUS.get(kind, 200))
    headers = {"Content-Type": "text/html" if kind == "html" else "application/json"}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    body: Iterable[bytes]
    if kind == "cut":
        headers["Content-Length"] = "4096"
        body = _cut()
    elif kind == "drip":
        body = _drip(fault.delay or 30)
    else:
        text = b""
        if kind == "status":
            text = json.dumps({"error": {"message": fault.message}}).encode(fault.encoding)
        elif kind == "json":
            text = json.dumps(fault.body).encode(fault.encoding)
        elif kind == "html":
            page = f"<!doctype html><title>{status}</title><h1>{status}</h1><p>upstream-7 is resting</p>"
            text = page.encode(fault.encoding)
        elif kind == "redirect":
            headers["Location"] = fault.location
        elif kind == "bomb":
            headers["Content-Encoding"] = "gzip"
            text = _bomb(fault.size)
        headers["Content-Length"] = str(len(text))
        body = [text]
    start_response(_status_line(status), [*(headers | fault.headers).items()])
    return body


def _respond_twisted(
    fault: Fault, application: Application, environ: Environ, start_response: StartResponse
) -> list[bytes]:
    """The application's response, changed if it is JSON."""
    begun: list[Any] = []
    answer = application(environ, lambda *args: begun.extend(args))
    text = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    status, headers = begun[0], {name: value for name, value in begun[1] if name.lower() != "content-length"}
    with contextlib.suppress(ValueError):
        text = json.dumps(TWISTS[fault.twist](json.loads(text))).encode(fault.encoding)
    start_response(status, [*(headers | fault.headers | {"Content-Length": str(len(text))}).items()])
    return [text]


def with_faults(application: Application) -> Application:
    """WSGI middleware that injects faults. Control endpoints are exempt."""

    def run(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        fault = None if path.startswith("/_sandbox/") else take(environ["REQUEST_METHOD"], path)
        if fault is None:
            return application(environ, start_response)
        if fault.delay and fault.kind not in ("drip", "head"):
            time.sleep(min(fault.delay, 60))
        if fault.kind == "delay":
            return application(environ, start_response)
        if fault.kind == "twist":
            return _respond_twisted(fault, application, environ, start_response)
        if fault.apply:
            answer = application(environ, lambda *args: None)
            for _ in answer:
                pass
            if hasattr(answer, "close"):
                answer.close()
            time.sleep(min(fault.linger, 60))
        return respond(fault, environ, start_response)

    return run
