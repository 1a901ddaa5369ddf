"""Simultaneous requests, each on its own connection that is opened before."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from bench.visitor import HTMX, TIMEOUT, Response, exchange
from tools.processes import Failed


class Line:
    """A keep-alive connection. `worker` is the server's process, which stays the same."""

    def __init__(self, url: str, cookies: str) -> None:
        self._cookies = cookies
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)
        self.worker = 0
        response = self.ask("/race/worker/")
        if response.status != 200:
            self.close()
            raise Failed(f"{url} does not take the session's cookie: status {response.status}")
        self.worker = int(response.body)

    def ask(
        self, path: str, headers: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
    ) -> Response:
        """GET, or POST of `form`."""
        return exchange(self._connection, path, {"Cookie": self._cookies, **(headers or {})}, form, self.worker)

    def close(self) -> None:
        self._connection.close()


class Volley:
    """`count` requests for `path`, evenly over `urls`: connected when this returns, sent by `go`, read by `responses`.

    With `htmx` every second one is an htmx request.
    """

    def __init__(self, urls: Sequence[str], cookies: str, path: str, count: int, *, htmx: bool = False) -> None:
        self._connected, self._gate = threading.Barrier(count + 1), threading.Barrier(count + 1)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="volley")
        self.workers: list[int] = []

        def one(number: int) -> Response:
            try:
                line = Line(urls[number % len(urls)], cookies)
            except BaseException:
                self._connected.abort()
                raise
            self.workers.append(line.worker)
            try:
                self._connected.wait(TIMEOUT)
                self._gate.wait(TIMEOUT)
                return line.ask(path, HTMX if htmx and number % 2 else None)
            finally:
                line.close()

        self._futures = [self._pool.submit(one, number) for number in range(count)]
        try:
            self._connected.wait(TIMEOUT)
        except threading.BrokenBarrierError:
            self._pool.shutdown(wait=False, cancel_futures=True)
            raised = [future.exception() for future in self._futures if future.done() and not future.cancelled()]
            words = next((str(error) for error in raised if isinstance(error, Failed)), "the server takes too long")
            raise Failed(f"not all {count} connections could be opened: {words}") from None

    def go(self) -> Volley:
        self._gate.wait(TIMEOUT)
        return self

    def responses(self) -> list[Response]:
        found = [future.result(TIMEOUT) for future in self._futures]
        self._pool.shutdown()
        return found
