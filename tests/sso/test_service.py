"""SIGN_IN=service: the sign-on identifies people and their groups give permissions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.portal.conftest import words
from tests.servers import SandboxServer
from tests.sso.conftest import Person, Site, behind_proxy, beside_provider
from tests.sso.provider import Provider


@pytest.fixture(scope="module", params=["oidc", "proxy"])
def site(request: pytest.FixtureRequest, sandbox: SandboxServer, provider: Provider) -> Iterator[Site]:
    stand = {"oidc": beside_provider, "proxy": behind_proxy}[request.param]
    with stand(sandbox, provider, SIGN_IN="service") as site:
        yield site


@pytest.fixture
def person(site: Site) -> Iterator[Person]:
    person = Person(site)
    yield person
    person.browser.close()


def test_who_has_signed_on_is_in_and_is_asked_for_no_password(person: Person, fresh_sandbox: SandboxServer) -> None:
    page = person.sign_on("sam", "/devices/?q=cold")
    assert page.url == f"{person.site.url}/devices/?q=cold"
    assert page.status_code == 200
    assert "support@example.com" in words(page)
    form = person.get("/devices/1/rename/")
    assert person.post("/devices/1/rename/", {"name": "Cold room 15"}, form).status_code == 200
    assert {entry["grant"] for entry in fresh_sandbox.requests() if entry["grant"]} <= {"client_credentials"}
    assert fresh_sandbox.get("/device", deviceId=1).json()["name"] == "Cold room 15"


def test_a_group_without_the_right_may_look_and_not_change(person: Person, fresh_sandbox: SandboxServer) -> None:
    page = person.sign_on("vera", "/devices/1/")
    assert page.status_code == 200
    refused = person.post("/devices/1/rename/", {"name": "Cold room 16"}, page)
    assert refused.status_code == 403
    assert "ORG_DEVICES_EDIT" in words(refused)
    assert {entry["method"] for entry in fresh_sandbox.requests() if entry["path"].startswith("/api/")} <= {"GET"}


def test_somebody_in_no_group_that_counts_gets_nothing(person: Person) -> None:
    page = person.sign_on("stranger", "/devices/1/")
    assert page.status_code == 403
    assert "Cold room" not in page.text
    assert person.get("/devices/").status_code in {200, 403}
    assert "Cold room" not in person.get("/devices/?q=cold").text


def test_the_trail_names_the_person_and_not_the_organization_s_token(
    site: Site, person: Person, fresh_sandbox: SandboxServer
) -> None:
    page = person.sign_on("ingrid", "/devices/1/")
    assert page.status_code == 200
    done = person.post("/devices/1/rename/", {"name": "Cold room 17"}, page)
    assert urlsplit(done.url).path == "/devices/1/"
    with closing(sqlite3.connect(site.portal.database)) as base:
        row = base.execute(
            "SELECT person.email, entry.after FROM devices_auditentry entry JOIN devices_auditperson person"
            " ON person.id = entry.person_id WHERE entry.request_id = ?",
            [done.history[0].headers["X-Request-ID"]],
        ).fetchone()
    assert row == ("admin@example.com", "Cold room 17")
