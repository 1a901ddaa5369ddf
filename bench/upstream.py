"""The API at its fastest: asks the sandbox once for each GET, then responds from memory.

`python -m bench.upstream PORT SANDBOX_PORT`. The baselines and the portal get the same bytes, at
almost no cost. Writes are passed on each time. `GET /_count` returns the number of calls.
"""

from __future__ import annotations

import asyncio
import http.client
import sys

HOST = "127.0.0.1"
SKIPPED = {"connection", "transfer-encoding", "content-length", "date", "server"}


def ask_sandbox(port: int, head: bytes, body: bytes) -> bytes:
    """Passes one request on; returns the whole response as bytes, ready to be sent again."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request(method, target, body or None, {**headers, "Connection": "close"})
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    kept = [f"{name}: {value}" for name, value in response.getheaders() if name.lower() not in SKIPPED]
    start = "\r\n".join([f"HTTP/1.1 {response.status} {response.reason}", *kept, f"Content-Length: {len(content)}"])
    return start.encode("latin-1") + b"\r\n\r\n" + content


class Upstream:
    def __init__(self, sandbox_port: int) -> None:
        self.sandbox_port = sandbox_port
        self.known: dict[bytes, bytes] = {}
        self.count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One keep-alive connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
                )
                body = await reader.readexactly(length) if length else b""
                writer.write(await self.response(head[:-4], body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def response(self, head: bytes, body: bytes) -> bytes:
        first = head.split(b"\r\n", 1)[0]
        if first.startswith(b"GET /_count "):
            text = b"%d" % self.count
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text)
        self.count += 1
        known = self.known.get(first)
        if known is None:
            known = await asyncio.to_thread(ask_sandbox, self.sandbox_port, head, body)
            if first.startswith(b"GET ") and known.startswith(b"HTTP/1.1 200 "):
                self.known[first] = known
        return known


async def main(port: int, sandbox_port: int) -> None:
    server = await asyncio.start_server(Upstream(sandbox_port).serve, HOST, port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
