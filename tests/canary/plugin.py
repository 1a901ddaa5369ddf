"""A pytest plugin, loaded by tests/conftest.py, that fails a test in which a secret leaks.

The sandbox issues recognizable tokens (`sbx-access-…`, `sbx-refresh-…`, `sbxdev…`). The plugin searches for them, the
client secret, the test keys and ID tokens

- in each response of the portal, its headers and cookies, also signed or compressed (only the response that reveals a
  device's token may contain it),
- in log records of every level, before masking,
- in the report of an unhandled exception, as Django would mail it,
- in writes to the database, and in the cache,
- in mails.

It does not see other processes. `tests/portal_server.py` checks the log and database of each server it stops.
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
    """Collects findings. It does not raise at once: the exception could be swallowed, or change the test."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.findings: dict[str, None] = {}

    def scan(self, where: str, data: str | bytes, allowed: frozenset[str] = frozenset()) -> None:
        for kind in secrets_in(data) - allowed:
            self.findings[f"{kind} in {where}"] = None

    def pop_findings(self) -> list[str]:
        """Return and clear the findings."""
        findings, self.findings = list(self.findings), {}
        return findings

    def emit(self, record: logging.LogRecord) -> None:
        try:
            content = record.getMessage()
        except Exception:  # noqa: BLE001 - a broken record is not a leak
            content = f"{record.msg!r} {record.args!r}"
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self.scan(f"the log of {record.name}", f"{content}\n{trace}")

    def scan_response(self, response: Any, request: dict[str, Any]) -> None:
        path = str(request.get("PATH_INFO"))
        what = f"{request.get('REQUEST_METHOD')} {path}"
        # An ID token is in the URL that ends the session at the provider, and in echoed requests.
        here = frozenset({"ID token"} if path.startswith(("/sign-out/", "/sso/")) else ())
        allowed = here | ({"device token"} if what.startswith("POST ") and path.endswith("/reveal-token/") else set())
        headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        self.scan(f"the headers of {what}", headers, here)
        self.scan(f"the cookies of {what}", response.cookies.output())
        unpack = {"gzip": gzip.decompress, "br": brotli.decompress}.get(response.get("Content-Encoding", ""), bytes)
        if not response.streaming:
            self.scan(f"the answer to {what}", unpack(response.content), allowed)
        elif not response.is_async:
            response.streaming_content = self._read(response.streaming_content, f"the answer to {what}", allowed)

    def _read(self, chunks: Iterable[bytes], where: str, allowed: frozenset[str]) -> Iterator[bytes]:
        end = b""
        for chunk in chunks:
            self.scan(where, end + chunk, allowed)
            end = chunk[-100:]
            yield chunk

    def exception(self, sender: Any, request: Any = None, **_: Any) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info(), is_email=True)
        self.scan("the report of an exception", reporter.get_traceback_text() + reporter.get_traceback_html())

    def statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.lstrip().upper().startswith("SELECT"):
            self.scan(f"the database: {sql[:60]}", repr(params))
        return execute(sql, params, many, context)

    def connected(self, connection: Any, **_: Any) -> None:
        if self.statement not in connection.execute_wrappers:
            connection.execute_wrappers.append(self.statement)

    def scan_stored(self) -> None:
        """Scan the cache of this process and the sent mails."""
        held = getattr(cache, "_cache", None)  # local memory's; Redis has its own test
        for key, value in list(held.items()) if isinstance(held, dict) else ():
            self.scan(f"the cache: {key}", value if isinstance(value, bytes) else repr(value))
        for message in getattr(mail, "outbox", ()):
            self.scan("a mail", message.message().as_bytes())


class SecretSeen(AssertionError):
    """A secret leaked in this test."""


class CanaryPlugin:
    """Fails a test in the phase in which a secret leaks."""

    def __init__(self) -> None:
        self.watch = Watch()
        self._request = request = Client.request
        watch = self.watch

        def watched(client: Client, **environ: Any) -> Any:
            response = request(client, **environ)
            watch.scan_response(response, environ)
            return response

        Client.request = watched  # type: ignore[method-assign]
        connection_created.connect(watch.connected)
        signals.got_request_exception.connect(watch.exception)

    def pytest_unconfigure(self) -> None:
        Client.request = self._request  # type: ignore[method-assign]
        connection_created.disconnect(self.watch.connected)
        signals.got_request_exception.disconnect(self.watch.exception)
        logging.getLogger().removeHandler(self.watch)

    def _fail_on_findings(self) -> None:
        self.watch.scan_stored()
        if findings := self.watch.pop_findings():
            raise SecretSeen("Leaked secrets:\n" + "\n".join(findings))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        root = logging.getLogger()
        if self.watch not in root.handlers:
            root.addHandler(self.watch)
        yield
        self._fail_on_findings()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        yield
        self._fail_on_findings()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        yield
        self._fail_on_findings()


def pytest_configure(config: pytest.Config) -> None:
    if settings.configured:
        config.pluginmanager.register(CanaryPlugin(), "canary-plugin")
