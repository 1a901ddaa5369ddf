"""What the race tests: the portal in one of its setups, or a naive portal. Each is signed in as one person."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any, Protocol

import msgspec
import psycopg
from cryptography.fernet import Fernet

from bench.race.lines import Line
from bench.race.views import FOLDER
from bench.visitor import Visitor
from tests.portal_server import PortalServer
from tests.servers import SandboxServer
from tools.processes import Failed

PAST = 1.0
"""A moment long ago, in seconds since 1970."""


class Database:
    """The portal's database, read with plain SQL with `?`, on SQLite and PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Each statement is a transaction of its own. Rows, if there are any."""
        if self._url.startswith("sqlite:///"):
            connection = sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=20, isolation_level=None)
            try:
                return connection.execute(sql, values).fetchall()
            finally:
                connection.close()
        with psycopg.connect(self._url, autocommit=True) as stack:
            cursor = stack.execute(sql.replace("?", "%s").encode(), values)
            return cursor.fetchall() if cursor.description else []


class Subject(Protocol):
    """What a round needs of a portal."""

    urls: list[str]
    cookies: str
    folder: Path
    page: str

    def sign_in(self) -> None: ...

    def expire(self) -> None:
        """Let the access token expire, as the portal sees it."""

    def refresh_token(self) -> str:
        """The one that the next refresh would use; empty if there is none."""


class Portal:
    """One or more gunicorns on one database."""

    page = "/devices/1/tags/"

    def __init__(
        self,
        sandbox: SandboxServer,
        folder: Path,
        *,
        masters: int = 1,
        workers: int = 1,
        database_url: str = "",
        redis_url: str = "",
    ) -> None:
        self.folder, self.cookies = folder, ""
        self.servers: list[PortalServer] = []
        try:
            for _ in range(masters):
                self.servers.append(
                    PortalServer(
                        sandbox,
                        database_url=database_url,
                        redis_url=redis_url,
                        workers=workers,
                        threads=32,
                        settings="bench.race.settings",
                        extra={FOLDER: str(folder)},
                    )
                )
        except BaseException:
            self.stop()
            raise
        self.urls = [server.url for server in self.servers]
        self.database = Database(self.servers[0].env["DATABASE_URL"])
        self._key = Fernet(self.servers[0].env["TOKEN_KEYS"])

    def sign_in(self) -> None:
        """A new session, the only one."""
        self.database.run("DELETE FROM portal_auth_apigrant")
        self.cookies = Visitor.signed_in(self.urls[0]).cookie_header

    def sign_out_form(self) -> dict[str, str]:
        """The fields of the form that signs out, from a page of this session."""
        line = Line(self.urls[0], self.cookies)
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', line.ask("/devices/").body)
        line.close()
        if not found:
            raise Failed("the list of devices has no form to sign out with")
        return {"csrfmiddlewaretoken": found[1]}

    def expire(self) -> None:
        self.database.run("UPDATE portal_auth_apigrant SET expires_at = ?, refresh_at = ?", PAST, PAST)

    def make_due(self) -> None:
        """Make a refresh due while the access token still works."""
        self.database.run("UPDATE portal_auth_apigrant SET refresh_at = ?", PAST)

    def grants(self) -> list[tuple[Any, ...]]:
        """(revoked, lease_by) of every grant."""
        return self.database.run("SELECT revoked, lease_by FROM portal_auth_apigrant")

    def refresh_token(self) -> str:
        rows = self.database.run("SELECT blob FROM portal_auth_apigrant WHERE NOT revoked")
        if len(rows) != 1:
            return ""
        return msgspec.json.decode(self._key.decrypt(rows[0][0]))["refresh"]

    def stop(self) -> None:
        for server in self.servers:
            server.stop()


class Double:
    """A naive portal that holds its tokens in the session: four processes on SQLite."""

    page = "/page/"

    def __init__(self, sandbox: SandboxServer, folder: Path, *, careful: bool) -> None:
        self.folder, self.cookies = folder, ""
        self._server = PortalServer(
            sandbox,
            workers=4,
            threads=32,
            settings="bench.race.naive.settings",
            application="bench.race.naive.app:application",
            extra={FOLDER: str(folder), "RACE_LOCK": "on" if careful else "off"},
        )
        self.urls = [self._server.url]

    def sign_in(self) -> None:
        visitor = Visitor(self.urls[0])
        visitor.keep_cookies(visitor.ask(f"/sign-in/?user={visitor.user}"))
        self.cookies = visitor.cookie_header

    def _ask(self, path: str) -> str:
        line = Line(self.urls[0], self.cookies)
        try:
            return line.ask(path).body
        finally:
            line.close()

    def expire(self) -> None:
        self._ask("/race/expire/")

    def refresh_token(self) -> str:
        return self._ask("/race/stored/")

    def stop(self) -> None:
        self._server.stop()
