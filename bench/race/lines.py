"""Requests that are let go at once, each on a connection of its own that is open before."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from tools.processes import Failed

PATIENCE = 60.0
"""Seconds for any one step. Nothing here takes as long; what does has hung."""
HTMX = {"HX-Request": "true"}


@dataclass(frozen=True)
class Answer:
    """`status` 0: the connection was cut. `seconds`: from the moment the request was let go."""

    status: int
    seconds: float
    worker: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def asks_to_sign_in(self) -> bool:
        """The two ways of saying it: to a page and to htmx."""
        to_sign_in = self.status == 302 and self.headers.get("Location", "").startswith("/sign-in/")
        return to_sign_in or (self.status == 401 and self.headers.get("HX-Retarget") == "#session-banner")


class Line:
    """A kept-open connection. `worker` is the process at its other end, which stays the same."""

    def __init__(self, url: str, cookies: str) -> None:
        self._cookies = cookies
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
        self.worker = 0
        answer = self.ask("/race/worker/")
        if answer.status != 200:
            self.close()
            raise Failed(f"{url} does not take the session's cookie: status {answer.status}")
        self.worker = int(answer.body)

    def ask(self, path: str, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None) -> Answer:
        """GET, or POST of `form`."""
        sent = {"Cookie": self._cookies, **(headers or {})}
        body = None
        if form is not None:
            body = urlencode(form)
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        begun = time.monotonic()
        try:
            self._connection.request("GET" if form is None else "POST", path, body, sent)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return Answer(0, time.monotonic() - begun, self.worker)
        return Answer(answer.status, time.monotonic() - begun, self.worker, dict(answer.getheaders()), content)

    def close(self) -> None:
        self._connection.close()


class Volley:
    """`count` requests for `path`, evenly over `urls`: connected when this returns, sent at `go`, read at `answers`.

    With `htmx` every second one asks as htmx does.
    """

    def __init__(self, urls: Sequence[str], cookies: str, path: str, count: int, *, htmx: bool = False) -> None:
        self._connected, self._gate = threading.Barrier(count + 1), threading.Barrier(count + 1)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="volley")
        self.workers: list[int] = []

        def one(number: int) -> Answer:
            try:
                line = Line(urls[number % len(urls)], cookies)
            except BaseException:
                self._connected.abort()
                raise
            self.workers.append(line.worker)
            try:
                self._connected.wait(PATIENCE)
                self._gate.wait(PATIENCE)
                return line.ask(path, HTMX if htmx and number % 2 else None)
            finally:
                line.close()

        self._futures = [self._pool.submit(one, number) for number in range(count)]
        try:
            self._connected.wait(PATIENCE)
        except threading.BrokenBarrierError:
            self._pool.shutdown(wait=False, cancel_futures=True)
            raised = [future.exception() for future in self._futures if future.done() and not future.cancelled()]
            words = next((str(error) for error in raised if isinstance(error, Failed)), "the server takes too long")
            raise Failed(f"not all {count} connections could be opened: {words}") from None

    def go(self) -> Volley:
        self._gate.wait(PATIENCE)
        return self

    def answers(self) -> list[Answer]:
        found = [future.result(PATIENCE) for future in self._futures]
        self._pool.shutdown()
        return found
