"""Workers killed in the middle of a change: `python -m bench.kills`.

All kinds of change are submitted at once, each to its own device, and the worker gets SIGKILL while the platform has
the calls: before it applies them, or after that and before it replies. Then the same forms are submitted again, and
later each audit entry is opened. Three things must hold: nothing was sent twice, nothing is missing from the audit, and
nothing is shown as confirmed that was not applied.

A case takes more than a minute, since only then an absence is proof. Prints a line a case, exits with 1 if one fails.
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

import django
import requests
from bs4 import BeautifulSoup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from tests.change_examples import Change, arrived, changes, open_form  # noqa: E402
from tests.portal.test_stack import sign_in  # noqa: E402
from tests.portal_server import PortalServer  # noqa: E402
from tests.servers import SandboxServer  # noqa: E402
from tests.services import postgres_server  # noqa: E402

LINGER = 4.0
"""Seconds for which the platform holds a call: long enough to kill the worker meanwhile."""
SURE = 62.0
"""Seconds after which a change that is not visible was not applied: a little more than reconciliation waits."""
STOP = threading.Event()
"""Set on SIGTERM."""


def send(session: requests.Session, host: PortalServer, change: Change, *, token: str = "") -> None:
    form = change.form | ({"csrfmiddlewaretoken": token} if token else {})
    with requests.Session() as mine:
        mine.trust_env = False
        mine.cookies.update(session.cookies)
        try:
            response = mine.post(host.url + change.path, form, allow_redirects=False, timeout=60)
        except requests.RequestException:
            change.answers.append((0, ""))
        else:
            change.answers.append((response.status_code, response.text))


def at_once(session: requests.Session, host: PortalServer, all_of_them: list[Change]) -> list[threading.Thread]:
    threads = [threading.Thread(target=send, args=[session, host, change]) for change in all_of_them]
    for thread in threads:
        thread.start()
    return threads


def until(what: Callable[[], bool], seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while not what():
        if time.monotonic() > give_up or STOP.wait(0.05):
            raise AssertionError("timeout")


def workers_of(host: PortalServer) -> list[int]:
    children = Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split()
    return [int(pid) for pid in children]


def case(sandbox: SandboxServer, host: PortalServer, only: list[str], **fault: object) -> list[str]:
    """One round; returns what went wrong in it."""
    sandbox.reset()
    all_of_them = [change for change in changes(sandbox) if not only or change.kind.name in only]
    with sign_in(host, "admin") as session:
        for change in all_of_them:
            open_form(session, host, change)
        sandbox.clear_requests()
        for change in all_of_them:
            method, path = change.call
            sandbox.fault(path, "drop", method=method, **fault)
        threads = at_once(session, host, all_of_them)
        until(lambda: all(arrived(sandbox, change) for change in all_of_them), 30)
        sent = time.monotonic()
        if fault.get("apply"):
            until(lambda: all(change.made(sandbox) for change in all_of_them), 30)
        for pid in workers_of(host):
            os.kill(pid, signal.SIGKILL)
        for thread in threads:
            thread.join(timeout=70)
        sandbox.clear_faults()
        until(lambda: _responds(session, host), 60)
        for thread in at_once(session, host, all_of_them):  # again, since there was no response
            thread.join(timeout=70)
        STOP.wait(max(0.0, SURE - (time.monotonic() - sent)))
        return [*_wrongs(sandbox, host, session, all_of_them)]


def _responds(session: requests.Session, host: PortalServer) -> bool:
    try:
        return session.get(f"{host.url}/sign-in/", timeout=5).status_code < 500
    except requests.RequestException:
        return False


def _wrongs(
    sandbox: SandboxServer, host: PortalServer, session: requests.Session, all_of_them: list[Change]
) -> Iterator[str]:
    texts = [*_records(session, host)]
    labels = [" ".join(BeautifulSoup(text, "html.parser").main.get_text(" ").split()) for text in texts]  # type: ignore[union-attr]
    for change in all_of_them:
        sent, made = arrived(sandbox, change), change.made(sandbox)
        if sent != 1:
            yield f"{change.kind.name}: sent {sent} times"
        if change.answers[0][0] != 0:
            yield f"{change.kind.name}: the killed worker responded with {change.answers[0][0]}"
        if not made and change.answers[1][0] == 303:
            yield f"{change.kind.name}: shown as confirmed, but not applied"
        if change.answers[1][0] == 500:
            yield f"{change.kind.name}: the portal crashed"
    confirmed = sum("Confirmed" in label for label in labels)
    made = sum(change.made(sandbox) for change in all_of_them if change.verifiable)
    if len(labels) != len(all_of_them):
        yield f"{len(labels)} audit entries of {len(all_of_them)} changes"
    if confirmed != made:
        yield f"{confirmed} entries say confirmed, {made} changes were made"
    if not made:
        rejected = sum("Not made" in label for label in labels)
        tellable = sum(change.verifiable for change in all_of_them)
        if rejected != tellable:
            yield f"{rejected} entries say not made, {tellable} could tell"


def _records(session: requests.Session, host: PortalServer) -> Iterator[str]:
    """The pages of all audit entries; opening one reconciles it."""
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
    "killed before the platform applied it, which it never did": {"delay": LINGER},
    "killed after the platform applied it, before it replied": {"apply": True, "linger": LINGER},
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--only", action="append", default=[], help="a kind of change, such as rename")
    options = parser.parse_args(arguments)
    rounds = [(database, name) for database in options.database or ["sqlite"] for name in CASES]
    with ThreadPoolExecutor(max_workers=2) as both:  # they mostly sleep
        found = list(both.map(lambda each: one_round(*each, options.only), rounds))
    return 1 if any(found) else 0


def one_round(database: str, name: str, only: list[str]) -> list[str]:
    sandbox = SandboxServer()
    try:
        with hosts(database, sandbox) as host:
            wrongs = case(sandbox, host, only, **CASES[name])
            content = host.log()[-4000:] if wrongs else ""
    finally:
        sandbox.stop()
    print(f"{content}kills, {database}, {name}: " + ("; ".join(wrongs) if wrongs else "in order"), flush=True)
    return wrongs


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: STOP.set())
    sys.exit(main())
