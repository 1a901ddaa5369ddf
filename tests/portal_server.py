"""The portal as a separate process, for tests in a browser or on other databases."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import requests

from tests.canary import secrets_in
from tests.servers import SandboxServer
from tests.services import HOST, free_port

ROOT = Path(__file__).resolve().parent.parent
STARTS_WITHIN = 60  # seconds
LIVE = "tests.live_settings"
_migrated: dict[str, bytes] = {}
"""Settings -> a database file with all tables and no rows."""


class PortalServer:
    """gunicorn on a free port with its own database, calling `sandbox`. `log()` is its output.

    `settings`, `application` and `extra` (environment) replace or wrap the portal. `port`: from `free_port`, where
    others have to know the address first.
    """

    def __init__(
        self,
        sandbox: SandboxServer,
        *,
        database_url: str = "",
        redis_url: str = "",
        workers: int = 1,
        threads: int = 8,
        settings: str = LIVE,
        application: str = "portal.wsgi:application",
        extra: Mapping[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="portal-")
        self.database = Path(self._folder.name) / "portal.sqlite3"
        self._log = Path(self._folder.name) / "log"
        self.url = f"http://{HOST}:{port or free_port()}"
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": settings,
            "ENV_FILE": "",
            "DEBUG": "off",
            "SECRET_KEY": "for-tests-only-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789",
            "ALLOWED_HOSTS": HOST,
            "CSRF_TRUSTED_ORIGINS": "",
            "SECURE_COOKIES": "off",
            "DATABASE_URL": database_url or f"sqlite:///{self.database}",
            "REDIS_URL": redis_url,
            "REDIS_TIMEOUT": "10",  # a busy machine is no Redis that is down
            "PLATFORM_API_URL": sandbox.url,
            "PLATFORM_API_CLIENT_ID": sandbox.client_id,
            "PLATFORM_API_CLIENT_SECRET": sandbox.client_secret,
            "PLATFORM_API_ALLOWED_HOSTS": "",
            "PLATFORM_API_TIMEOUTS": "3,10,15,20",
            "PLATFORM_API_MAX_CONCURRENCY": "32",
            "PLATFORM_API_RATE_LIMIT": "6000",
            "PLATFORM_API_USER_GRANT": "username,password,body",
            "TOKEN_KEYS": "Zm9yLXRlc3RzLW9ubHkta2V5LW9mLTMyLWJ5dGVzLS0=",
            "METAFIELDS_LIKELY": "on",
            "SESSION_IDLE_MINUTES": "30",
            "SESSION_HOURS": "10",
            "SIGN_IN_LIMITS": "10,100,15",
            "TRUSTED_PROXIES": "",
            "ACCESS_ROLES": '{"Admin": ["PORTAL_AUDIT", "PORTAL_ADMIN"]}',
            **(extra or {}),
        }
        self._migrate()
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "-c", "python:portal.gunicorn", application),
                    *("--bind", self.url.removeprefix("http://")),
                    *("--workers", str(workers), "--threads", str(threads)),
                ],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def _migrate(self) -> None:
        """Create the tables. On SQLite this runs once for each settings module; later databases are copies."""
        key = self.env["DJANGO_SETTINGS_MODULE"]
        own = self.env["DATABASE_URL"] == f"sqlite:///{self.database}"
        if own and key in _migrated:
            self.database.write_bytes(_migrated[key])
            return
        done = subprocess.run(
            [sys.executable, "manage.py", "migrate", "-v0"],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=STARTS_WITHIN,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        if own:
            _migrated[key] = self.database.read_bytes()  # the process has ended, so this file is complete

    def _wait(self) -> None:
        """Wait until it responds, at most a minute."""
        give_up = time.monotonic() + STARTS_WITHIN
        session = requests.Session()
        session.trust_env = False
        with session:
            while time.monotonic() < give_up and self._process.poll() is None:
                try:
                    session.get(f"{self.url}/sign-in/", timeout=5)
                except (requests.ConnectionError, requests.Timeout):
                    time.sleep(0.1)
                else:
                    return
        log = self.log()
        self.stop()
        raise RuntimeError(f"The portal did not start:\n{log}")

    @property
    def pid(self) -> int:
        """Of gunicorn's master; its workers are its children."""
        return self._process.pid

    def log(self) -> str:
        return self._log.read_text()

    def _files(self) -> dict[str, bytes]:
        """Its log and the files of its database, by name."""
        return {path.name: path.read_bytes() for path in Path(self._folder.name).iterdir() if path.is_file()}

    def stop(self) -> None:
        """Stop it. Raises AssertionError if its log or database has a secret in plain text."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        files = self._files()
        self._folder.cleanup()
        if self.env["DJANGO_SETTINGS_MODULE"] == LIVE:  # not the naive portals of the race
            leaks = [f"{kind} in {name}" for name, data in files.items() for kind in secrets_in(data)]
            assert leaks == [], "secrets in the log or the database"
