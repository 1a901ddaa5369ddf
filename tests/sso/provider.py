"""The OpenID provider of the tests: npm's oidc-provider, installed from the lock file into `var/`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests

from tests.npm import installed
from tests.portal.conftest import one
from tests.servers import Process

HERE = Path(__file__).resolve().parent
TIMEOUT = 20  # seconds for one request

ACCOUNTS: dict[str, dict[str, Any]] = {
    "ingrid": {"email": "admin@example.com", "name": "Ingrid Halden", "groups": ["portal-admins", "everybody"]},
    "sam": {"email": "support@example.com", "name": "Sam Okafor", "groups": ["portal-support", "everybody"]},
    "vera": {"email": "viewer@example.com", "name": "Vera Lind", "groups": ["portal-viewers", "everybody"]},
    "stranger": {"email": "stranger@example.org", "name": "Not Known", "groups": ["everybody"]},
}
"""Login at the provider -> claims. All but the last are users of the sandbox too."""


class Provider(Process):
    """A running provider. Its URL is the issuer."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile("w+") as settings:
            json.dump({"accounts": ACCOUNTS}, settings)
            settings.seek(0)
            super().__init__(["node", str(HERE / "provider.mjs"), str(installed(HERE, "sso-provider"))], stdin=settings)

    def register(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Register a client (RFC 7591); returns its metadata with `client_id` and `client_secret`."""
        answer = requests.post(f"{self.url}/reg", json=wanted, timeout=TIMEOUT)
        assert answer.status_code == 201, answer.text
        client: dict[str, Any] = answer.json()
        return client

    def register_portal(self, url: str) -> dict[str, Any]:
        """Register the portal at that URL as a client with back-channel logout."""
        return self.register(
            {
                "redirect_uris": [f"{url}/sso/callback/"],
                "post_logout_redirect_uris": [f"{url}/sign-in/"],
                "backchannel_logout_uri": f"{url}/sso/backchannel-logout/",
                "backchannel_logout_session_required": True,
            }
        )

    def sign_out(self, browser: requests.Session, address: str = "") -> requests.Response:
        """End the person's session at the provider, which notifies every client by back channel.

        `address`: a client's link to that, which may lead back to the client. Gives the page where it ends.
        """
        page = browser.get(address or f"{self.url}/session/end", timeout=TIMEOUT)
        form = one(page, "form")
        fields = {str(tag["name"]): str(tag.get("value", "")) for tag in form.select("input[name]")}
        answer = browser.post(urljoin(page.url, str(form["action"])), fields | {"logout": "yes"}, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text[:2000]
        return answer


def log_in(browser: requests.Session, page: requests.Response, login: str, stop_at: str = "\n") -> requests.Response:
    """Submit the provider's form on `page`, and follow the redirects back to the client.

    `stop_at`: gives the redirect to an address that begins so, and does not follow it.
    """
    form = one(page, "form:has(input[name=login])")
    fields = {"prompt": "login", "login": login, "password": "any"}
    action = urljoin(page.url, str(form["action"]))
    answer = browser.post(action, fields, timeout=TIMEOUT, allow_redirects=False)
    while answer.is_redirect and not answer.headers["Location"].startswith(stop_at):
        answer = browser.get(urljoin(answer.url, answer.headers["Location"]), timeout=TIMEOUT, allow_redirects=False)
    return answer


def browse() -> requests.Session:
    """A session without this machine's proxy settings."""
    session = requests.Session()
    session.trust_env = False
    return session
