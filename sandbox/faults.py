"""Answers as they come when something is broken: set for a path by `POST /_sandbox/faults`, gone after `times` calls.

A fault is a JSON object:

    path         the path it is for; with a `*` at its end all that begin so. "*" means every path
    method       GET, POST ...; absent: any
    kind         status    `status` (default 500) with the nested error; `message` is its text
                 empty     `status` (default 200) with no body
                 html      `status` (default 502) with a page of HTML
                 json      `status` (default 200) with `body` as it is
                 redirect  `status` (default 308), empty, with `location`
                 cut       the body ends in its middle and the connection closes
                 drop      the connection closes without an answer
                 drip      headers, then a byte each half second, for `delay` seconds (default 30)
                 bomb      `size` bytes (default 50,000,000) of blanks, compressed by gzip
                 delay     nothing but the delay: the ordinary answer follows
    delay        seconds before anything else, at most 60
    times        for how many calls; absent: until it is deleted
    skip         how many calls to let through first
    retry_after  the header's value, as it is (seconds or a date)
    apply        true: the call is carried out and only its answer is lost to the fault
    linger       with apply: seconds from then to the fault, at most 60
"""

from __future__ import annotations

import errno
import json
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

KINDS = ("status", "empty", "html", "json", "redirect", "cut", "drop", "drip", "bomb", "delay")
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

    def fits(self, method: str, path: str) -> bool:
        if self.method is not None and self.method != method:
            return False
        return path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path


_faults: list[Fault] = []
_lock = threading.Lock()


def read(data: object) -> Fault:
    """A fault out of JSON; raises ValueError with a sentence."""
    if not isinstance(data, dict):
        raise ValueError("A fault is an object.")
    unknown = set(data) - {field.name for field in fields(Fault)}
    if unknown:
        raise ValueError(f"A fault has no {', '.join(sorted(unknown))}.")
    if not isinstance(data.get("path"), str) or data.get("kind") not in KINDS:
        raise ValueError(f"A fault needs a path, and a kind: one of {', '.join(KINDS)}.")
    for name, least in (("delay", 0), ("linger", 0), ("skip", 0), ("size", 0), ("status", 100), ("times", 1)):
        value = data.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
            raise ValueError(f"{name} is a number of at least {least}.")
    return Fault(**data)


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
    """The first fault for this call, counted down."""
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


def _broken_off() -> OSError:
    """What the server takes for a client that is gone: it closes the connection and says nothing."""
    return ConnectionResetError(errno.ECONNRESET, "cut by a fault")


def _cut() -> Iterator[bytes]:
    yield b'{"content":[{"id":1,"name":"Boil'
    raise _broken_off()


def _drip(seconds: float) -> Iterator[bytes]:
    yield b"{"
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.5)
        yield b" "
    yield b"}"


def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * 1_000_000
    parts = [packer.compress(block) for _ in range(size // len(block))]
    return b"".join([packer.compress(b"{"), *parts, packer.compress(b"}"), packer.flush()])


def respond(fault: Fault, start_response: StartResponse) -> Iterable[bytes]:
    """The broken answer; raises OSError where there is to be none."""
    kind = fault.kind
    if kind == "drop":
        raise _broken_off()
    status = int(fault.status or _DEFAULT_STATUS.get(kind, 200))
    headers = [("Content-Type", "text/html" if kind == "html" else "application/json")]
    if fault.retry_after is not None:
        headers.append(("Retry-After", str(fault.retry_after)))
    body: Iterable[bytes]
    if kind == "cut":
        headers.append(("Content-Length", "4096"))
        body = _cut()
    elif kind == "drip":
        body = _drip(fault.delay or 30)
    else:
        text = b""
        if kind == "status":
            text = json.dumps({"error": {"message": fault.message}}).encode()
        elif kind == "json":
            text = json.dumps(fault.body).encode()
        elif kind == "html":
            text = f"<!doctype html><title>{status}</title><h1>{status}</h1><p>upstream-7 is resting</p>".encode()
        elif kind == "redirect":
            headers.append(("Location", fault.location))
        elif kind == "bomb":
            headers.append(("Content-Encoding", "gzip"))
            text = _bomb(fault.size)
        headers.append(("Content-Length", str(len(text))))
        body = [text]
    start_response(_status_line(status), headers)
    return body


def guarded(application: Application) -> Application:
    """The application with its faults in front. Control end points never fail."""

    def run(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        fault = None if path.startswith("/_sandbox/") else take(environ["REQUEST_METHOD"], path)
        if fault is None:
            return application(environ, start_response)
        if fault.delay and fault.kind != "drip":
            time.sleep(min(fault.delay, 60))
        if fault.kind == "delay":
            return application(environ, start_response)
        if fault.apply:
            answer = application(environ, lambda *args: None)
            for _ in answer:
                pass
            if hasattr(answer, "close"):
                answer.close()
            time.sleep(min(fault.linger, 60))
        return respond(fault, start_response)

    return run
