"""Child processes that are surely ended, and what one asks about them and their machine."""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class Failed(Exception):
    """Something a person can do something about; its text is the sentence that says what."""


def poll(within: float, every: float = 0.05) -> Iterator[None]:
    """Yields until `within` seconds are over, resting `every` seconds in between; at least once."""
    end = time.monotonic() + within
    while True:
        yield
        if time.monotonic() >= end:
            return
        time.sleep(every)


def chromium_path() -> str | None:
    """Debian's name first; the others are what a developer's machine may have."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    return next((path for path in found if path), None)


def status_of(port: int, path: str = "/", headers: Mapping[str, str] | None = None, timeout: float = 5) -> int | None:
    """The status that a GET on this machine gets; None if there is no answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class Child:
    """One running command, its output in a file. Its process group is its own, so that Ctrl-C in the terminal does not
    reach it before its parent acts, and nothing it starts outlives it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        core: int | None = None,
    ) -> None:
        self.name, self.log, self.core, self.ended = name, log, core, False
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Safe here: the tools have one thread.
                preexec_fn=self._prepare if sys.platform == "linux" else None,  # noqa: PLW1509
            )

    def _prepare(self) -> None:
        """In the child, before its program starts: ends with its parent even if that is killed; keeps to its core."""
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if self.core is not None:
            os.sched_setaffinity(0, {self.core})

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def last_lines(self, count: int = 15) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
        if not lines:
            return f"It left nothing in {self.log.name}."
        return "\n".join([f"The last lines of {self.log}:", *(f"  {line}" for line in lines)])

    def end(self, grace: float = 10.0) -> None:
        """Asks it to end, after `grace` seconds makes it; then also what it started and left behind. Twice is fine."""
        if self.ended:
            return
        if self.process.poll() is None:
            self._signal_group(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(grace)
        self._signal_group(signal.SIGKILL)
        self.process.wait()
        self.ended = True  # from here on its number may belong to somebody else

    def _signal_group(self, number: int) -> None:
        # Nobody is left in the group; macOS says so of a zombie by PermissionError.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)
