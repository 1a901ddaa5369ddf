"""With the portal's real timeouts: how long a slow fault delays a page, and how much memory it costs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from bench.faults.judge import MISTAKE, OLD, SENTENCES
from bench.visitor import Response, Visitor
from tests.portal_server import PortalServer
from tests.servers import SandboxServer

PAGE, CALL = 20.0, 15.0
"""The portal's limits in seconds, for a page and for a fragment with one call."""
SLACK = 1.5
"""For a busy machine, in seconds."""
MEGABYTES = 32
SLOW: dict[str, tuple[str, dict[str, Any]]] = {
    "no answer": ("delay", {"delay": 40}),
    "a head that drips": ("head", {"delay": 40}),
    "a body that drips": ("drip", {"delay": 40}),
    "a bomb": ("bomb", {"size": 50_000_000}),
}
ASKED = {
    "/device/logs": ("/devices/3/logs/", True, CALL),
    "/device": ("/devices/3/", False, PAGE),
    "/devices": ("/devices/", False, PAGE),
}
"""Path -> the page that calls it, whether by htmx, and its time limit."""


def worker_of(host: PortalServer) -> int:
    return int(Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split()[0])


def memory(pid: int, name: str) -> float:
    """In MB: "VmRSS" is now, "VmHWM" the peak since `reset_peak`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def reset_peak(pid: int) -> None:
    """Starts VmHWM anew: proc(5), clear_refs."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@contextmanager
def unaccepted_port() -> Iterator[str]:
    """The address of a port whose backlog is full: connecting never ends."""
    with ExitStack() as lines:
        busy = lines.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            line = lines.enter_context(closing(socket.socket()))
            line.setblocking(False)
            line.connect_ex(busy.getsockname())
        yield f"http://127.0.0.1:{busy.getsockname()[1]}"


class Slow:
    def __init__(self, folder: Path, stop: threading.Event) -> None:
        self._stop = stop
        self.wrong: list[str] = []
        folder.mkdir()
        self.sandbox = SandboxServer("--threads", "32", folder=folder)
        try:
            self.portal = PortalServer(self.sandbox, threads=24)
            self.visitor = Visitor.signed_in(self.portal.url)
        except BaseException:
            self.sandbox.stop()
            raise

    def stop(self) -> None:
        log = self.portal.log()
        if "Traceback" in log:
            self.wrong.append(f"the portal's log has a traceback:\n{log[log.index('Traceback') :][:3000]}")
        try:
            self.portal.stop()
        finally:
            self.sandbox.stop()

    def run(self) -> None:
        self._memory("a bomb", 1)
        self._memory("a bomb", 4)
        self._memory("a body that drips", 1)
        for name in SLOW:
            if not self._stop.is_set():
                self._times(name)
        if not self._stop.is_set():
            self._connecting()

    def say(self, words: str, *, wrong: bool) -> None:
        print(f"  {'WRONG: ' if wrong else ''}{words}", flush=True)
        if wrong:
            self.wrong.append(words)

    def _memory(self, name: str, at_once: int) -> None:
        kind, more = SLOW[name]
        pid = worker_of(self.portal)
        ask = ["/devices/3/logs/"] * at_once
        with ThreadPoolExecutor(8) as pool:
            assert all(response.status == 200 for response in pool.map(self.visitor.ask, ["/devices/3/logs/"] * 16))
            self.sandbox.fault("/device/logs", kind, **more)
            before = memory(pid, "VmRSS")
            reset_peak(pid)
            responses = [*pool.map(lambda page: self.visitor.ask(page, htmx=True), ask)]
            grown = memory(pid, "VmHWM") - before
        self.sandbox.clear_faults()
        self._check(name, responses)
        held = max(response.seconds for response in responses)
        words = f"{name}, {at_once} at once: {grown:.1f} MB more at most, a thread held for {held:.1f} s"
        self.say(words, wrong=grown > MEGABYTES * at_once or held > CALL + SLACK)

    def _check(self, name: str, responses: list[Response]) -> None:
        for response in responses:
            explained = any(sentence in response.words for sentence in (*SENTENCES, *OLD))
            if response.status not in (200, 429, 502, 503, 504) or not explained or MISTAKE in response.words:
                self.say(f"{name}: status {response.status}: {response.words[:200]}", wrong=True)

    def _times(self, name: str) -> None:
        """All pages at the same time."""
        kind, more = SLOW[name]
        for path in ASKED:
            self.sandbox.fault(path, kind, **more)
        with ThreadPoolExecutor(len(ASKED)) as pool:
            jobs = [pool.submit(self.visitor.ask, page, htmx=htmx) for page, htmx, _ in ASKED.values()]
            responses = [job.result() for job in jobs]
        self.sandbox.clear_faults()
        self._check(name, responses)
        limits = [within for _, _, within in ASKED.values()]
        late = any(response.seconds > within + SLACK for response, within in zip(responses, limits, strict=True))
        took = ", ".join(f"{response.seconds:.1f}" for response in responses)
        self.say(f"{name}, in real time: responded after {took} s", wrong=late)

    def _connecting(self) -> None:
        with unaccepted_port() as url:
            elsewhere = PortalServer(
                self.sandbox, database_url=f"sqlite:///{self.portal.database}", extra={"PLATFORM_API_URL": url}
            )
            try:
                visitor = Visitor(elsewhere.url)
                visitor.cookies = self.visitor.cookies
                response = visitor.ask("/devices/3/")
            finally:
                elsewhere.stop()
        self._check("no connection", [response])
        self.say(
            f"no connection, in real time: responded after {response.seconds:.1f} s", wrong=response.seconds > PAGE
        )
