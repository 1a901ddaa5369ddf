"""A browser as small as it can be: cookies, sign-in, and what a first visit weighs on the wire."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

PAGE_BOUND = 10 * 1024  # bytes of HTML, compressed
VISIT_BOUND = 60_000  # bytes of a first visit, compressed: the page with all its style sheets and scripts


class Visitor:
    """Keeps cookies between requests to one address on this machine."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.jar = http.cookiejar.CookieJar()
        # No proxy: what the environment says about the outer world has no say here.
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar)
        )

    def get(self, path: str, **headers: str) -> bytes:
        request = urllib.request.Request(urllib.parse.urljoin(self.base, path), headers=headers)
        with self.opener.open(request, timeout=30) as answer:
            return answer.read()

    def sign_in(self, email: str, password: str) -> None:
        page = self.get("/sign-in/").decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        if token is None:
            raise ValueError("the sign-in page has no CSRF token")
        form = {"csrfmiddlewaretoken": token.group(1), "username": email, "password": password}
        request = urllib.request.Request(f"{self.base}/sign-in/", urllib.parse.urlencode(form).encode())
        try:
            with self.opener.open(request, timeout=30) as answer:
                where = answer.url
        except urllib.error.HTTPError as error:  # of the page after it, which may be closed to this person
            where = error.url
            error.close()
        if urllib.parse.urlsplit(where).path == "/sign-in/":
            raise ValueError("the portal did not accept the sign-in")

    def cookies(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)


@dataclass(frozen=True)
class Weight:
    """Bytes of a first visit: the page plain and compressed, each style sheet and script compressed."""

    plain: int
    page: int
    assets: dict[str, int]

    @property
    def all_assets(self) -> int:
        return sum(self.assets.values())

    @property
    def visit(self) -> int:
        return self.page + self.all_assets

    def __str__(self) -> str:
        lines = [f"HTML: {self.page} bytes compressed (bound {PAGE_BOUND}), {self.plain} plain"]
        lines += [f"  {name}: {size}" for name, size in self.assets.items()]
        lines.append(f"CSS and JS: {self.all_assets} bytes compressed")
        return "\n".join([*lines, f"A first visit: {self.visit} bytes compressed (bound {VISIT_BOUND})"])


def weigh(visitor: Visitor, path: str) -> Weight:
    """One page and what it loads, as a browser that takes gzip gets them."""
    page = visitor.get(path).decode()
    packed = {"Accept-Encoding": "gzip"}
    names = sorted(set(re.findall(r'(?:src|href)="(/static/[^"]+\.(?:js|css))"', page)))
    assets = {name: len(visitor.get(name, **packed)) for name in names}
    return Weight(len(page.encode()), len(visitor.get(path, **packed)), assets)
