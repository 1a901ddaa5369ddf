"""Workers killed in the middle of a change: `python -m bench.kills`.

Every kind of change is sent at once, each to a device of its own, and the worker that serves them is ended with SIGKILL
while the platform has them: before it carries them out, or after that and before it answers. Then the same forms are
sent again, and later each record is looked at. Whatever happened upstream, three things must hold: nothing was sent
twice, nothing is missing from the trail, and nothing is shown as made that was not.

Takes real time: more than a minute a case, as an absence is proof only a minute later. Prints a line a case, ends with
1 if one fails.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests
from bs4 import BeautifulSoup

from tests.change_examples import Write, arrived, open_form, writes
from tests.portal.test_stack import sign_in
from tests.portal_server import PortalServer
from tests.servers import SandboxServer
from tests.services import postgres_server

LINGER = 4.0
"""Seconds for which the platform keeps a call: long enough to kill the worker meanwhile."""
SURE = 62.0
"""Seconds after a change at which what is not there was not made (reconciliation.CERTAIN_AFTER, and a little more)."""
STOP = threading.Event()
"""Somebody wants this to end."""


def send(session: requests.Session, host: PortalServer, write: Write, *, token: str = "") -> None:
    form = write.form | ({"csrfmiddlewaretoken": token} if token else {})
    with requests.Session() as mine:
        mine.trust_env = False
        mine.cookies.update(session.cookies)
        try:
            answer = mine.post(host.url + write.path, form, allow_redirects=False, timeout=60)
        except requests.RequestException:
            write.answers.append((0, ""))
        else:
            write.answers.append((answer.status_code, answer.text))


def at_once(session: requests.Session, host: PortalServer, all_of_them: list[Write]) -> list[threading.Thread]:
    threads = [threading.Thread(target=send, args=[session, host, write]) for write in all_of_them]
    for thread in threads:
        thread.start()
    return threads


def until(what: Callable[[], bool], seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while not what():
        if time.monotonic() > give_up or STOP.wait(0.05):
            raise AssertionError("what was waited for did not happen")


def workers_of(host: PortalServer) -> list[int]:
    children = Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split()
    return [int(pid) for pid in children]


def case(sandbox: SandboxServer, host: PortalServer, only: list[str], **fault: object) -> list[str]:
    """One round; what went wrong in it."""
    sandbox.reset()
    all_of_them = [write for write in writes(sandbox) if not only or write.name in only]
    with sign_in(host, "admin") as session:
        for write in all_of_them:
            open_form(session, host, write)
        sandbox.clear_requests()
        for write in all_of_them:
            method, path = write.call
            sandbox.fault(path, "drop", method=method, **fault)
        started = time.monotonic()
        threads = at_once(session, host, all_of_them)
        until(lambda: all(arrived(sandbox, write) for write in all_of_them), 30)
        if fault.get("apply"):
            until(lambda: all(write.made(sandbox) for write in all_of_them), 30)
        for pid in workers_of(host):
            os.kill(pid, signal.SIGKILL)
        for thread in threads:
            thread.join(timeout=70)
        sandbox.clear_faults()
        until(lambda: _answers(session, host), 30)
        for thread in at_once(session, host, all_of_them):  # pressed again by whoever got no answer
            thread.join(timeout=70)
        STOP.wait(max(0.0, SURE - (time.monotonic() - started)))
        return [*_wrongs(sandbox, host, session, all_of_them)]


def _answers(session: requests.Session, host: PortalServer) -> bool:
    try:
        return session.get(f"{host.url}/sign-in/", timeout=5).status_code < 500
    except requests.RequestException:
        return False


def _wrongs(
    sandbox: SandboxServer, host: PortalServer, session: requests.Session, all_of_them: list[Write]
) -> Iterator[str]:
    texts = [*_records(session, host)]
    labels = [" ".join(BeautifulSoup(text, "html.parser").main.get_text(" ").split()) for text in texts]  # type: ignore[union-attr]
    for write in all_of_them:
        sent, made = arrived(sandbox, write), write.made(sandbox)
        if sent != 1:
            yield f"{write.name}: sent {sent} times"
        if write.answers[0][0] != 0:
            yield f"{write.name}: the first press was answered with {write.answers[0][0]} by a worker that was killed"
        if not made and write.answers[1][0] == 303:
            yield f"{write.name}: shown as made, which it was not"
        if write.answers[1][0] == 500:
            yield f"{write.name}: a fault of the portal's own"
    confirmed = sum("Confirmed" in label for label in labels)
    made = sum(write.made(sandbox) for write in all_of_them if write.tellable)
    if len(labels) != len(all_of_them):
        yield f"{len(labels)} records of {len(all_of_them)} changes"
    if confirmed != made:
        yield f"{confirmed} records say confirmed, {made} changes were made"
    if not made:
        rejected = sum("Not made" in label for label in labels)
        tellable = sum(write.tellable for write in all_of_them)
        if rejected != tellable:
            yield f"{rejected} records say not made, {tellable} could tell"


def _records(session: requests.Session, host: PortalServer) -> Iterator[str]:
    """The pages of all entries; opening one settles it."""
    for number in range(1, 200):
        page = session.get(f"{host.url}/audit/{number}/", timeout=30)
        if page.status_code == 404:
            return
        yield page.text


@contextmanager
def hosts(kind: str, sandbox: SandboxServer) -> Iterator[PortalServer]:
    if kind == "sqlite":
        host = PortalServer(sandbox, threads=32)
        try:
            yield host
        finally:
            host.stop()
        return
    with postgres_server() as postgres:
        host = PortalServer(sandbox, threads=32, database_url=postgres.database())
        try:
            yield host
        finally:
            host.stop()


CASES: dict[str, dict[str, object]] = {
    "killed before the platform carried it out, which it never did": {"delay": LINGER},
    "killed after the platform carried it out, before it answered": {"apply": True, "linger": LINGER},
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--only", action="append", default=[], help="a kind of change, such as rename")
    options = parser.parse_args(arguments)
    rounds = [(database, name) for database in options.database or ["sqlite"] for name in CASES]
    with ThreadPoolExecutor(max_workers=2) as both:  # they mostly wait
        found = list(both.map(lambda each: one_round(*each, options.only), rounds))
    return 1 if any(found) else 0


def one_round(database: str, name: str, only: list[str]) -> list[str]:
    sandbox = SandboxServer()
    try:
        with hosts(database, sandbox) as host:
            wrongs = case(sandbox, host, only, **CASES[name])
            said = host.log()[-4000:] if wrongs else ""
    finally:
        sandbox.stop()
    print(f"{said}kills, {database}, {name}: " + ("; ".join(wrongs) if wrongs else "in order"), flush=True)
    return wrongs


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: STOP.set())
    sys.exit(main())
