"""More load than the rate limit of an organization: `python -m bench.storm [--seconds N]`.

Fifty people open pages and poll as fast as they can, at two processes of the portal that share a Redis. First the
platform limits the rate and sends Retry-After: no call may come earlier. Then it accepts everything, and the portal's
own rate limit has to hold. Afterwards every page works again, without a restart.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from bench.faults.judge import MISTAKE, SENTENCES  # noqa: E402
from bench.visitor import Response, Visitor  # noqa: E402
from tests.portal_server import PortalServer  # noqa: E402
from tests.servers import SandboxServer  # noqa: E402
from tests.services import missing, redis_server  # noqa: E402
from tools.processes import Failed, poll  # noqa: E402

PEOPLE, SESSIONS, PROCESSES = 50, 10, 2
RATE_LIMIT = 300
"""Calls a minute, a twentieth of the usual."""
PLATFORM_LIMIT, RETRY_AFTER = 150, 10
"""The platform's own limit in the first part, and its Retry-After in seconds."""
GRACE = 1.0
"""Seconds in which the other process learns of a 429, and calls under way may still arrive."""
OLD = ("As of ", "The platform asks us to wait")
PAGES = ("/devices/", "/devices/3/", "/devices/3/timeline/", "/devices/3/tags/", "/devices/?q=cold", "/devices/3/logs/")
POLL = "/devices/recent/?minutes=60&seen=1&poll=on"
STOP = threading.Event()


@dataclass
class Seen:
    """The responses. `polls`: the request ids of polls."""

    responses: Counter[int] = field(default_factory=Counter)
    polls: set[str] = field(default_factory=set)
    explained: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, page: str, response: Response) -> None:
        with self.lock:
            self.responses[response.status] += 1
            if page == POLL:
                self.polls.add(response.request_id)
            explained = any(sentence in response.words for sentence in SENTENCES + OLD)
            self.explained += explained
            if response.status not in (200, 429, 503, 504) or MISTAKE in response.words:
                self.wrong.append(f"{page}: status {response.status}: {response.words[:200]}")
            elif response.status >= 400 and not explained:
                self.wrong.append(f"{page}: status {response.status} without a known sentence: {response.words[:200]}")

    def __str__(self) -> str:
        return ", ".join(f"{count} x {status or 'cut'}" for status, count in sorted(self.responses.items()))


class Crowd:
    def __init__(self, sessions: list[Visitor], seen: Seen, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._threads = [
            threading.Thread(target=self._person, args=[sessions[number % len(sessions)], seen, number])
            for number in range(PEOPLE)
        ]
        for thread in self._threads:
            thread.start()

    def _person(self, visitor: Visitor, seen: Seen, number: int) -> None:
        choose = random.Random(number)
        while time.monotonic() < self._ends and not STOP.is_set():
            page = POLL if number % 3 == 0 else choose.choice(PAGES)
            htmx = page == POLL or choose.random() < 0.3
            seen.note(page, visitor.ask(page, htmx=htmx))

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()


def most_in_a_minute(calls: list[dict[str, Any]]) -> int:
    """In any minute that begins with a call."""
    times = sorted(call["started"] for call in calls)
    most = first = 0
    for last, moment in enumerate(times):
        while moment - times[first] >= 60_000:
            first += 1
        most = max(most, last - first + 1)
    return most


def too_early(calls: list[dict[str, Any]], polls: set[str]) -> tuple[int, int, int]:
    """Number of 429s; of the calls before their Retry-After: those of polls, and all. Calls under way do not count."""
    refused = [call["started"] + (call["ms"] or 0) for call in calls if call["status"] == 429]
    early = [
        call
        for call in calls
        if any(moment + GRACE * 1000 < call["started"] < moment + RETRY_AFTER * 1000 for moment in refused)
    ]
    return len(refused), sum(call["request_id"] in polls for call in early), len(early)


class Storm:
    def __init__(self, sandbox: SandboxServer, portal: PortalServer, seconds: float) -> None:
        self.sandbox, self.portal, self.seconds = sandbox, portal, seconds
        self.wrong: list[str] = []

    def say(self, words: str, *, wrong: bool = False) -> None:
        print(f"  {'WRONG: ' if wrong else ''}{words}", flush=True)
        if wrong:
            self.wrong.append(words)

    def run(self) -> None:
        names = ("admin", "support")
        sessions = [Visitor.signed_in(self.portal.url, names[number % len(names)]) for number in range(SESSIONS)]
        self._cool_down(sessions)
        self._own_limit(sessions)
        self._recovered(sessions)

    def _own_limit(self, sessions: list[Visitor]) -> None:
        """Counts earlier calls too: the sandbox has recorded all of them."""
        self.sandbox.switch(org_rate_limit=0)
        seen, begun = Seen(), time.monotonic()
        Crowd(sessions, seen, self.seconds).wait()
        calls = self.sandbox.requests()
        most = most_in_a_minute(calls)
        took = time.monotonic() - begun
        words = f"{PEOPLE} people for {took:.0f} s: {seen}; at most {most} calls in a minute, the limit is {RATE_LIMIT}"
        self.say(words, wrong=most > RATE_LIMIT)
        self.say(f"{seen.explained} pages explained it", wrong=not seen.explained or most < RATE_LIMIT * 0.5)
        for words in seen.wrong[:5]:
            self.say(words, wrong=True)

    def _cool_down(self, sessions: list[Visitor]) -> None:
        self.sandbox.switch(org_rate_limit=PLATFORM_LIMIT, retry_after=RETRY_AFTER)
        self.sandbox.clear_requests()
        seen = Seen()
        Crowd(sessions, seen, self.seconds).wait()
        refused, polls, early = too_early(self.sandbox.requests(), seen.polls)
        self.say(
            f"{PEOPLE} people against {PLATFORM_LIMIT} calls a minute, Retry-After {RETRY_AFTER} s: {seen}; {refused} x"
            f" 429; sent too early: {polls} polls, {early} calls in all; {seen.explained} pages explained it",
            wrong=bool(polls or early or not refused or not seen.explained),
        )
        for words in seen.wrong[:5]:
            self.say(words, wrong=True)

    def _recovered(self, sessions: list[Visitor]) -> None:
        begun = time.monotonic()
        for _ in poll(90, every=1.0):
            responses = [visitor.ask("/devices/3/tags/") for visitor in sessions]
            if STOP.is_set() or all(a.status == 200 and not any(old in a.words for old in OLD) for a in responses):
                break
        else:
            self.say(f"some pages still fail: {[response.status for response in responses]}", wrong=True)
        self.say(f"all pages work again after {time.monotonic() - begun:.0f} s, without a restart")
        if "Traceback" in self.portal.log():
            log = self.portal.log()
            self.say(f"the portal's log has a traceback:\n{log[log.index('Traceback') :][:3000]}", wrong=True)


def storm(folder: Path, seconds: float) -> Iterator[str]:
    """Yields what went wrong."""
    with redis_server(folder) as redis:
        sandbox = SandboxServer("--threads", "64")
        try:
            portal = PortalServer(
                sandbox,
                redis_url=redis,
                workers=PROCESSES,
                threads=32,
                extra={"PLATFORM_API_RATE_LIMIT": str(RATE_LIMIT)},
            )
            try:
                load = Storm(sandbox, portal, seconds)
                load.run()
                yield from load.wrong
            finally:
                portal.stop()
        finally:
            sandbox.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=90, help="for each of the two parts (%(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: STOP.set())
    if why := missing().get("stack"):
        if os.environ.get("CI"):
            print(f"storm: must run in CI: {why}", file=sys.stderr)
            return 1
        print(f"!!! LEFT OUT: the storm. {why} !!!", flush=True)
        return 0
    begun = time.monotonic()
    print("storm, two processes that share a Redis:", flush=True)
    with tempfile.TemporaryDirectory(prefix="storm-") as folder:
        try:
            wrong = [*storm(Path(folder), options.seconds)]
        except Failed as error:
            wrong = [str(error)]
            print(f"  WRONG: {error}", flush=True)
    print(f"storm: {len(wrong)} wrong, {time.monotonic() - begun:.0f} s", flush=True)
    return 1 if wrong or STOP.is_set() else 0


if __name__ == "__main__":
    sys.exit(main())
