"""Pressed ten times at two processes at once, each with a cache of its own, every change is sent once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import requests

from tests.change_examples import OPERATIONS, arrived, change_of, open_form
from tests.portal.test_stack import sign_in
from tests.portal_server import PortalServer
from tests.servers import SandboxServer
from tests.services import Postgres

Hosts = tuple[PortalServer, PortalServer]
PRESSES = 10


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.stack)])
def hosts(request: pytest.FixtureRequest, sandbox: SandboxServer) -> Iterator[Hosts]:
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


def press(hosts: Hosts, presses: list[tuple[requests.Session, str, dict[str, str]]]) -> list[requests.Response]:
    """All at once, in turn at the one host and the other."""
    gate, lock = threading.Barrier(len(presses), timeout=20), threading.Lock()
    answers: list[requests.Response] = []

    def one(number: int, session: requests.Session, path: str, data: dict[str, str]) -> None:
        with requests.Session() as mine:
            mine.trust_env = False
            mine.cookies.update(session.cookies)
            gate.wait()
            answer = mine.post(hosts[number % 2].url + path, data, allow_redirects=False, timeout=60)
        with lock:
            answers.append(answer)

    threads = [threading.Thread(target=one, args=[number, *each]) for number, each in enumerate(presses)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=70)
    return answers


@pytest.mark.parametrize("operation", OPERATIONS)
def test_ten_presses_of_one_form_make_one_change(hosts: Hosts, fresh_sandbox: SandboxServer, operation: str) -> None:
    change = change_of(fresh_sandbox, operation)
    with sign_in(hosts[0], "admin") as session:
        open_form(session, hosts[0], change)
        fresh_sandbox.clear_requests()
        fresh_sandbox.fault(change.call[1], "delay", method=change.call[0], delay=0.4, times=1)
        answers = press(hosts, [(session, change.path, change.form)] * PRESSES)
    assert [answer.status_code for answer in answers] == [303] * PRESSES, [answer.text[:300] for answer in answers]
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert arrived(fresh_sandbox, change) == 1
    assert change.made(fresh_sandbox)


@pytest.mark.parametrize("operation", ["rename_device", "set_metafield", "transfer_to_owner"])
def test_of_two_people_who_change_one_device_at_once_the_second_is_asked_which_it_shall_be(
    hosts: Hosts, fresh_sandbox: SandboxServer, operation: str
) -> None:
    mine, theirs = change_of(fresh_sandbox, operation), change_of(fresh_sandbox, operation)
    with sign_in(hosts[0], "admin") as me, sign_in(hosts[1], "support") as them:
        open_form(me, hosts[0], mine)
        open_form(them, hosts[1], theirs)
        field = next(iter(mine.filled), "")
        if field:
            theirs.form[field] += " of somebody else"
        fresh_sandbox.clear_requests()
        fresh_sandbox.fault(mine.call[1], "delay", method=mine.call[0], delay=0.4, times=1)
        answers = press(hosts, [(me, mine.path, mine.form), (them, theirs.path, theirs.form)])
    assert sorted(answer.status_code for answer in answers)[0] == 303
    assert sorted(answer.status_code for answer in answers)[1] in {409, 422}, [answer.text[:300] for answer in answers]
    assert arrived(fresh_sandbox, mine) == 1
