"""A server of bytes on loopback, for answers that no HTTP server would give."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

DEVICE = b'{"id":31,"name":"Boiler room 2","templateId":12,"orgId":4}'


def answer(body: bytes = DEVICE, *headers: str, status: str = "200 OK") -> bytes:
    """A complete HTTP answer."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Server:
    """`requests` are the heads and bodies received, `connections` how many were accepted."""

    port: int
    stop: threading.Event = field(default_factory=threading.Event)
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def drip(self, conn: socket.socket, data: bytes, every: float = 0.02) -> None:
        """Send byte by byte, until all is sent or the test ends."""
        for at in range(len(data)):
            if self.stop.wait(every):
                return
            conn.sendall(data[at : at + 1])

    def read_request(self, conn: socket.socket) -> bytes | None:
        """One request with its body, or None when the client is gone."""
        self.open.append(conn)  # again, for one that has been wrapped in TLS
        data = b""
        while b"\r\n\r\n" not in data:
            more = conn.recv(65536)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
        length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
        while len(body) < length:
            body += conn.recv(65536)
        request = head + b"\r\n\r\n" + body
        self.requests.append(request)
        return request


Handler = Callable[[Server, socket.socket], None]


@contextmanager
def serving(handle: Handler) -> Iterator[Server]:
    """Run `handle` on every connection, in a thread of its own; it may end by an OSError."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener.getsockname()[1])
    threads: list[threading.Thread] = []

    def run(conn: socket.socket) -> None:
        with suppress(OSError), conn:
            handle(server, conn)

    def accept() -> None:
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            if server.stop.is_set():
                conn.close()
                return
            server.connections += 1
            server.open.append(conn)
            threads.append(threading.Thread(target=run, args=(conn,)))
            threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        server.stop.set()
        with suppress(OSError), socket.socket() as waker:  # ends the accept; looks up no name, tests replace that
            waker.connect(("127.0.0.1", server.port))
        acceptor.join(10)
        listener.close()
        for conn in server.open:
            with suppress(OSError):
                conn.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)


def each_request(*answers: bytes) -> Handler:
    """Send these responses in turn on each connection, the last one again and again."""

    def handle(server: Server, conn: socket.socket) -> None:
        left = list(answers)
        while server.read_request(conn) is not None:
            conn.sendall(left.pop(0) if len(left) > 1 else left[0])

    return handle


def once(data: bytes) -> Handler:
    """Read one request, send these bytes, close."""

    def handle(server: Server, conn: socket.socket) -> None:
        server.read_request(conn)
        conn.sendall(data)

    return handle


def closed_port() -> int:
    """A port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
