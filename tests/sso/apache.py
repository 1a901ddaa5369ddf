"""A real sign-on proxy: Debian's Apache with mod_auth_openidc, as a process of the test."""

from __future__ import annotations

import grp
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import requests

from tests.services import HOST, apache_module, apache_path
from tests.sso.provider import HERE, TIMEOUT

STARTS_WITHIN = 30  # seconds


class Apache:
    """On `port` from `free_port`. It forwards requests to the address `portal` with the shared `secret`."""

    def __init__(self, port: int, *, portal: str, issuer: str, client: dict[str, str], secret: str) -> None:
        self.url = f"http://{HOST}:{port}"
        self._folder = Path(tempfile.mkdtemp(prefix="apache-"))
        program, module = apache_path(), apache_module("auth_openidc")
        assert program
        assert module
        person = pwd.getpwnam("www-data") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        os.chown(self._folder, person.pw_uid, person.pw_gid)
        config = (HERE / "apache.conf").read_text(encoding="utf-8")
        (self._folder / "apache.conf").write_text(
            config.format(
                folder=self._folder,
                port=port,
                portal=portal,
                issuer=issuer,
                client_id=client["client_id"],
                client_secret=client["client_secret"],
                passphrase=secrets.token_hex(16),
                secret=secret,
                modules=module.parent,
                user=person.pw_name,
                group=grp.getgrgid(person.pw_gid).gr_name,
            ),
            encoding="utf-8",
        )
        with (self._folder / "out.log").open("w") as content:
            self._process = subprocess.Popen(
                [program, "-D", "FOREGROUND", "-f", str(self._folder / "apache.conf")],
                stdin=subprocess.DEVNULL,
                stdout=content,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def _wait(self) -> None:
        """Wait for the first response."""
        give_up = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < give_up and self._process.poll() is None:
            try:
                requests.get(f"{self.url}/", headers={"HX-Request": "true"}, timeout=TIMEOUT, allow_redirects=False)
            except requests.ConnectionError:
                time.sleep(0.05)
            else:
                return
        content = self.log()
        self.stop()
        raise RuntimeError(f"Apache did not start:\n{content}")

    def log(self) -> str:
        return "".join(path.read_text() for name in ("out.log", "error.log") if (path := self._folder / name).exists())

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
