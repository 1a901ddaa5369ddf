"""The same call for many devices: concurrency, failures, and the token."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from devices.core.fanout import fan_out
from devices.gateway.client import Gateway
from devices.gateway.errors import BadReply, NotFound, TimedOut, Unauthorized
from devices.gateway.response import Reply
from devices.gateway.timeouts import Deadline
from devices.gateway.transport import Transport


class Upstream:
    """A transport: `answer` takes device id and token and returns (status, body)."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def send(self, method: str, path: str, *, query: Any = None, bearer: str = "", **_rest: Any) -> Reply:
        status, body = self.answer(query["deviceId"], bearer)
        return Reply(status=status, body=body, content_type="application/json", retry_after=None, request_id="")


class Tokens:
    """A token source that records the threads it is called in."""

    def __init__(self, *tokens: str) -> None:
        self.left = list(tokens)
        self.current = self.left.pop(0)
        self.threads: set[threading.Thread] = set()

    def __call__(self, rejected: str | None) -> str:
        self.threads.add(threading.current_thread())
        if rejected is not None:
            if not self.left:
                raise Unauthorized
            self.current = self.left.pop(0)
        return self.current


def device(device_id: int) -> bytes:
    return b'{"id":%d,"name":"Device %d","templateId":1,"orgId":1}' % (device_id, device_id)


def name(gateway: Gateway, device_id: int) -> str:
    return gateway.get_base_info(device_id).name


def gateway(answer: Any, tokens: Tokens | None = None, deadline: Deadline | None = None) -> Gateway:
    return Gateway(Upstream(answer), tokens or Tokens("first"), deadline=deadline)  # type: ignore[arg-type]


def test_at_most_eight_calls_run_at_once() -> None:
    # The barrier opens only when eight calls wait at it.
    barrier, lock, running, most = threading.Barrier(8, timeout=20), threading.Lock(), [0], [0]

    def answer(device_id: int, _token: str) -> tuple[int, bytes]:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        barrier.wait()
        with lock:
            running[0] -= 1
        return 200, device(device_id)

    found = fan_out(gateway(answer), range(1, 33), name)
    assert list(found.items()) == [(n, f"Device {n}") for n in range(1, 33)]
    assert most[0] == 8


def test_a_failure_affects_only_its_device() -> None:
    def answer(device_id: int, _token: str) -> tuple[int, bytes]:
        return {2: (404, b""), 3: (200, b"<html>")}.get(device_id, (200, device(device_id)))

    found = fan_out(gateway(answer), [1, 2, 3, 4], name)
    assert found[1] == "Device 1"
    assert isinstance(found[2], NotFound)
    assert isinstance(found[3], BadReply)
    assert found[4] == "Device 4"


def test_each_key_is_called_once() -> None:
    requested = []

    def answer(device_id: int, _token: str) -> tuple[int, bytes]:
        requested.append(device_id)
        return 200, device(device_id)

    assert fan_out(gateway(answer), [], name) == {}
    assert list(fan_out(gateway(answer), [5, 5, 6], name)) == [5, 6]
    assert sorted(requested) == [5, 6]


def test_tokens_are_fetched_in_the_thread_of_the_request_only() -> None:
    # In another thread it would open another database connection.
    tokens = Tokens("first", "second")

    def answer(device_id: int, token: str) -> tuple[int, bytes]:
        return (200, device(device_id)) if token == "second" else (401, b"")

    found = fan_out(gateway(answer, tokens), [1, 2, 3], name)
    assert found == {1: "Device 1", 2: "Device 2", 3: "Device 3"}
    assert tokens.threads == {threading.current_thread()}
    assert tokens.left == [], "one new token for all"


def test_an_ended_session_raises_unauthorized() -> None:
    with pytest.raises(Unauthorized):
        fan_out(gateway(lambda device_id, token: (401, b"")), [1, 2, 3], name)


def test_after_the_deadline_nothing_is_sent() -> None:
    transport = Transport("http://127.0.0.1:9")
    late = Gateway(transport, lambda rejected: "token", deadline=Deadline(0.0))
    found = fan_out(late, range(20), name)
    assert {type(answer) for answer in found.values()} == {TimedOut}
    assert not any(answer.sent for answer in found.values() if isinstance(answer, TimedOut))
