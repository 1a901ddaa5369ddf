"""The page "About": version, host and permissions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup

import portal
from devices.core.permissions import OWN_VIEW, RIGHTS, RULES
from portal import about
from tests.portal.conftest import Browser
from tests.servers import SandboxServer

ROOT = Path(__file__).resolve().parents[2]


def yours(page: Any) -> dict[str, bool]:
    """The permissions and rights on the page, and whether it says yes."""
    return {row.th.text.strip(): row("td")[-1].text.strip() == "Yes" for row in page.select("tbody tr")}


def test_it_shows_version_host_role_session_and_every_permission(
    signed_in: Callable[..., Browser], platform: SandboxServer
) -> None:
    browser = signed_in("viewer")
    page = BeautifulSoup(browser.get("/about/").content, "html.parser")
    access = browser.get("/about/").wsgi_request.access
    text = " ".join(page.main.text.split())

    assert portal.__version__ in text
    assert urlsplit(platform.url).netloc in text
    assert "With your e-mail and password of the platform." in text
    assert f"{access.role_name}" in text
    assert access.tz in text
    assert "It ends after 30 minutes without activity" in text
    assert yours(page) == {name: access.has(name) for name in about.PERMISSIONS} | dict.fromkeys(RIGHTS, False)
    assert set(yours(page).values()) == {True, False}
    assert all(yours(BeautifulSoup(signed_in("admin").get("/about/").content, "html.parser"))[name] for name in RIGHTS)


def test_every_permission_has_a_sentence() -> None:
    requested = {name for rule in RULES.values() for name in rule.names + rule.other} | {OWN_VIEW}

    assert set(about.PERMISSIONS) == requested | {"ORG_DEVICES_VIEW"}
    assert set(about.RIGHT_TEXTS) == set(RIGHTS)
    assert {sso for sso, _ in about.SIGN_IN_TEXTS} == {"off", "oidc", "header"}


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d[^\]]*)\]", changes, re.MULTILINE)

    assert portal.__version__ == project["project"]["version"]
    assert "## [Unreleased]" in changes
    assert all(version <= portal.__version__ for version in released[:1])
