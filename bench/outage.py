"""The platform gone for a while under load: `python -m bench.outage [--seconds N] [--way NAME]...`.

Twenty people work while the platform refuses connections, or accepts them and never responds. Once the circuit breaker
is open, pages are quick, say what is wrong and show cached responses; the portal's own pages work all the time; and
when the platform is back, everything works again without a restart.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from bench.faults.judge import MISTAKE, SENTENCES  # noqa: E402
from bench.visitor import Response, Visitor  # noqa: E402
from tests.portal_server import PortalServer  # noqa: E402
from tests.servers import SandboxServer  # noqa: E402
from tools.processes import Failed  # noqa: E402

PEOPLE, SESSIONS = 20, 5
WARM, AFTER = 6.0, 22.0
"""Seconds of load before the outage, and after it."""
PAUSE = 1.0
"""Seconds between two pages of one person."""
QUICK, BACK = 1.0, 15.0
"""Limits in seconds: the 95th percentile of a page while the breaker is open, and the time until full service."""
OPEN = ("The platform has not been answering", "The platform is not answering.", "It is tried again at")
OLD = ("As of ", *OPEN)
PAGES = ("/devices/", "/devices/3/", "/devices/3/timeline/", "/devices/3/tags/", "/devices/?q=cold", "/devices/recent/")
OWN = ("/audit/", "/preferences/", "/about/", "/sessions/")
RENAMED = range(20, 23)
"""Devices that are renamed all the time."""
WAYS = ("refuses", "is silent")
STOP = threading.Event()


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Visit(NamedTuple):
    """`at`: monotonic seconds of the request."""

    at: float
    page: str
    response: Response
    written: bool = False

    @property
    def open(self) -> bool:
        return any(words in self.response.words for words in OPEN)

    @property
    def good(self) -> bool:
        fine = self.response.status in (200, 303)
        return fine and not any(words in self.response.words for words in (*OLD, *SENTENCES[:-1]))


class Outage:
    def __init__(self, way: str, folder: Path, seconds: float) -> None:
        self.way, self.folder, self.seconds = way, folder, seconds
        self.wrong: list[str] = []
        self.visits: list[Visit] = []
        self.calls: list[dict[str, Any]] = []
        self.over = threading.Event()

    def say(self, words: str, *, wrong: bool = False) -> None:
        print(f"  {'WRONG: ' if wrong else ''}{words}", flush=True)
        if wrong:
            self.wrong.append(words)

    def run(self) -> None:
        self.sandbox = SandboxServer("--threads", "64", folder=self.folder)
        try:
            self.portal = PortalServer(self.sandbox, threads=32)
            try:
                self._load()
            finally:
                log = self.portal.log()
                self.portal.stop()
        finally:
            self._signal(signal.SIGCONT)
            self.sandbox.stop()
        if "Traceback" in log:
            self.say(f"the portal's log has a traceback:\n{log[log.index('Traceback') :][:3000]}", wrong=True)

    def _load(self) -> None:
        sessions = [Visitor.signed_in(self.portal.url, ("admin", "support")[n % 2]) for n in range(SESSIONS)]
        workers = self._workers()
        jobs = [(self._person, (sessions[n % SESSIONS], n)) for n in range(PEOPLE)]
        jobs += [(self._writer, (sessions[0], device)) for device in RENAMED]
        threads = [threading.Thread(target=job, args=given) for job, given in jobs]
        for thread in threads:
            thread.start()
        try:
            STOP.wait(WARM)
            gone = time.monotonic()
            self._stop()
            STOP.wait(self.seconds)
            self._start()
            back = time.monotonic()
            STOP.wait(AFTER)
        finally:
            self.over.set()
            for thread in threads:
                thread.join()
        self.calls += self.sandbox.requests()
        if not STOP.is_set():
            self._judge(gone, back)
            if self._workers() != workers:
                self.say(f"the portal's processes were {workers} and are {self._workers()}", wrong=True)

    def _workers(self) -> list[int]:
        return children(self.portal.pid)

    def _signal(self, number: signal.Signals) -> None:
        """To the sandbox and its worker. The kernel still accepts connections on its port."""
        with suppress(ProcessLookupError, FileNotFoundError):
            for pid in (self.sandbox.pid, *children(self.sandbox.pid)):
                os.kill(pid, number)

    def _stop(self) -> None:
        if self.way == "is silent":
            self._signal(signal.SIGSTOP)
            return
        self.calls += self.sandbox.requests()  # the record ends with the process
        self.port = self.sandbox.url.rsplit(":", 1)[1]
        self.sandbox.stop(signal.SIGKILL)

    def _start(self) -> None:
        if self.way == "is silent":
            self._signal(signal.SIGCONT)
        else:
            self.sandbox = SandboxServer("--threads", "64", "--port", self.port, folder=self.folder)

    # --- people -------------------------------------------------------------------------------------------------------

    def _person(self, visitor: Visitor, number: int) -> None:
        choose = random.Random(number)
        self.over.wait(choose.random() * PAUSE)
        while not self.over.is_set():
            page = choose.choice(OWN if number % 5 == 0 else PAGES)
            at = time.monotonic()
            self.visits.append(Visit(at, page, visitor.ask(page)))
            self.over.wait(PAUSE)

    def _writer(self, visitor: Visitor, device: int) -> None:
        page, number = f"/devices/{device}/rename/", 0
        while not self.over.is_set():
            number += 1
            form = {"name": f"Outage {device} {number}", "idempotency_key": secrets.token_urlsafe(16)}
            at = time.monotonic()
            self.visits.append(Visit(at, page, visitor.ask(page, form=form), written=True))
            self.over.wait(2 * PAUSE)

    # --- checks ---------------------------------------------------------------------------------------------

    def _judge(self, gone: float, back: float) -> None:
        during = [visit for visit in self.visits if gone <= visit.at < back]
        after = [visit for visit in self.visits if visit.at >= back]
        explained = [
            visit.at + visit.response.seconds
            for visit in self.visits
            if visit.open and visit.at + visit.response.seconds > gone
        ]
        opened = min(explained, default=back)
        self.say(f"the portal noticed after {opened - gone:.1f} s", wrong=opened >= back)
        times = [visit.response.seconds for visit in during if visit.at >= opened and not visit.written]
        p95 = quantiles(times, n=20)[18] if len(times) > 1 else 99.0
        words = f"from then on {len(times)} pages, 95 % of them within {p95:.2f} s (at most {QUICK:.0f})"
        self.say(f"{words}, the slowest {max(times, default=0):.1f} s", wrong=p95 > QUICK)
        self._check_pages(during)
        late = [visit for visit in after if not visit.good]
        needed = max((visit.at + visit.response.seconds - back for visit in late), default=0.0)
        enough = any(visit.at > back + needed for visit in after)
        self.say(
            f"full service {needed:.1f} s after its return (at most {BACK:.0f})", wrong=needed > BACK or not enough
        )
        if needed > BACK:
            self.say(f"the last without it: {late[-1].page}: {late[-1].response.words[-300:]}", wrong=True)
        self._sent_once()

    def _check_pages(self, during: list[Visit]) -> None:
        responses = Counter(visit.response.status for visit in during)
        self.say(
            "meanwhile " + ", ".join(f"{count} x {status or 'cut'}" for status, count in sorted(responses.items()))
        )
        for visit in during:
            status, words = visit.response.status, visit.response.words
            explained = any(sentence in words for sentence in (*SENTENCES, *OLD))
            if visit.page in OWN and status != 200:
                self.say(f"{visit.page}: status {status}: {words[:200]}", wrong=True)
            elif status in (0, 500) or MISTAKE in words or (status >= 400 and not explained):
                self.say(f"{visit.page}: status {status}: {words[-300:]}", wrong=True)

    def _sent_once(self) -> None:
        sent = Counter(call["request_id"] for call in self.calls if call["method"] == "PUT")
        pressed = [visit for visit in self.visits if visit.written]
        made = sum(visit.response.status == 303 for visit in pressed)
        twice = sum(count > 1 for count in sent.values())
        words = f"{len(pressed)} changes were submitted: {sent.total()} arrived, {made} were shown as confirmed"
        # Calls between the last read of the record and the end of the sandbox are not in it.
        lost = 2 * len(RENAMED) if self.way == "refuses" else 0
        self.say(f"{words}, {twice} arrived twice", wrong=bool(twice) or made > sent.total() + lost or not made)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=60, help="how long the platform is gone (%(default)s)")
    parser.add_argument("--way", action="append", choices=WAYS, help="both; may be repeated")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: STOP.set())
    begun, wrong = time.monotonic(), 0
    for way in options.way or WAYS:
        if STOP.is_set():
            break
        print(f"outage, the platform {way} for {options.seconds:.0f} s under {PEOPLE} people:", flush=True)
        with tempfile.TemporaryDirectory(prefix="outage-") as folder:
            outage = Outage(way, Path(folder), options.seconds)
            try:
                outage.run()
            except Failed as error:
                outage.say(str(error), wrong=True)
            wrong += len(outage.wrong)
    print(f"outage: {wrong} wrong, {time.monotonic() - begun:.0f} s", flush=True)
    return 1 if wrong or STOP.is_set() else 0


if __name__ == "__main__":
    sys.exit(main())
