"""Servers for tests over real HTTP, each a separate process on a free port with its own database."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

import requests

from tests.canary import CLIENT_ID, CLIENT_SECRET

ROOT = Path(__file__).resolve().parent.parent
STARTS_WITHIN = 60  # seconds


class Process:
    """A command that prints `... ready on <address>` when it is ready. Its stderr is for the message of a failure."""

    def __init__(
        self, command: list[str], env: dict[str, str] | None = None, stdin: int | IO[str] = subprocess.DEVNULL
    ) -> None:
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by stop()
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        self.url = self._address()

    def _address(self) -> str:
        lines: queue.Queue[str] = queue.Queue()

        def read() -> None:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                lines.put(line)
            lines.put("")

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        try:
            while line := lines.get(timeout=STARTS_WITHIN):
                if " ready on " in line:
                    return line.split(" ready on ", 1)[1].strip()
        except queue.Empty:
            pass
        self.stop()
        raise RuntimeError(f"The server did not start: {self.output or 'no output'}")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def errors(self) -> str:
        """What it has written to stderr so far."""
        self._stderr.seek(0)
        return self._stderr.read()

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> int:
        """Stops it and returns its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(sig)
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
        code = self._process.wait()
        self._reader.join(timeout=5)
        if self._process.stdout is not None:
            self._process.stdout.close()
        if not self._stderr.closed:
            self.output = self.errors
            self._stderr.close()
        return code


class SandboxServer(Process):
    """The sandbox with a small fleet, an immediate timeline, and its control endpoints as methods."""

    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET

    def __init__(
        self, *arguments: str, devices: int = 300, folder: str | Path | None = None, password: str = "demo"
    ) -> None:
        self.password = password
        self._folder = None if folder else tempfile.TemporaryDirectory(prefix="sandbox-")
        where = Path(folder or self._folder.name)  # type: ignore[union-attr]
        self._tokens: dict[str, str] = {}
        self.session = requests.Session()
        self.session.trust_env = False
        command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--db", str(where / "sandbox.sqlite3")]
        command += ["--devices", str(devices), "--switch", "timeline_delay=0", *arguments]
        super().__init__(command, {"SANDBOX_PASSWORD": password})

    # -- sign-in

    def grant(self, grant_type: str, **params: str) -> requests.Response:
        return self.session.post(
            f"{self.url}/oauth2/token",
            params={"grant_type": grant_type},
            data=params,
            auth=(self.client_id, self.client_secret),
            timeout=20,
        )

    def token(self, user: str = "admin") -> str:
        """An access token of `user` (`admin` means admin@example.com), cached; "client": the organization's."""
        if user not in self._tokens:
            if user == "client":
                answer = self.grant("client_credentials")
            else:
                email = user if "@" in user else f"{user}@example.com"
                answer = self.grant("user_credentials", username=email, password=self.password)
            answer.raise_for_status()
            self._tokens[user] = answer.json()["access_token"]
        return self._tokens[user]

    def call(self, method: str, path: str, user: str | None = "admin", **kwargs: Any) -> requests.Response:
        """A call to `/api/v1/organization<path>` as `user`; None sends no token."""
        headers = {"Authorization": f"Bearer {self.token(user)}"} if user else {}
        headers.update(kwargs.pop("headers", {}))
        url = f"{self.url}/api/v1/organization{path}"
        return self.session.request(method, url, headers=headers, timeout=20, allow_redirects=False, **kwargs)

    def get(self, path: str, user: str | None = "admin", **params: Any) -> requests.Response:
        return self.call("GET", path, user, params=params)

    # -- control

    def control(self, method: str, name: str, body: dict[str, Any] | None = None) -> Any:
        """Calls `/_sandbox/<name>`; returns the decoded response, None for an empty one."""
        answer = self.session.request(method, f"{self.url}/_sandbox/{name}", json=body, timeout=20)
        if answer.status_code >= 400:
            raise ValueError(answer.json()["error"]["message"])
        return answer.json() if answer.content else None

    def reset(self) -> None:
        """Back to the seeded state; switches and faults too. Tokens stay valid."""
        self.control("POST", "reset")

    def requests(self) -> list[dict[str, Any]]:
        """The requests since the last `clear_requests`: see sandbox/requestlog.py for the members."""
        entries: list[dict[str, Any]] = self.control("GET", "requests")
        return entries

    def clear_requests(self) -> None:
        self.control("DELETE", "requests")

    def fault(self, path: str, kind: str, **more: Any) -> None:
        """See sandbox/faults.py; `path` beginning with `/device` etc. is one of the organization's."""
        if not path.startswith(("/api/", "/oauth2/", "*")):
            path = f"/api/v1/organization{path}"
        self.control("POST", "faults", {"path": path, "kind": kind, **more})

    def clear_faults(self) -> None:
        self.control("DELETE", "faults")

    def switch(self, **values: str | float | bool) -> None:
        self.control("POST", "switches", values)

    def expire_tokens(self, *, refresh: bool = False) -> None:
        """Expire all access tokens, upstream only; the next `token()` signs in again."""
        self.control("POST", "expire-tokens", {"refresh": refresh})
        self._tokens.clear()

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> int:
        code = super().stop(sig)
        self.session.close()
        if self._folder is not None:
            self._folder.cleanup()
        return code
