"""A double click that meets two processes, each with a cache of its own, makes one device and triggers one event."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
import requests

from tests.portal.test_stack import csrf, sign_in
from tests.portal_server import PortalServer
from tests.servers import SandboxServer
from tests.services import Postgres

API = "/api/v1/organization/device"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.stack)])
def hosts(request: pytest.FixtureRequest, sandbox: SandboxServer) -> Iterator[tuple[PortalServer, PortalServer]]:
    """Two gunicorns on one database, without Redis."""
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.database()
        first = PortalServer(sandbox, database_url=url)
    else:
        first = PortalServer(sandbox)
        url = f"sqlite:///{first.database}"
    second = PortalServer(sandbox, database_url=url)
    yield first, second
    second.stop()
    first.stop()


def press_at_both(
    hosts: tuple[PortalServer, PortalServer], session: requests.Session, path: str, data: dict[str, str]
) -> list[requests.Response]:
    gate, lock = threading.Barrier(len(hosts), timeout=20), threading.Lock()
    answers: list[requests.Response] = []

    def press(host: PortalServer) -> None:
        with requests.Session() as mine:
            mine.trust_env = False
            mine.cookies.update(session.cookies)
            gate.wait()
            answer = mine.post(host.url + path, data, allow_redirects=False, timeout=40)
        with lock:
            answers.append(answer)

    presses = [threading.Thread(target=press, args=[host]) for host in hosts]
    for each in presses:
        each.start()
    for each in presses:
        each.join(timeout=60)
    return answers


@pytest.mark.parametrize(
    ("path", "filled", "call"),
    [
        ("/devices/new/", {"template_code": "TMPL2cRm01aQ9", "name": "Boiler room 300"}, f"{API}/create"),
        ("/devices/1/trigger-event/", {"code": "door_open"}, f"{API}/trigger-event"),
    ],
    ids=["create", "trigger"],
)
def test_pressed_at_two_processes_at_once_it_is_sent_once(
    hosts: tuple[PortalServer, PortalServer],
    fresh_sandbox: SandboxServer,
    path: str,
    filled: dict[str, str],
    call: str,
) -> None:
    fresh_sandbox.fault(call, "delay", delay=0.5, times=1)
    with sign_in(hosts[0], "admin") as session:
        form = session.get(hosts[0].url + path, timeout=20).text
        form_id = re.search(r'name="form_id" value="([^"]+)"', form)
        assert form_id
        data = filled | {"form_id": form_id[1], "csrfmiddlewaretoken": csrf(form)}
        answers = press_at_both(hosts, session, path, data)
    assert [answer.status_code for answer in answers] == [303, 303], [answer.text[:500] for answer in answers]
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert sum(entry["path"] == call for entry in fresh_sandbox.requests()) == 1
