"""A form submitted ten times at once to two processes, each with its own cache, changes the device once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.change_examples import OPERATIONS, arrived, change_of, open_form
from tests.portal.test_stack import sign_in
from tests.portal_server import PortalServer
from tests.servers import SandboxServer
from tests.services import Postgres

Hosts = tuple[PortalServer, PortalServer]
SUBMISSIONS = 10


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


def submit(hosts: Hosts, forms: list[tuple[requests.Session, str, dict[str, str]]]) -> list[requests.Response]:
    """All at once, alternating between the hosts; responses in the order of `forms`."""
    start = threading.Barrier(len(forms), timeout=20)

    def one(number: int, session: requests.Session, path: str, data: dict[str, str]) -> requests.Response:
        with requests.Session() as own:
            own.trust_env = False
            own.cookies.update(session.cookies)
            start.wait()
            return own.post(hosts[number % 2].url + path, data, allow_redirects=False, timeout=60)

    with ThreadPoolExecutor(len(forms)) as pool:
        jobs = [pool.submit(one, number, *form) for number, form in enumerate(forms)]
        return [job.result(timeout=70) for job in jobs]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_ten_presses_of_one_form_make_one_change(hosts: Hosts, fresh_sandbox: SandboxServer, operation: str) -> None:
    change = change_of(fresh_sandbox, operation)
    with sign_in(hosts[0], "admin") as session:
        open_form(session, hosts[0], change)
        assert not change.made(fresh_sandbox), "what is read back would not tell that it was made"
        fresh_sandbox.clear_requests()
        fresh_sandbox.fault(change.call[1], "delay", method=change.call[0], delay=0.4, times=1)
        answers = submit(hosts, [(session, change.path, change.form)] * SUBMISSIONS)
    assert [answer.status_code for answer in answers] == [303] * SUBMISSIONS, [answer.text[:300] for answer in answers]
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert arrived(fresh_sandbox, change) == 1
    assert change.made(fresh_sandbox)


@pytest.mark.parametrize("operation", ["rename_device", "set_metafield", "transfer_to_owner"])
def test_of_two_simultaneous_changes_the_second_is_a_conflict(
    hosts: Hosts, fresh_sandbox: SandboxServer, operation: str
) -> None:
    mine, theirs = change_of(fresh_sandbox, operation), change_of(fresh_sandbox, operation)
    with sign_in(hosts[0], "admin") as me, sign_in(hosts[1], "support") as them:
        open_form(me, hosts[0], mine)
        open_form(them, hosts[1], theirs)
        if field := next(iter(mine.filled), ""):
            theirs.form[field] += " of another person"
        fresh_sandbox.clear_requests()
        fresh_sandbox.fault(mine.call[1], "delay", method=mine.call[0], delay=0.4, times=1)
        responses = submit(hosts, [(me, mine.path, mine.form), (them, theirs.path, theirs.form)])
    first, second = sorted(each.status_code for each in responses)
    assert first == 303
    assert second in {409, 422}, [each.text[:300] for each in responses]
    assert arrived(fresh_sandbox, mine) == 1
