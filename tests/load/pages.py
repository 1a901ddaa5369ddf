"""A browser as small as it can be: cookies, sign-in, and what a first visit weighs on the wire."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request

PAGE_BOUND = 10 * 1024  # bytes of HTML, compressed
ASSET_BOUND = 40 * 1024  # bytes of all style sheets and scripts, compressed


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


def weigh(visitor: Visitor, path: str) -> str:
    """Compressed sizes of one page and of the style sheets and scripts it loads, beside their bounds."""
    page = visitor.get(path).decode()
    sent = len(visitor.get(path, **{"Accept-Encoding": "gzip"}))
    assets = sorted(set(re.findall(r'(?:src|href)="(/static/[^"]+\.(?:js|css))"', page)))
    sizes = {name: len(visitor.get(name, **{"Accept-Encoding": "gzip"})) for name in assets}
    lines = [f"{path}: {sent} bytes of HTML compressed (bound {PAGE_BOUND}), {len(page.encode())} plain"]
    lines += [f"  {name}: {size}" for name, size in sizes.items()]
    lines.append(f"CSS and JS together: {sum(sizes.values())} bytes compressed (bound {ASSET_BOUND})")
    return "\n".join(lines)
