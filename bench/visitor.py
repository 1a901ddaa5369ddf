"""A person at the portal: a signed-in session whose requests may be made by several threads at once."""

from __future__ import annotations

import html
import http.client
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from tools.processes import Failed

HTMX = {"HX-Request": "true"}
TIMEOUT = 60.0
"""Seconds for one response. Nothing here takes as long."""
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Response:
    """`status` 0: the connection was cut. `seconds`: from the first byte sent to the last one read. `size`: bytes of
    the body on the wire. `worker`: the server's process, where known."""

    status: int
    seconds: float
    worker: int = 0
    headers: Headers = field(default_factory=dict)
    body: str = ""
    size: int = 0

    @property
    def words(self) -> str:
        """The text as a person reads it, on one line, with plain apostrophes; no texts for the script."""
        text = html.unescape(re.sub(r"<template\b.*?</template>|<[^>]*>", " ", self.body, flags=re.DOTALL))
        return " ".join(text.replace("’", "'").split())

    @property
    def request_id(self) -> str:
        return self.headers.get("X-Request-ID", "")

    @property
    def asks_to_sign_in(self) -> bool:
        """By a redirect of the page, or by the banner of htmx."""
        to_sign_in = self.status == 302 and self.headers.get("Location", "").startswith("/sign-in/")
        return to_sign_in or (self.status == 401 and self.headers.get("HX-Retarget") == "#session-banner")


def exchange(
    connection: http.client.HTTPConnection, path: str, headers: Headers, form: Headers | None = None, worker: int = 0
) -> Response:
    """GET, or POST of `form`. Redirects are not followed."""
    sent, body = dict(headers), None
    if form is not None:
        body = urlencode(form)
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    begun = time.monotonic()
    try:
        connection.request("GET" if form is None else "POST", path, body, sent)
        response = connection.getresponse()
        data = response.read()
    except (OSError, http.client.HTTPException):
        return Response(0, time.monotonic() - begun, worker)
    seconds, text = time.monotonic() - begun, data.decode(errors="replace")
    return Response(response.status, seconds, worker, _headers(response), text, len(data))


class Visitor:
    """`ask` is thread-safe. `user` is an e-mail address, or its part before @example.com."""

    def __init__(self, url: str, user: str = "admin") -> None:
        self.url, self.user = url, user if "@" in user else f"{user}@example.com"
        self.cookies: dict[str, str] = {}

    @classmethod
    def signed_in(cls, url: str, user: str = "admin") -> Visitor:
        """Raises Failed if the portal refuses."""
        visitor = cls(url, user)
        if (status := visitor.sign_in().status) != 303:
            raise Failed(f"{user} cannot sign in at {url}: status {status}")
        return visitor

    def sign_in(self, *, htmx: bool = False) -> Response:
        """The response to the form. Its cookies replace the earlier ones if it succeeds."""
        earlier, self.cookies = self.cookies, {}
        page = self.ask("/sign-in/")
        self.keep_cookies(page)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.body)
        if token is None:
            raise Failed(f"no form to sign in with: {page.status}")
        form = {"username": self.user, "password": "demo", "csrfmiddlewaretoken": token[1]}
        response = self.ask("/sign-in/", form=form, htmx=htmx)
        if response.status == 303:
            self.keep_cookies(response)
        else:
            self.cookies = earlier
        return response

    def ask(self, path: str, *, form: Headers | None = None, htmx: bool = False, headers: Headers = {}) -> Response:  # noqa: B006
        """GET, or POST of `form` with its CSRF token. Redirects are not followed."""
        sent = {"Cookie": self.cookie_header, **headers}
        sent |= HTMX | {"HX-Current-URL": f"{self.url}{path}"} if htmx else {}
        if form is not None:
            form = {"csrfmiddlewaretoken": self.cookies.get("csrf", "")} | dict(form)
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT)
        try:
            return exchange(connection, path, sent, form)
        finally:
            connection.close()

    @property
    def cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def keep_cookies(self, response: Response) -> None:
        for line in response.headers.get("Set-Cookie", "").split("\n"):
            if name := line.split("=", 1)[0]:
                self.cookies[name] = line.split("=", 1)[1].split(";", 1)[0]


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    """By name; the values of a repeated header are joined by newlines."""
    found: dict[str, str] = {}
    for name, value in response.getheaders():
        found[name] = f"{found[name]}\n{value}" if name in found else value
    return found
