"""One round: simultaneous requests with an expired token, and what must hold afterwards."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.race.lines import Line, Volley
from bench.race.subjects import Subject
from bench.visitor import TIMEOUT, Response
from tests.servers import SandboxServer
from tools.processes import Failed, poll

TOKEN = "/oauth2/token"
TOKEN_CALL = 0.4
"""Seconds that the platform takes for a refresh: long enough for all requests to arrive meanwhile."""
WRITER_EVERY = 16
"""One slow writer of the session for so many requests."""


class Platform:
    """The sandbox, and its record of the refresh tokens."""

    def __init__(self, folder: Path) -> None:
        self._database = folder / "sandbox.sqlite3"
        self.server = SandboxServer("--threads", "32", folder=folder)
        # The strictest rules: a second use ends the token family, and a refresh ends the older access tokens.
        self.server.switch(refresh_reuse="family", refresh_ends_access=True)

    def slow_token_call(self, seconds: float = TOKEN_CALL) -> None:
        self.server.clear_faults()
        self.server.fault(TOKEN, "delay", delay=seconds)

    def token_calls(self) -> list[dict[str, Any]]:
        return [entry for entry in self.server.requests() if entry["path"] == TOKEN]

    def until_token_call(self, answered: int | None = None) -> None:
        """Until a refresh is under way, or `answered` with this status."""
        for _ in poll(TIMEOUT, every=0.02):
            if any(answered is None or call["status"] == answered for call in self.token_calls()):
                return
        raise Failed("there was no refresh")

    def is_current(self, refresh_token: str) -> bool:
        """Whether the platform still accepts it."""
        digest = hashlib.sha256(refresh_token.encode()).hexdigest()
        connection = sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=20)
        try:
            sql = "SELECT count(*) FROM sandbox_token WHERE digest = ? AND refresh AND used_at = 0"
            return connection.execute(sql, [digest]).fetchone()[0] == 1
        finally:
            connection.close()


@dataclass
class Found:
    """Results of one round or several."""

    requests: int = 0
    refreshes: list[int] = field(default_factory=list)
    failed: Counter[int] = field(default_factory=Counter)
    reused: int = 0
    stale: int = 0
    slowest: float = 0.0
    workers: set[int] = field(default_factory=set)

    def __add__(self, other: Found) -> Found:
        return Found(
            self.requests + other.requests,
            self.refreshes + other.refreshes,
            self.failed + other.failed,
            self.reused + other.reused,
            self.stale + other.stale,
            max(self.slowest, other.slowest),
            self.workers | other.workers,
        )

    @property
    def fine(self) -> bool:
        """Exactly one refresh a round, and no request failed."""
        return set(self.refreshes) == {1} and not (self.failed or self.reused or self.stale)

    def __str__(self) -> str:
        failed = ", ".join(f"{count} x {status or 'cut'}" for status, count in sorted(self.failed.items()))
        return (
            f"{len(self.refreshes)} rounds, {self.requests} requests from {len(self.workers)} processes: "
            f"{sum(self.refreshes)} refreshes (most in a round {max(self.refreshes, default=0)}), "
            f"{self.failed.total()} failed{f' ({failed})' if failed else ''}, {self.reused} re-used, "
            f"{self.stale} stale rows; slowest answer {self.slowest:.1f} s"
        )


@contextmanager
def slow_writers(subject: Subject, count: int) -> Iterator[Callable[[], list[Response]]]:
    """Requests that have read the session when this begins and save it when the yielded function is called."""
    for left in subject.folder.iterdir():
        left.unlink()
    lines = [Line(subject.urls[number % len(subject.urls)], subject.cookies) for number in range(count)]
    with ThreadPoolExecutor(max(count, 1)) as pool:
        futures = [pool.submit(line.ask, "/race/slow-writer/") for line in lines]
        for _ in poll(TIMEOUT, every=0.02):
            if len(list(subject.folder.glob("writer-*"))) == count:
                break
        else:
            raise Failed("the slow writers did not start")

        def finish() -> list[Response]:
            (subject.folder / "go").touch()
            return [future.result(TIMEOUT) for future in futures]

        try:
            yield finish
        finally:
            finish()
            for line in lines:
                line.close()


def race(platform: Platform, subject: Subject, count: int, expire: Callable[[], object]) -> Found:
    """`count` simultaneous requests just after `expire`, and a slow writer of the session for every sixteenth."""
    volley = Volley(subject.urls, subject.cookies, subject.page, count)
    with slow_writers(subject, count // WRITER_EVERY) as finish:
        platform.server.clear_requests()
        expire()
        responses = volley.go().responses()
        responses += finish()
    return judge(platform, subject, responses)


def judge(platform: Platform, subject: Subject, responses: Sequence[Response]) -> Found:
    calls = platform.token_calls()
    return Found(
        requests=len(responses),
        refreshes=[sum(call["grant"] == "refresh_token" for call in calls)],
        failed=Counter(response.status for response in responses if response.status != 200),
        reused=sum(call["reused"] for call in calls),
        stale=0 if platform.is_current(subject.refresh_token()) else 1,
        slowest=max(response.seconds for response in responses),
        workers={response.worker for response in responses},
    )


def rounds(platform: Platform, subject: Subject, count: int, number: int) -> Found:
    """`number` rounds of each kind: expired by time, and upstream only, where each first gets a 401."""
    platform.slow_token_call()
    found = Found()
    for _ in range(number):
        for expire in (subject.expire, platform.server.expire_tokens):
            one = race(platform, subject, count, expire)
            found += one
            if not one.fine:
                subject.sign_in()  # the next round is independent
    return found
