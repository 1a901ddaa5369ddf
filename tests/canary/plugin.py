"""Watches the whole suite for secrets where none may be: a pytest plugin, which tests/conftest.py names.

What the sandbox issues is recognisable (`sbx-access-…`, `sbx-refresh-…`, `sbxdev…`), and so are its client's secret and
the keys of the tests, and ID tokens. A secret fails the test in which it shows up

- in an answer of the portal, its headers or its cookies, also signed or compressed (the token of one device may stand
  in the body of the answer that reveals it),
- in a log record of whatever level, before anything is masked,
- in the report of an unhandled exception, as Django would mail it,
- in what is written to the database or kept in the cache,
- in a mail.

Not seen here: other processes. `tests/portal_server.py` looks at the log and the database of each it ends.
"""

from __future__ import annotations

import gzip
import logging
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import brotli
import pytest
from django.conf import settings
from django.core import mail, signals
from django.core.cache import cache
from django.db.backends.signals import connection_created
from django.test import Client
from django.views.debug import ExceptionReporter

from tests.canary import secrets_in


class Watch(logging.Handler):
    """Collects findings. It never raises where it looks: that would be swallowed, or change what is tested."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.findings: dict[str, None] = {}

    def look(self, where: str, data: str | bytes, allowed: frozenset[str] = frozenset()) -> None:
        for kind in secrets_in(data) - allowed:
            self.findings[f"{kind} in {where}"] = None

    def taken(self) -> list[str]:
        """The findings so far; forgets them."""
        findings, self.findings = list(self.findings), {}
        return findings

    # -- logs

    def emit(self, record: logging.LogRecord) -> None:
        try:
            said = record.getMessage()
        except Exception:  # noqa: BLE001 - a broken record is somebody else's finding
            said = f"{record.msg!r} {record.args!r}"
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self.look(f"the log of {record.name}", f"{said}\n{trace}")

    # -- answers

    def answer(self, response: Any, request: dict[str, Any]) -> None:
        path = str(request.get("PATH_INFO"))
        what = f"{request.get('REQUEST_METHOD')} {path}"
        # An ID token stands in the address that ends the session at the provider, and where what was sent is echoed.
        here = frozenset({"ID token"} if path.startswith(("/sign-out/", "/sso/")) else ())
        allowed = here | ({"device token"} if what.startswith("POST ") and path.endswith("/reveal-token/") else set())
        headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        self.look(f"the headers of {what}", headers, here)
        self.look(f"the cookies of {what}", response.cookies.output())
        unpack = {"gzip": gzip.decompress, "br": brotli.decompress}.get(response.get("Content-Encoding", ""), bytes)
        if not response.streaming:
            self.look(f"the answer to {what}", unpack(response.content), allowed)
        elif not response.is_async:
            response.streaming_content = self._read(response.streaming_content, f"the answer to {what}", allowed)

    def _read(self, chunks: Iterable[bytes], where: str, allowed: frozenset[str]) -> Iterator[bytes]:
        end = b""
        for chunk in chunks:
            self.look(where, end + chunk, allowed)
            end = chunk[-100:]
            yield chunk

    # -- what stays

    def exception(self, sender: Any, request: Any = None, **_: Any) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info(), is_email=True)
        self.look("the report of an exception", reporter.get_traceback_text() + reporter.get_traceback_html())

    def statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.lstrip().upper().startswith("SELECT"):
            self.look(f"the database: {sql[:60]}", repr(params))
        return execute(sql, params, many, context)

    def connected(self, connection: Any, **_: Any) -> None:
        if self.statement not in connection.execute_wrappers:
            connection.execute_wrappers.append(self.statement)

    def kept(self) -> None:
        """The cache of this process, and the mails that were sent."""
        held = getattr(cache, "_cache", None)  # local memory's; Redis has its own test
        for key, value in list(held.items()) if isinstance(held, dict) else ():
            self.look(f"the cache: {key}", value if isinstance(value, bytes) else repr(value))
        for message in getattr(mail, "outbox", ()):
            self.look("a mail", message.message().as_bytes())


class SecretSeen(AssertionError):
    """A secret stands where this test looked, or where it wrote."""


class CanaryKeeper:
    """The hooks of pytest: what a test shows or keeps fails it, in the phase in which it happens."""

    def __init__(self) -> None:
        self.watch = Watch()
        self._request = request = Client.request
        watch = self.watch

        def watched(client: Client, **environ: Any) -> Any:
            response = request(client, **environ)
            watch.answer(response, environ)
            return response

        Client.request = watched  # type: ignore[method-assign]
        connection_created.connect(watch.connected)
        signals.got_request_exception.connect(watch.exception)

    def pytest_unconfigure(self) -> None:
        Client.request = self._request  # type: ignore[method-assign]
        connection_created.disconnect(self.watch.connected)
        signals.got_request_exception.disconnect(self.watch.exception)
        logging.getLogger().removeHandler(self.watch)

    def _judge(self) -> None:
        self.watch.kept()
        if findings := self.watch.taken():
            raise SecretSeen("Secrets where none may be:\n" + "\n".join(findings))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        root = logging.getLogger()
        if self.watch not in root.handlers:
            root.addHandler(self.watch)
        yield
        self._judge()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        yield
        self._judge()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        yield
        self._judge()


def pytest_configure(config: pytest.Config) -> None:
    if settings.configured:
        config.pluginmanager.register(CanaryKeeper(), "canary-keeper")
