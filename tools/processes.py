"""Child processes that always end, and helpers to check on them."""

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
    """A failure that a person can fix; its text says how."""


def poll(within: float, every: float = 0.05) -> Iterator[None]:
    """Yield at least once, then every `every` seconds until `within` seconds have passed."""
    end = time.monotonic() + within
    while True:
        yield
        if time.monotonic() >= end:
            return
        time.sleep(every)


def chromium_path() -> str | None:
    """Debian's name first, then other common names."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))
    return next((path for path in found if path), None)


def status_of(port: int, path: str = "/", headers: Mapping[str, str] | None = None, timeout: float = 5) -> int | None:
    """The status of a GET request to this machine; None without a response."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class Child:
    """A running command with its output in a file. It has its own process group, so that Ctrl-C in the terminal reaches
    only its parent, and everything it starts ends with it."""

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
                # Safe: the tools have one thread.
                preexec_fn=self._prepare if sys.platform == "linux" else None,  # noqa: PLW1509
            )

    def _prepare(self) -> None:
        """Runs in the child before its program: end with the parent even if that is killed; stay on the core."""
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if self.core is not None:
            os.sched_setaffinity(0, {self.core})

    def exit_code(self) -> int | None:
        """None while running."""
        return self.process.poll()

    def last_lines(self, count: int = 15) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]
        if not lines:
            return f"{self.log.name} is empty."
        return "\n".join([f"The last lines of {self.log}:", *(f"  {line}" for line in lines)])

    def end(self, grace: float = 10.0) -> None:
        """Terminate it, and kill it after `grace` seconds; then kill the rest of its group. May be called twice."""
        if self.ended:
            return
        if self.process.poll() is None:
            self._signal_group(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(grace)
        self._signal_group(signal.SIGKILL)
        self.process.wait()
        self.ended = True  # from now on its process id may be reused

    def _signal_group(self, number: int) -> None:
        # The group is empty; macOS raises PermissionError for a zombie.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)
