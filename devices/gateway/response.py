"""The response to one call, and the error it stands for if it is not a success."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec

from devices.gateway.errors import (
    BadReply,
    Forbidden,
    GatewayError,
    NotFound,
    RateLimited,
    Redirected,
    Rejected,
    ServerFault,
    Unauthorized,
)

MAX_MESSAGE = 500
MAX_CONTENT_TYPE = 60
MAX_PROBLEM = 64 * 1024
"""Bytes. A larger error body is not read for a message."""
MAX_RETRY_AFTER = 86_400.0
"""Seconds. The longest known limit runs for a day (events per device), so a longer Retry-After is not believed."""

MAX_HOST = 100
REDIRECTS = frozenset({301, 302, 303, 307, 308})
BY_STATUS: dict[int, type[GatewayError]] = {401: Unauthorized, 403: Forbidden, 404: NotFound, 429: RateLimited}

# C0 and C1 control characters, and the marks that change the direction of text.
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete response. `body` is decoded (no gzip) and stays out of the repr; `retry_after` is in seconds."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""
    retry_after: float | None = None
    request_id: str = ""
    location: str = ""
    """Where a redirect leads; untrusted."""

    @property
    def is_page(self) -> bool:
        """Whether this is HTML, from a proxy or a maintenance page, and not from the API."""
        return self.content_type.startswith("text/html") or self.body[:20].lstrip().startswith(b"<")

    @property
    def detail(self) -> str:
        """What may be shown of a body that cannot be read."""
        kind = printable(self.content_type[:MAX_CONTENT_TYPE]) or "no content type"
        return f"{kind}, {len(self.body)} bytes, sha256 {hashlib.sha256(self.body).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class Problem:
    """From an error body: a message (untrusted text, made printable) and the code of an OAuth error, or ""."""

    message: str = ""
    code: str = ""


class _ErrorBody(msgspec.Struct):
    message: Any = None
    error: Any = None
    error_description: Any = None


_error_body = msgspec.json.Decoder(_ErrorBody)


def read_problem(body: bytes) -> Problem:
    """Read an error body of any of the shapes in use; an empty Problem for anything else.

    In this order: {"message": s}, {"error": {"message": s}}, {"error": s, "error_description": s}, {"error": s}.
    """
    if not body or len(body) > MAX_PROBLEM:
        return Problem()
    try:
        found = _error_body.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Problem()
    if isinstance(found.message, str):
        return Problem(printable(found.message))
    if isinstance(found.error, dict):
        nested = found.error.get("message")
        return Problem(printable(nested)) if isinstance(nested, str) else Problem()
    if isinstance(found.error, str):
        described = found.error_description
        return Problem(printable(described if isinstance(described, str) else found.error), printable(found.error))
    return Problem()


def printable(text: str) -> str:
    """One line of at most 500 characters, without control characters and direction marks."""
    text = UNPRINTABLE.sub(" ", text[: 2 * MAX_MESSAGE]).strip()
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def host_of(location: str) -> str:
    """The host of a Location, for people: printable and short; "" if there is none."""
    try:
        host = urlsplit(location[:2000]).hostname or ""
    except ValueError:
        return ""
    return re.sub(r"[^A-Za-z0-9.:_-]", "?", host)[:MAX_HOST]


def read_retry_after(header: str | None, now: float | None = None) -> float | None:
    """Seconds from a Retry-After header: a whole number or an HTTP date. 0 to one day; None if unreadable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
        at = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, at - (time.time() if now is None else now)), MAX_RETRY_AFTER)


def failure(reply: Reply, operation: str = "") -> GatewayError | None:
    """The error that a response stands for, by its status only; None for a success (2xx). Redirects are errors here."""
    status = reply.status
    if status in REDIRECTS:
        kind: Callable[..., GatewayError] = partial(Redirected, detail=reply.detail, host=host_of(reply.location))
    elif 200 <= status < 300:
        return None
    elif status < 400 or status > 599:
        kind = partial(BadReply, detail=reply.detail)
    elif status >= 500:
        kind = ServerFault
    else:
        kind = BY_STATUS.get(status, Rejected)
    return kind(
        operation=operation,
        api_status=status,
        api_message=read_problem(reply.body).message,
        request_id=reply.request_id,
        retry_after=reply.retry_after,
    )
