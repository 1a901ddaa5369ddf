"""One HTTP call to the Platform API, within limits of time and size: the only module that uses an HTTP library.

requests and urllib3 time out per read, so a server that sends a byte now and then holds a call for ever. Here every
single read, of headers and of body, waits at most for what is left of the call (and of the page it belongs to).
No retries, redirects, cookies or .netrc by the library.
"""

from __future__ import annotations

import base64
import http.client
import io
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ReadTimeoutError

from devices.gateway.base_url import check_base_url, is_loopback
from devices.gateway.errors import BadReply, GatewayError, OutOfTime, TimedOut, Unauthorized, Unreachable
from devices.gateway.response import Reply, read_retry_after
from devices.gateway.timeouts import Allowance, Clock, Deadline, Timeouts

__all__ = ["Deadline", "Query", "Reply", "Timeouts", "Transport", "check_base_url"]

# urllib3 writes paths with their query to the log, at DEBUG and in one WARNING; queries hold e-mail addresses.
for _name in ("urllib3", "urllib3.connectionpool", "urllib3.connection"):
    logging.getLogger(_name).setLevel(logging.ERROR)

MAX_BYTES = 8 * 1024 * 1024
CHUNK = 64 * 1024
MAX_IDLE_CONNECTIONS = 64
"""More than there are calls at the same time by default (Limits.max_concurrency)."""

Query = Mapping[str, str | int | bool | None]


class Transport:
    """Sends requests to one API, for all threads. Raises ValueError for the operator if the URL is not allowed."""

    def __init__(
        self,
        base_url: str,
        *,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - immutable
        allowed_hosts: Sequence[str] = (),
        max_bytes: int = MAX_BYTES,
        ca_bundle: str | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.base_url = check_base_url(base_url, allowed_hosts)
        self.timeouts = timeouts
        self.allowed_hosts = tuple(allowed_hosts)
        self._max_bytes = max_bytes
        self._ca_bundle = ca_bundle
        self._clock = clock
        self._adapter = _Adapter(_pool(self.base_url, ca_bundle))
        self._headers = {"User-Agent": "device-portal", "Accept": "application/json", "Accept-Encoding": "gzip"}

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        bearer: str = "",
        basic: tuple[str, str] | None = None,
        request_id: str = "",
        deadline: Deadline | None = None,
        operation: str = "",
        to_the_end: bool = False,
    ) -> Reply:
        """Send one request and read its whole response, whatever its status.

        `query` members that are None are left out. `json` or `form` is the body. Raises Unreachable, TimedOut,
        BadReply, or Unauthorized for a bearer token that no header can carry.

        `to_the_end` is for changes: the page's deadline holds until the request is on its way, and OutOfTime says that
        it was over before; the response is awaited for as long as a call may take.
        """
        headers = self._headers.copy()
        body: bytes | None = None
        if json is not None:
            body = msgspec.json.encode(json)
            headers["Content-Type"] = "application/json"
        elif form is not None:
            body = urlencode(form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if body is not None:
            headers["Content-Length"] = str(len(body))
        if bearer:
            if not (bearer.isascii() and bearer.isprintable()):
                raise Unauthorized(operation=operation, request_id=request_id, sent=False)  # no header can carry it
            headers["Authorization"] = f"Bearer {bearer}"
        elif basic is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(basic).encode()).decode()
        if request_id:
            headers["X-Request-ID"] = request_id
        allowance = Allowance(
            Deadline(self.timeouts.call, clock=self._clock), deadline, self.timeouts, to_the_end=to_the_end
        )
        # What requests would prepare, without its merging: all four are complete.
        request = requests.PreparedRequest()
        request.method, request.url = method, self.base_url + path + encoded(query)
        request.headers, request.body = CaseInsensitiveDict(headers), body
        outcome = self._exchange(request, allowance)
        if isinstance(outcome, _Failure):
            # Raised here and not in an except block: the library's error holds the request with its token.
            raise outcome.kind(operation=operation, api_status=outcome.status, request_id=request_id, sent=outcome.sent)
        response, content = outcome
        return Reply(
            status=response.status_code,
            body=content,
            content_type=response.headers.get("Content-Type", ""),
            retry_after=read_retry_after(response.headers.get("Retry-After")),
            request_id=request_id,
            location=response.headers.get("Location", ""),
        )

    def at(self, base_url: str) -> Transport:
        """The same, to another address that the caller has checked."""
        return Transport(
            base_url,
            timeouts=self.timeouts,
            max_bytes=self._max_bytes,
            ca_bundle=self._ca_bundle,
            clock=self._clock,
        )

    def close(self) -> None:
        """Close the idle connections."""
        self._adapter.close()

    def _exchange(
        self, request: requests.PreparedRequest, allowance: Allowance
    ) -> tuple[requests.Response, bytes] | _Failure:
        if allowance.to_begin() <= 0:
            return _Failure(OutOfTime if allowance.to_the_end else TimedOut, sent=False)
        status = None
        _thread.allowance, _thread.began = allowance, False
        try:
            response = self._adapter.send(request, stream=True, timeout=allowance.timeouts())
            status = response.status_code
            content = self._content(response)
        except requests.RequestException as error:
            failure = _failure(error, status)
            return failure if _thread.began else failure._replace(sent=False)
        finally:
            del _thread.allowance, _thread.began
        if content is None or (not content and not _has_stated_length(response)):
            return _Failure(BadReply, status=status)
        return response, content

    def _content(self, response: requests.Response) -> bytes | None:
        """The decoded body, or None (and the connection closed) if it is larger than allowed."""
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_content(CHUNK):
            size += len(chunk)
            if size > self._max_bytes:
                response.raw.close()
                return None
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _has_stated_length(response: requests.Response) -> bool:
    """Whether an empty response states its length. With headers cut off, a change must not be taken for made."""
    stated = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
    return stated or response.status_code in {204, 205} or not 200 <= response.status_code < 300


# --- the connection ---------------------------------------------------------------------------------------------------


_thread = threading.local()
"""`allowance` of this thread's call, and whether it `began` to send: urllib3 cannot hand them down and back."""


class _Reader(io.RawIOBase):
    """The bytes of a socket, waiting for each read only as long as the call may still take."""

    def __init__(self, sock: socket.socket, allowance: Allowance) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._allowance = allowance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._allowance.for_one_read())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
            super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Reader(sock, _thread.allowance), CHUNK)


class _TimedConnection(HTTPConnection):
    """The connect time-out is for all addresses of the host together, not for each of them."""

    response_class = _Response

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Over TLS, and through a proxy's tunnel, the connection exists by now; in plain HTTP it is made here."""
        _thread.began = True
        super().request(*args, **kwargs)

    def _new_conn(self) -> socket.socket:
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from None
        ends = time.monotonic() + float(self.timeout or Timeouts().connect)
        failed: OSError = OSError("the host has no address")
        for tried, (family, kind, protocol, _, address) in enumerate(found):
            sock = socket.socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                # An equal part of what is left, so that one dead address does not use it up.
                sock.settimeout(max((ends - time.monotonic()) / (len(found) - tried), 0.001))
                sock.connect(address)
            except OSError as error:
                sock.close()
                failed = error
            else:
                return sock
        if isinstance(failed, TimeoutError):
            raise ConnectTimeoutError(self, "connecting took too long")
        raise NewConnectionError(self, f"no connection: {failed.strerror}")


class _TimedTLSConnection(_TimedConnection, HTTPSConnection):
    pass


class _TimedPool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TimedTLSPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTLSConnection


# --- the library ------------------------------------------------------------------------------------------------------


def _pool(base_url: str, ca_bundle: str | None) -> HTTPConnectionPool:
    """The connections to the one host. Proxy and CA bundle are looked up in the environment here, once."""
    parts = urlsplit(base_url)
    settings: dict[str, Any] = {"maxsize": MAX_IDLE_CONNECTIONS, "block": False}
    if parts.scheme == "https":
        bundle = ca_bundle or os.environ.get("REQUESTS_CA_BUNDLE") or requests.utils.DEFAULT_CA_BUNDLE_PATH
        try:
            in_directory = os.path.isdir(bundle)
            settings["ssl_context"] = ssl.create_default_context(
                cafile=None if in_directory else bundle, capath=bundle if in_directory else None
            )
        except OSError as error:
            raise ValueError(f"The CA bundle {bundle} cannot be read: {error}.") from None
    proxy = None
    if not is_loopback(parts.hostname or ""):
        proxy = requests.utils.select_proxy(base_url, requests.utils.get_environ_proxies(base_url))
    manager = urllib3.ProxyManager(proxy, **settings) if proxy else urllib3.PoolManager(**settings)
    manager.pool_classes_by_scheme = {"http": _TimedPool, "https": _TimedTLSPool}
    return manager.connection_from_url(base_url)


class _Adapter(HTTPAdapter):
    """requests' adapter for one host, without a session: that would send one person's cookies with all tokens."""

    def __init__(self, pool: HTTPConnectionPool) -> None:
        super().__init__()
        self._pool = pool

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """The pool's own TLS context checks certificate and name."""

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        return request.path_url

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = resp.status
        response.headers = CaseInsensitiveDict(resp.headers)
        response.raw = resp
        response.reason = resp.reason
        response.url = req.url or ""
        response.request = req
        response.connection = self
        return response

    def close(self) -> None:
        self._pool.close()
        super().close()


def encoded(query: Query | None) -> str:
    """`?name=value&...`, or nothing."""
    if not query:
        return ""
    pairs = [
        (name, ("true" if value else "false") if isinstance(value, bool) else value)
        for name, value in query.items()
        if value is not None
    ]
    return "?" + urlencode(pairs, quote_via=quote, safe="", errors="replace") if pairs else ""


class _Failure(NamedTuple):
    kind: type[GatewayError]
    status: int | None = None
    sent: bool = True


def _failure(error: requests.RequestException, status: int | None) -> _Failure:
    """What an error of the library means. `status` is set if the head of a response had arrived."""
    reason = _reason(error)
    if isinstance(error, requests.ConnectTimeout):
        failure = _Failure(TimedOut, sent=False)
    elif isinstance(reason, ReadTimeoutError | TimeoutError):
        failure = _Failure(TimedOut, status)
    elif status is not None:
        failure = _Failure(BadReply, status)  # cut short, or not decodable
    elif isinstance(error, requests.exceptions.ProxyError) or isinstance(reason, NewConnectionError):
        failure = _Failure(Unreachable, sent=False)
    elif isinstance(reason, http.client.HTTPException) and not isinstance(reason, OSError):
        failure = _Failure(BadReply)  # something answered, but not in HTTP
    else:
        failure = _Failure(Unreachable)
    return failure


def _reason(error: BaseException) -> BaseException:
    """The innermost error: requests wraps urllib3's, which wraps that of the socket."""
    inner = getattr(error, "reason", None) or next((a for a in error.args if isinstance(a, BaseException)), None)
    return error if not isinstance(inner, BaseException) else _reason(inner)
