"""Holds every call of every test against the contract. A pytest plugin: tests/conftest.py names it.

It listens inside urllib3, below requests and below our own transport, so that it sees what goes over the wire and
nobody's idea of it. During a test calls are only noted down; they are judged when the test is over, and a call that
breaks the contract fails the test that made it.

- Of requests, those of the portal are judged: the tests of the sandbox send wrong ones on purpose. So do the tests of
  the bare gateway, which passes on what it is given (the portal's forms are the ones to refuse): there, a
  request that the sandbox answers with 400 or 405 is taken as meant.
- Of answers, all that a sandbox gives, to whomever. Where a test has set a fault, the broken answer is the point of it.

Not seen: what other processes send (the portal in the browser tests, the load tests), and what `responses` answers in
place of a server.
"""

from __future__ import annotations

import fnmatch
import functools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.response import HTTPResponse

from tests.contract.checker import Answer, Call, contract

API = ("/api/", "/oauth2/")
FAULTS, RESET = "/_sandbox/faults", "/_sandbox/reset"
BARE_GATEWAY = "tests/devices/gateway/"
CALLS = pytest.StashKey[Counter[str]]()


@dataclass
class Tape:
    """One call. `answer` is there once its body has been read to the end, whole and decompressed."""

    origin: str
    call: Call
    user_agent: str
    status: int
    headers: dict[str, str]
    chunks: list[bytes] = field(default_factory=list)
    answer: Answer | None = None

    @property
    def by_portal(self) -> bool:
        return self.user_agent.startswith("device-portal")

    @property
    def by_sandbox(self) -> bool:
        """Whether a sandbox answered, and not one of the tests' servers that give odd answers."""
        return self.headers.get("server") == "gunicorn"

    def end(self) -> None:
        self.answer = Answer.of(self.status, self.headers, b"".join(self.chunks))


@dataclass
class Recorder:
    """What went over the wire since the last `judged`."""

    tapes: list[Tape] = field(default_factory=list)
    faults: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, tape: Tape, response: HTTPResponse) -> None:
        path = tape.call.path
        if path == RESET or (path == FAULTS and tape.call.method == "DELETE"):
            self.faults.pop(tape.origin, None)
        elif path == FAULTS and tape.call.method == "POST":
            self.faults[tape.origin].append(json.loads(tape.call.body))
        elif path.startswith(API) and not self._faulty(tape):
            self.tapes.append(tape)
            _listen(tape, response)

    def _faulty(self, tape: Tape) -> bool:
        return any(
            fnmatch.fnmatchcase(tape.call.path, fault["path"]) and fault["kind"] != "delay"
            for fault in self.faults.get(tape.origin, ())
        )

    def judged(self, *, bare_gateway: bool = False) -> list[str]:
        """What broke the contract, each kind once; forgets the calls."""
        tapes, self.tapes = self.tapes, []
        found: dict[str, None] = {}
        for tape in tapes:
            operation = contract().operation(tape.call)
            self.counts[operation["operationId"] if operation else "unknown"] += 1
            if tape.by_portal and not (bare_gateway and tape.status in (400, 405)):
                found |= dict.fromkeys(contract().request_violations(tape.call))
            if tape.by_sandbox and tape.answer is None:
                self.counts["unread"] += 1
            elif tape.by_sandbox and tape.answer is not None:
                found |= dict.fromkeys(contract().answer_violations(tape.call, tape.answer))
        return list(found)


def _listen(tape: Tape, response: HTTPResponse) -> None:
    """Note the body down as it is read, not before: a test of slow or endless answers must meet them as they are."""
    read, stream = response.read, response.stream
    streaming = False

    def noted_stream(*args: Any, **kwargs: Any) -> Iterator[bytes]:
        nonlocal streaming
        streaming = True  # it may call `read` in turn
        for chunk in stream(*args, **kwargs):
            tape.chunks.append(chunk)
            yield chunk
        tape.end()

    def noted_read(amt: int | None = None, *args: Any, **kwargs: Any) -> bytes:
        data = read(amt, *args, **kwargs)
        if not streaming:
            tape.chunks.append(data)
            if amt is None or not data:
                tape.end()
        return data

    response.read, response.stream = noted_read, noted_stream  # type: ignore[method-assign, assignment]


def _listening(urlopen: Callable[..., Any], recorder: Recorder) -> Callable[..., HTTPResponse]:
    @functools.wraps(urlopen)
    def noted(pool: HTTPConnectionPool, method: str, url: str, *args: Any, **kwargs: Any) -> HTTPResponse:
        # Read first: the answer is handed out unread, so that whoever reads it reads through us.
        preload = kwargs.pop("preload_content", True)
        response = urlopen(pool, method, url, *args, preload_content=False, **kwargs)
        body = kwargs.get("body", args[0] if args else None)
        headers = kwargs.get("headers", args[1] if len(args) > 1 else None) or {}
        sent = {name.lower(): _text(value) for name, value in headers.items()}
        tape = Tape(
            origin=f"{pool.host}:{pool.port}",
            call=Call.of(method, url, sent, body if isinstance(body, bytes | str) else None),
            user_agent=sent.get("user-agent", ""),
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
        )
        recorder.note(tape, response)
        if preload:
            response._body = response.read()
        return response

    return noted


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


class ContractBroken(AssertionError):
    """A call of this test is not as docs/openapi.yaml has it."""


class ContractKeeper:
    """The hooks of pytest. Each phase is judged, so that a fixture's call fails the test that asked for it."""

    def __init__(self, config: pytest.Config) -> None:
        self.recorder = Recorder()
        config.stash[CALLS] = self.recorder.counts
        self._urlopen = HTTPConnectionPool.urlopen
        HTTPConnectionPool.urlopen = _listening(self._urlopen, self.recorder)  # type: ignore[method-assign]

    def pytest_unconfigure(self) -> None:
        HTTPConnectionPool.urlopen = self._urlopen  # type: ignore[method-assign]

    def _judge(self, item: pytest.Item) -> None:
        if broken := self.recorder.judged(bare_gateway=item.nodeid.startswith(BARE_GATEWAY)):
            raise ContractBroken("The contract (docs/openapi.yaml) is broken:\n" + "\n".join(broken))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        yield
        self._judge(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        yield
        self._judge(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        yield
        self._judge(item)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["contract_calls"] = dict(self.recorder.counts)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(ContractKeeper(config), "contract-keeper")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of xdist hands in what it counted."""
    node.config.stash[CALLS].update(getattr(node, "workeroutput", {}).get("contract_calls", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    counts = config.stash[CALLS]
    unread, unknown = counts.pop("unread", 0), counts.pop("unknown", 0)
    names = {operation["operationId"] for operation in contract().operations.values()}
    never = sorted(names - set(counts))
    terminalreporter.write_line(
        f"contract: {counts.total()} calls to {len(names) - len(never)} of {len(names)} operations held against "
        f"docs/openapi.yaml, {unknown} to none; {unread} answers were not read to the end"
        + (f"; never called: {', '.join(never)}" if counts and len(never) < 20 else "")
    )
