"""Somebody at the portal, for loads: a signed-in session whose requests may be made by several threads at once."""

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
PATIENCE = 60.0
"""Seconds for any one answer. Nothing here takes as long."""


@dataclass(frozen=True)
class Answer:
    """`status` 0: the connection was cut. `seconds`: from the first byte sent to the last one read."""

    status: int
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def words(self) -> str:
        """The text as a person reads it, on one line, with plain apostrophes."""
        text = html.unescape(re.sub(r"<[^>]*>", " ", self.body))
        return " ".join(text.replace("’", "'").split())

    @property
    def request_id(self) -> str:
        return self.headers.get("X-Request-ID", "")


class Visitor:
    """`ask` is safe for threads. `sign_in` again starts a session of its own."""

    def __init__(self, url: str, user: str = "admin") -> None:
        self.url, self.user = url, user
        self.cookies: dict[str, str] = {}

    @classmethod
    def signed_in(cls, url: str, user: str = "admin") -> Visitor:
        visitor = cls(url, user)
        if (status := visitor.sign_in().status) != 303:
            raise Failed(f"{user} cannot sign in at {url}: status {status}")
        return visitor

    def sign_in(self, *, htmx: bool = False) -> Answer:
        """The answer to the form. Its cookies take the place of those before, if it lets in."""
        kept, self.cookies = self.cookies, {}
        page = self.ask("/sign-in/")
        self._keep(page)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.body)
        if token is None:
            raise Failed(f"no form to sign in with: {page.status}")
        form = {"username": f"{self.user}@example.com", "password": "demo", "csrfmiddlewaretoken": token[1]}
        answer = self.ask("/sign-in/", form=form, htmx=htmx)
        if answer.status == 303:
            self._keep(answer)
        else:
            self.cookies = kept
        return answer

    def ask(self, path: str, *, form: Mapping[str, str] | None = None, htmx: bool = False) -> Answer:
        """GET, or POST of `form` with its CSRF token put in. Redirects are not followed."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        headers |= HTMX | {"HX-Current-URL": f"{self.url}{path}"} if htmx else {}
        body = None
        if form is not None:
            body = urlencode({"csrfmiddlewaretoken": self.cookies.get("csrf", "")} | dict(form))
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        begun = time.monotonic()
        try:
            connection.request("GET" if form is None else "POST", path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return Answer(0, time.monotonic() - begun)
        finally:
            connection.close()
        told = _headers(answer)
        return Answer(answer.status, time.monotonic() - begun, told, text)

    def _keep(self, answer: Answer) -> None:
        for line in answer.headers.get("Set-Cookie", "").split("\n"):
            if name := line.split("=", 1)[0]:
                value = line.split("=", 1)[1].split(";", 1)[0]
                self.cookies[name] = value


def _headers(answer: http.client.HTTPResponse) -> dict[str, str]:
    """By name; where one comes several times, its values are joined by line ends."""
    found: dict[str, str] = {}
    for name, value in answer.getheaders():
        found[name] = f"{found[name]}\n{value}" if name in found else value
    return found
