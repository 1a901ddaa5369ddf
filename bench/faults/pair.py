"""One portal with its own sandbox, and the requests that it gets under one fault after the other."""

from __future__ import annotations

import secrets
import signal
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.faults.judge import complaints
from bench.faults.kinds import CANARIES, CLOSED, KINDS, Kind
from bench.faults.rows import READS, Row, of_changes
from bench.visitor import Response, Visitor
from tests.change_examples import arrived, changes
from tests.portal_server import PortalServer
from tests.servers import SandboxServer
from tools.processes import Failed, poll

TIMEOUTS = (0.3, 1.0, 1.5, 5.0)
"""The portal's, divided by ten; the last is longer, since the machine is busy too."""
AT_ONCE = 4
PREFIX = "/api/v1/organization"
SETTINGS = "bench.faults.settings"
MODES = {"page": False, "htmx": True}


@dataclass
class Found:
    """Results under one fault. `met`: operation and mode of the requests whose call met it."""

    wrong: list[str] = field(default_factory=list)
    responses: Counter[int] = field(default_factory=Counter)
    met: set[tuple[str, str]] = field(default_factory=set)
    written: int = 0
    slowest: float = 0.0


class Pair:
    def __init__(self, folder: Path, stop: threading.Event) -> None:
        self.folder, self._stop, self.within = folder, stop, TIMEOUTS[-1]
        folder.mkdir()
        self.sandbox = SandboxServer("--threads", "48", folder=folder)
        try:
            self.portal = PortalServer(
                self.sandbox,
                threads=24,
                settings=SETTINGS,
                extra={"PLATFORM_API_TIMEOUTS": ",".join(map(str, TIMEOUTS)), "SIGN_IN_LIMITS": "1000,100000,1"},
            )
        except BaseException:
            self.sandbox.stop()
            raise
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._changes = of_changes(changes(self.sandbox))
        self.profile = self.sandbox.get("/user/profile").json()

    def stop(self) -> list[str]:
        """Stops both; returns what must not be in the portal's log."""
        self._pool.shutdown(cancel_futures=True)
        log = self.portal.log()
        try:
            self.portal.stop()
        finally:
            self.sandbox.stop()
        wrong = [f"the portal's log has {canary}" for canary in CANARIES if canary in log]
        if "Traceback" in log:
            at = log.index("Traceback")
            wrong.append(f"the portal's log has a traceback:\n{log[max(0, at - 300) : at + 3000]}")
        return wrong

    def under(self, name: str) -> Found:
        """Every operation, as a page and by htmx, under this fault."""
        kind, found = KINDS[name], Found()
        self.sandbox.reset()
        # New sessions have nothing in a cache.
        visitors = {mode: Visitor.signed_in(self.portal.url) for mode in MODES}
        if kind.fault["kind"] == CLOSED:
            self._closed(kind, visitors, found)
            return found
        for wave in sorted({row.wave for row in READS}):
            rows = [row for row in READS if row.wave == wave]
            self._wave(kind, [(row, mode) for row in rows for mode in MODES], visitors, found)
        for mode in MODES:
            self.sandbox.reset()
            self._wave(kind, [(row, mode) for row in self._changes], visitors, found)
        self._alone(kind, visitors, found)
        return found

    def _alone(self, kind: Kind, visitors: dict[str, Visitor], found: Found) -> None:
        """Repeats, each alone, the requests that failed at another operation's fault before their own call."""
        for mode in MODES:
            for row in READS + self._changes:
                if (row.operation, mode) not in found.met:
                    self.sandbox.reset()
                    self._wave(kind, [(row, mode)], visitors, found)

    def _closed(self, kind: Kind, visitors: dict[str, Visitor], found: Found) -> None:
        port = self.sandbox.url.rsplit(":", 1)[1]
        self.sandbox.stop(signal.SIGTERM)
        try:
            for row, mode, response in self._all(
                [(row, mode) for row in READS + self._changes for mode in MODES], visitors
            ):
                found.met.add((row.operation, mode))
                self._judged(kind, row, mode, response, [], found)
        finally:
            self.sandbox = SandboxServer("--threads", "48", "--port", port, folder=self.folder)

    def _wave(self, kind: Kind, asked: list[tuple[Row, str]], visitors: dict[str, Visitor], found: Found) -> None:
        if self._stop.is_set():
            raise Failed("asked to stop")
        own = (
            {id(each): Visitor.signed_in(self.portal.url) for each in asked if not each[0].sign_in} if kind.ends else {}
        )
        for row in {row.call: row for row, _ in asked}.values():
            self._break(kind, row)
        self.sandbox.clear_requests()
        responses = [*self._all(asked, visitors, own)]
        calls = self._finished_calls()
        self.sandbox.clear_faults()
        by_request: dict[str, list[dict[str, Any]]] = {}
        for call in calls:
            by_request.setdefault(call["request_id"], []).append(call)
        for row, mode, response in responses:
            mine = by_request.get(response.request_id, [])
            path = row.call[1] if row.call[1].startswith("/oauth2") else PREFIX + row.call[1]
            if any((call["method"], call["path"]) == (row.call[0], path) for call in mine):
                found.met.add((row.operation, mode))
            self._judged(kind, row, mode, response, mine, found)

    def _break(self, kind: Kind, row: Row) -> None:
        method, path = row.call
        fault = dict(kind.fault)
        if fault["kind"] == "redirect" and fault["location"].startswith("/"):
            fault["location"] = PREFIX + path
        self.sandbox.fault(path, fault.pop("kind"), method=method, **fault)
        if row.operation == "get_own_organization":
            nameless = self.profile | {"orgName": None}
            self.sandbox.fault("/user/profile", "json", body=nameless)

    def _finished_calls(self) -> list[dict[str, Any]]:
        """All calls, also those that the portal no longer waits for: they may still change something."""
        for _ in poll(20, every=0.1):
            calls = self.sandbox.requests()
            if all(call["status"] is not None for call in calls):
                break
        return calls

    def _all(
        self,
        asked: Iterable[tuple[Row, str]],
        visitors: dict[str, Visitor],
        own: dict[int, Visitor] | None = None,
    ) -> Iterator[tuple[Row, str, Response]]:
        def one(each: tuple[Row, str]) -> tuple[Row, str, Response]:
            row, mode = each
            if row.sign_in:
                return row, mode, Visitor(self.portal.url).sign_in(htmx=MODES[mode])
            visitor = (own or {}).get(id(each)) or visitors[mode]
            form = None if row.form is None else row.form | {"idempotency_key": secrets.token_urlsafe(16)}
            if form and row.operation == "create_device":
                form["name"] = (
                    f"Faults {secrets.token_hex(8)}"  # the form asks first about a name whose outcome is unknown
                )
            return row, mode, visitor.ask(row.page, form=form, htmx=MODES[mode])

        return self._pool.map(one, asked)

    def _judged(
        self, kind: Kind, row: Row, mode: str, response: Response, calls: list[dict[str, Any]], found: Found
    ) -> None:
        found.responses[response.status] += 1
        found.slowest = max(found.slowest, response.seconds)
        wrong = [*complaints(row, kind, response, calls, self.within)]
        if row.change and kind.fault["kind"] != CLOSED:
            sent = arrived(self.sandbox, row.change)
            found.written += sent
            if sent > (2 if kind.ends else 1):
                wrong.append(f"sent {sent} times")
            to = response.headers.get("Location", "") + response.headers.get("HX-Redirect", "")
            succeeded = bool(to) and "/receipt/" not in to and "/sign-in/" not in to  # a receipt may come first
            tellable = not row.change.kind.proven_by_reply
            if succeeded and tellable and not row.change.made(self.sandbox):
                wrong.append("shown as made, which it was not")
        found.wrong += [f"{row.operation}, {mode}: {words}" for words in wrong]
