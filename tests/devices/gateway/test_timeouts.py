"""Calls end in time, whatever the server does. Real sockets, time-outs of tenths of a second.

Each server here would go on for many seconds.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, OutOfTime, TimedOut, Unreachable
from devices.gateway.timeouts import Deadline, Timeouts
from devices.gateway.transport import Transport
from tests.devices.gateway.wire import DEVICE, Handler, Server, answer, closed_port, each_request, serving

SHORT = Timeouts(connect=0.2, read=0.15, call=0.3, page=0.6)
PATIENCE = 15.0
"""Seconds: far longer than any time-out here, for a busy machine, and shorter than the servers go on."""


def failing(call: Callable[[], object]) -> tuple[GatewayError, float]:
    """The error of a call and how long it took, in seconds."""
    start = time.monotonic()
    with pytest.raises(GatewayError) as caught:
        call()
    return caught.value, time.monotonic() - start


def gateway(server: Server, timeouts: Timeouts = SHORT, deadline: Deadline | None = None) -> Gateway:
    return Gateway(Transport(server.url, timeouts=timeouts), lambda rejected: "t", deadline=deadline)


def dripping_head(server: Server, conn: socket.socket) -> None:
    server.read_request(conn)
    server.drip(conn, b"HTTP/1.1 200 OK\r\n" + b"X-Padding: 0123456789\r\n" * 50)


def dripping_body(server: Server, conn: socket.socket) -> None:
    server.read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
    server.drip(conn, b" " * 900)


def dripping_chunks(server: Server, conn: socket.socket) -> None:
    server.read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    server.drip(conn, b"1\r\n \r\n" * 200)


def dripping_until_closed(server: Server, conn: socket.socket) -> None:
    server.read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    server.drip(conn, b" " * 900)


def continuing_for_ever(server: Server, conn: socket.socket) -> None:
    server.read_request(conn)
    while not server.stop.wait(0.02):
        conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def silent(server: Server, conn: socket.socket) -> None:
    server.read_request(conn)
    server.stop.wait(30)


@pytest.mark.parametrize(
    ("handle", "status"),
    [
        (dripping_head, None),
        (continuing_for_ever, None),
        (silent, None),
        (dripping_body, 200),
        (dripping_chunks, 200),
        (dripping_until_closed, 200),
    ],
)
def test_a_response_that_never_ends_is_a_time_out(handle: Handler, status: int | None) -> None:
    with serving(handle) as server:
        error, took = failing(lambda: gateway(server).get_device(31))
    assert isinstance(error, TimedOut)
    assert error.api_status == status
    assert error.sent
    assert took < PATIENCE


def test_silence_ends_by_the_read_time_out() -> None:
    with serving(silent) as server:
        error, took = failing(lambda: gateway(server, Timeouts(read=0.2, call=30)).get_device(31))
    assert isinstance(error, TimedOut)
    assert 0.15 < took < PATIENCE


def test_a_slow_response_within_its_time_is_read() -> None:
    def slow(server: Server, conn: socket.socket) -> None:
        server.read_request(conn)
        server.drip(conn, answer(), every=0.001)

    with serving(slow) as server:
        device = gateway(server, Timeouts(read=20, call=60)).get_device(31)
    assert device.name == "Boiler room 2"


def test_calls_in_other_threads_have_their_own_time_outs() -> None:
    """Time-outs are handed to the connection by thread: a call must not get those of another thread."""

    def slow(server: Server, conn: socket.socket) -> None:
        while server.read_request(conn):
            server.drip(conn, answer(), every=0.002)

    with serving(slow) as server:
        transport = Transport(server.url)
        hurried_ended = threading.Event()

        def hurried() -> None:
            deadline = Deadline(0.1)
            with pytest.raises(TimedOut):
                Gateway(transport, lambda rejected: "t", deadline=deadline).get_device(31)
            hurried_ended.set()

        other = threading.Thread(target=hurried)
        other.start()
        device = Gateway(transport, lambda rejected: "t").get_device(31)
        other.join(10)
    assert device.id == 31
    assert hurried_ended.is_set()


def test_the_page_s_deadline_ends_a_call() -> None:
    with serving(silent) as server:
        patient = Timeouts(connect=30, read=30, call=30)
        error, took = failing(lambda: gateway(server, patient, Deadline(0.2)).get_device(31))
    assert isinstance(error, TimedOut)
    assert took < PATIENCE


def test_a_deadline_that_passes_between_two_reads_ends_the_call() -> None:
    now = [0.0]

    def late(server: Server, conn: socket.socket) -> None:
        server.read_request(conn)
        conn.sendall(answer()[:-20])
        now[0] = 1000.0
        conn.sendall(answer()[-20:-10])
        server.stop.wait(30)

    with serving(late) as server:
        page = Deadline(20, clock=lambda: now[0])
        error, took = failing(lambda: gateway(server, Timeouts(read=30, call=30), page).get_device(31))
    assert isinstance(error, TimedOut)
    assert took < PATIENCE


def test_all_calls_of_a_page_share_its_deadline() -> None:
    now = [1000.0]
    with serving(each_request(answer())) as server:
        page = Deadline(20, clock=lambda: now[0])
        device_page = gateway(server, deadline=page)
        device_page.get_device(31)
        now[0] += 19.9
        device_page.get_device(31)
        now[0] += 0.2
        error, _ = failing(lambda: device_page.get_device(31))
    assert isinstance(error, TimedOut)
    assert not error.sent, "a call that begins too late is not made"
    assert len(server.requests) == 2


def test_the_second_attempt_after_a_401_has_the_same_deadline() -> None:
    now = [0.0]

    def refresh(rejected: str | None) -> str:
        if rejected is not None:
            now[0] += 30
        return "t"

    with serving(each_request(answer(b"", status="401 Unauthorized"))) as server:
        page = Gateway(Transport(server.url), refresh, deadline=Deadline(20, clock=lambda: now[0]))
        error, _ = failing(lambda: page.get_device(31))
    assert isinstance(error, TimedOut)
    assert len(server.requests) == 1


def test_a_sent_change_is_awaited_to_the_end_and_an_unsent_one_is_out_of_time() -> None:
    """The page has hardly any time left when the change is sent, and one read is shorter than its answer takes."""
    timeouts = Timeouts(connect=10.0, read=0.1, call=20.0, page=20.0)
    now = [0.0]

    def page() -> Deadline:
        now[0] = 0.0
        return Deadline(20, clock=lambda: now[0])

    def thoughtful(server: Server, conn: socket.socket) -> None:
        server.read_request(conn)
        now[0] = 19.95
        time.sleep(0.25)
        conn.sendall(answer())

    with serving(thoughtful) as server:
        assert gateway(server, timeouts, page()).rename_device(31, "Boiler room 2").id == 31
        assert isinstance(failing(lambda: gateway(server, timeouts, page()).get_device(31))[0], TimedOut)
        sent = len(server.requests)
        error, _ = failing(lambda: gateway(server, timeouts, Deadline(0.0)).rename_device(31, "New"))
        assert isinstance(error, OutOfTime)
        assert (error.sent, error.uncertain, error.operation) == (False, False, "rename_device")
        assert len(server.requests) == sent
    with serving(dripping_head) as server:
        error, took = failing(lambda: gateway(server, SHORT, Deadline(0.1)).rename_device(31, "New"))
        assert (type(error), error.sent) == (TimedOut, True)
        assert 0.25 < took < PATIENCE, "for the whole time of a call, and no longer"


def test_a_refused_connection_says_that_nothing_was_sent() -> None:
    transport = Transport(f"http://127.0.0.1:{closed_port()}")
    error, took = failing(lambda: Gateway(transport, lambda rejected: "t").rename_device(31, "New"))
    assert isinstance(error, Unreachable)
    assert not error.sent
    assert error.operation == "rename_device"
    assert took < PATIENCE


def test_a_host_without_an_address_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error, _ = failing(lambda: Gateway(Transport("https://api.invalid"), lambda rejected: "t").get_device(31))
    assert isinstance(error, Unreachable)
    assert not error.sent


@pytest.fixture
def deaf() -> Iterator[tuple[str, int]]:
    """An address that neither accepts nor refuses: a listener whose queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)


def test_the_connect_time_out_is_for_all_addresses_together(
    monkeypatch: pytest.MonkeyPatch, deaf: tuple[str, int]
) -> None:
    transport = Transport("http://localhost", timeouts=Timeouts(connect=0.4))
    resolve_to(monkeypatch, *[deaf] * 50)
    error, took = failing(lambda: Gateway(transport, lambda rejected: "t").get_device(31))
    assert isinstance(error, TimedOut)
    assert not error.sent
    assert took < PATIENCE


def test_a_deaf_address_leaves_time_for_the_next_one(monkeypatch: pytest.MonkeyPatch, deaf: tuple[str, int]) -> None:
    with serving(each_request(answer(DEVICE))) as server:
        transport = Transport("http://localhost", timeouts=Timeouts(connect=0.8))
        resolve_to(monkeypatch, deaf, ("127.0.0.1", server.port))
        device = Gateway(transport, lambda rejected: "t").get_device(31)
        transport.close()
    assert device.id == 31, "half of the time is for the second address"
