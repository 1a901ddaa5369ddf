"""On the connection: sizes, responses that are cut short or not HTTP, and what stays between calls."""

from __future__ import annotations

import gzip
import socket
import struct
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest

from devices.gateway.client import Gateway
from devices.gateway.errors import BadReply, GatewayError, Unreachable
from devices.gateway.timeouts import Timeouts
from devices.gateway.transport import Transport
from tests.devices.gateway.wire import DEVICE, Server, answer, closed_port, each_request, once, serving

MEGABYTE = 1024 * 1024
ROOT = Path(__file__).resolve().parents[3]
GZIP = "Content-Encoding: gzip"
PATIENT = Timeouts(connect=60, read=60, call=120)
"""For what is measured in bytes, however long a busy machine takes for it."""


def over(transport: Transport) -> Gateway:
    return Gateway(transport, lambda rejected: "access-token", request_id="00ff")


def error_of(data: bytes) -> GatewayError:
    """The error when a server reads the request, sends these bytes and closes."""
    with serving(once(data)) as server, pytest.raises(GatewayError) as caught:
        over(Transport(server.url)).get_device(31)
    return caught.value


@pytest.mark.parametrize(
    "data",
    [
        answer()[:-1],
        answer(gzip.compress(DEVICE), GZIP)[:-4],
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + DEVICE[:5],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Le",
        answer(b"not gzip", GZIP),
        answer(gzip.compress(DEVICE)[:-20], GZIP),
    ],
    ids=["length", "gzip", "empty", "chunk", "odd-chunk", "status-line", "head", "no-gzip", "short-gzip"],
)
def test_an_answer_cut_short_or_garbled_is_a_bad_reply(data: bytes) -> None:
    error = error_of(data)
    assert type(error) is BadReply
    assert error.api_status == 200
    assert error.sent


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x50" * 20,
        b"HTTP/1.1 twohundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
    ids=["ssh", "tls", "status", "headers", "long-header"],
)
def test_a_response_that_is_not_http_is_a_bad_reply(data: bytes) -> None:
    assert type(error_of(data)) is BadReply


def test_a_connection_closed_without_an_answer_may_have_reached_the_api() -> None:
    error = error_of(b"")
    assert type(error) is Unreachable
    assert error.sent


def test_a_connection_reset_without_an_answer_may_have_reached_the_api() -> None:
    def reset(server: Server, conn: socket.socket) -> None:
        server.read_request(conn)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()

    with serving(reset) as server, pytest.raises(Unreachable) as caught:
        over(Transport(server.url)).rename_device(31, "New")
    assert caught.value.sent
    assert len(server.requests) == 1


def test_a_compressed_answer_is_read() -> None:
    with serving(each_request(answer(gzip.compress(DEVICE), GZIP))) as server:
        assert over(Transport(server.url)).get_device(31).id == 31


@pytest.mark.parametrize("size", [MEGABYTE, MEGABYTE + 1])
def test_a_body_may_be_as_large_as_allowed_and_no_larger(size: int) -> None:
    padded = DEVICE + b" " * (size - len(DEVICE))
    with serving(each_request(answer(padded), answer())) as server:
        gateway = over(Transport(server.url, max_bytes=MEGABYTE, timeouts=PATIENT))
        if size > MEGABYTE:
            with pytest.raises(BadReply) as caught:
                gateway.get_device(31)
            assert caught.value.api_status == 200
        else:
            assert gateway.get_device(31).id == 31


def test_eight_megabytes_are_allowed_by_default() -> None:
    padded = DEVICE + b" " * (8 * MEGABYTE)
    with serving(each_request(answer(padded))) as server, pytest.raises(BadReply):
        over(Transport(server.url, timeouts=PATIENT)).get_device(31)


def test_a_compressed_bomb_is_not_inflated() -> None:
    bomb = gzip.compress(gzip.compress(b" " * (60 * MEGABYTE)))
    with serving(each_request(answer(bomb, "Content-Encoding: gzip, gzip"))) as server:
        tracemalloc.start()
        with pytest.raises(BadReply):
            over(Transport(server.url, max_bytes=MEGABYTE, timeouts=PATIENT)).get_device(31)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 6 * MEGABYTE


def test_a_connection_is_used_again() -> None:
    with serving(each_request(answer())) as server:
        gateway = over(Transport(server.url))
        for _ in range(5):
            gateway.get_device(31)
    assert (server.connections, len(server.requests)) == (1, 5)


def test_a_connection_is_used_again_after_an_error() -> None:
    with serving(each_request(answer(b"{}", status="404 Not Found"), answer())) as server:
        gateway = over(Transport(server.url))
        with pytest.raises(GatewayError):
            gateway.get_device(31)
        gateway.get_device(31)
    assert server.connections == 1


def test_the_rest_of_a_too_large_body_is_not_read_as_the_next_response() -> None:
    with serving(each_request(answer(b"[" + b" " * MEGABYTE + b"]"), answer())) as server:
        transport = Transport(server.url, max_bytes=1000)
        for _ in range(2):
            with pytest.raises(BadReply):
                over(transport).get_device(31)
    assert server.connections == 2


def test_a_closed_connection_is_replaced() -> None:
    closed = threading.Event()

    def one_answer(server: Server, conn: socket.socket) -> None:
        server.read_request(conn)
        conn.sendall(answer())
        conn.shutdown(socket.SHUT_RDWR)
        closed.set()

    with serving(one_answer) as server:
        transport = Transport(server.url)
        assert over(transport).get_device(31).id == 31
        assert closed.wait(10)
        assert over(transport).get_device(31).id == 31
    assert server.connections == 2


def test_cookies_are_not_carried_from_one_call_to_the_next() -> None:
    """Connections are shared by people; a cookie of one would go out with the token of another."""
    with serving(each_request(answer(DEVICE, "Set-Cookie: route=a1; Path=/"))) as server:
        transport = Transport(server.url)
        for _ in range(2):
            over(transport).get_device(31)
    assert len(server.requests) == 2
    assert b"cookie" not in server.requests[1].lower()


def test_proxies_and_netrc_are_not_used_for_loopback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(each_request(answer())) as server:
        Transport(server.url).send("GET", "/unsigned")
        over(Transport(server.url)).get_device(31)
    unsigned, signed = server.requests
    assert b"authorization" not in unsigned.lower()
    assert b"Authorization: Bearer access-token\r\n" in signed


CALLER = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
from devices.gateway.timeouts import Timeouts
from devices.gateway.transport import Transport
reply = Transport(sys.argv[1]).send("GET", "/path", query={"q": "person@example.org"}, bearer="access-token")
print("status", reply.status)
"""


def test_the_library_logs_nothing_of_a_call() -> None:
    """In a process of its own, where nobody else has set up logging, and with everything to be logged."""
    odd_header = answer(DEVICE, "no colon in this line")
    with serving(each_request(odd_header)) as server:
        run = subprocess.run(
            [sys.executable, "-c", CALLER, server.url], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
        )
    assert (run.stdout, run.stderr) == ("status 200\n", "")
