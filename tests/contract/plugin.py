"""Checks every call of every test against the contract. A pytest plugin, registered in tests/conftest.py.

It hooks into urllib3, below requests and our transport, so it sees what goes over the wire. Calls are recorded during a
test and checked after it; a call that breaks the contract fails its test.

- Requests: those of the portal are checked, since the tests of the sandbox send wrong ones on purpose. The tests of the
  bare gateway do too: there, a request that the sandbox refuses with 400 or 405 is intended.
- Responses: all responses of a sandbox are checked, except where a test has set a fault.

Not recorded: calls of other processes (the portal in the browser tests, the load tests), and responses that
`responses` makes up.
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

from tests.contract.checker import Call, Response, contract

API = ("/api/", "/oauth2/")
FAULTS, RESET = "/_sandbox/faults", "/_sandbox/reset"
BARE_GATEWAY = "tests/devices/gateway/"
CALLS = pytest.StashKey[Counter[str]]()


@dataclass
class RecordedCall:
    """One call. `response` is set when its body has been read to the end; it is whole and decompressed."""

    origin: str
    call: Call
    user_agent: str
    status: int
    headers: dict[str, str]
    chunks: list[bytes] = field(default_factory=list)
    response: Response | None = None

    @property
    def by_portal(self) -> bool:
        return self.user_agent.startswith("device-portal")

    @property
    def by_sandbox(self) -> bool:
        """Whether a sandbox responded, and not one of the tests' servers with odd responses."""
        return self.headers.get("server") == "gunicorn"

    def end(self) -> None:
        self.response = Response.of(self.status, self.headers, b"".join(self.chunks))


@dataclass
class Recorder:
    """The calls since the last `violations()`."""

    recorded: list[RecordedCall] = field(default_factory=list)
    faults: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, record: RecordedCall, response: HTTPResponse) -> None:
        path = record.call.path
        if path == RESET or (path == FAULTS and record.call.method == "DELETE"):
            self.faults.pop(record.origin, None)
        elif path == FAULTS and record.call.method == "POST":
            self.faults[record.origin].append(json.loads(record.call.body))
        elif path.startswith(API) and not self._faulty(record):
            self.recorded.append(record)
            _record_body(record, response)

    def _faulty(self, record: RecordedCall) -> bool:
        return any(
            fnmatch.fnmatchcase(record.call.path, fault["path"]) and fault["kind"] != "delay"
            for fault in self.faults.get(record.origin, ())
        )

    def violations(self, *, bare_gateway: bool = False) -> list[str]:
        """The violations of the contract, each kind once; clears the calls."""
        recorded, self.recorded = self.recorded, []
        found: dict[str, None] = {}
        for record in recorded:
            operation = contract().operation(record.call)
            self.counts[operation["operationId"] if operation else "unknown"] += 1
            if record.by_portal and not (bare_gateway and record.status in (400, 405)):
                found |= dict.fromkeys(contract().request_violations(record.call))
            if record.by_sandbox and record.response is None:
                self.counts["unread"] += 1
            elif record.by_sandbox and record.response is not None:
                found |= dict.fromkeys(contract().response_violations(record.call, record.response))
        return list(found)


def _record_body(record: RecordedCall, response: HTTPResponse) -> None:
    """Record the body while it is read: tests of slow or endless responses must get them unchanged."""
    read, stream = response.read, response.stream
    streaming = False

    def recorded_stream(*args: Any, **kwargs: Any) -> Iterator[bytes]:
        nonlocal streaming
        streaming = True  # it may call `read` in turn
        for chunk in stream(*args, **kwargs):
            record.chunks.append(chunk)
            yield chunk
        record.end()

    def recorded_read(amt: int | None = None, *args: Any, **kwargs: Any) -> bytes:
        data = read(amt, *args, **kwargs)
        if not streaming:
            record.chunks.append(data)
            if amt is None or not data:
                record.end()
        return data

    response.read, response.stream = recorded_read, recorded_stream  # type: ignore[method-assign, assignment]


def _recording(urlopen: Callable[..., Any], recorder: Recorder) -> Callable[..., HTTPResponse]:
    @functools.wraps(urlopen)
    def recorded_urlopen(pool: HTTPConnectionPool, method: str, url: str, *args: Any, **kwargs: Any) -> HTTPResponse:
        # The response is returned unread, so that its reader reads through the recorder.
        preload = kwargs.pop("preload_content", True)
        response = urlopen(pool, method, url, *args, preload_content=False, **kwargs)
        body = kwargs.get("body", args[0] if args else None)
        headers = kwargs.get("headers", args[1] if len(args) > 1 else None) or {}
        sent = {name.lower(): _text(value) for name, value in headers.items()}
        record = RecordedCall(
            origin=f"{pool.host}:{pool.port}",
            call=Call.of(method, url, sent, body if isinstance(body, bytes | str) else None),
            user_agent=sent.get("user-agent", ""),
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
        )
        recorder.note(record, response)
        if preload:
            response._body = response.read()
        return response

    return recorded_urlopen


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


class ContractBroken(AssertionError):
    """A call of this test breaks docs/openapi.yaml."""


class ContractPlugin:
    """The hooks of pytest. Each phase is checked, so that a fixture's call fails the test that requested it."""

    def __init__(self, config: pytest.Config) -> None:
        self.recorder = Recorder()
        config.stash[CALLS] = self.recorder.counts
        self._urlopen = HTTPConnectionPool.urlopen
        HTTPConnectionPool.urlopen = _recording(self._urlopen, self.recorder)  # type: ignore[method-assign]

    def pytest_unconfigure(self) -> None:
        HTTPConnectionPool.urlopen = self._urlopen  # type: ignore[method-assign]

    def _check(self, item: pytest.Item) -> None:
        if broken := self.recorder.violations(bare_gateway=item.nodeid.startswith(BARE_GATEWAY)):
            raise ContractBroken("The contract (docs/openapi.yaml) is broken:\n" + "\n".join(broken))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        yield
        self._check(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        yield
        self._check(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        yield
        self._check(item)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["contract_calls"] = dict(self.recorder.counts)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(ContractPlugin(config), "contract")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Collects the counts of an xdist worker."""
    node.config.stash[CALLS].update(getattr(node, "workeroutput", {}).get("contract_calls", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    counts = config.stash[CALLS]
    unread, unknown = counts.pop("unread", 0), counts.pop("unknown", 0)
    names = {operation["operationId"] for operation in contract().operations.values()}
    never = sorted(names - set(counts))
    terminalreporter.write_line(
        f"contract: {counts.total()} calls to {len(names) - len(never)} of {len(names)} operations checked against "
        f"docs/openapi.yaml, {unknown} to none; {unread} responses were not read to the end"
        + (f"; never called: {', '.join(never)}" if counts and len(never) < 20 else "")
    )
