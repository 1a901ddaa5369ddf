"""From the bytes of a successful answer to typed values. Whatever does not fit is a BadReply, never a traceback.

Unknown members are ignored; optional ones may be absent or null.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from devices.gateway.errors import BadReply
from devices.gateway.pages import Page
from devices.gateway.reply import Reply

T = TypeVar("T")


class Envelope(msgspec.Struct, Generic[T], frozen=True, rename="camel"):
    """How pages come: {"content": [...], "totalElements": N}, the total not from every endpoint."""

    content: tuple[T, ...]
    total_elements: int | None = None


@cache
def _decoder(kind: str, item: Any) -> msgspec.json.Decoder[Any]:
    shapes = {"one": item, "many": tuple[item, ...], "page": Envelope[item]}
    return msgspec.json.Decoder(shapes[kind])


def one(reply: Reply, shape: type[T], operation: str = "") -> T:
    """A single object."""
    value: T = _decode("one", shape, reply, operation)
    return value


def many(reply: Reply, item: type[T], operation: str = "") -> tuple[T, ...]:
    """A bare array."""
    values: tuple[T, ...] = _decode("many", item, reply, operation)
    return values


def page(reply: Reply, item: type[T], number: int, size: int, operation: str = "") -> Page[T]:
    """A page envelope. A negative total is no total."""
    envelope: Envelope[T] = _decode("page", item, reply, operation)
    total = envelope.total_elements
    return Page(envelope.content, number, size, None if total is None or total < 0 else total)


def nothing(reply: Reply, operation: str = "") -> None:
    """The answer to a write that returns nothing: no body, or any JSON but that of an error.

    A success in HTML comes from something in between (a sign-in page, a maintenance page) and proves nothing; nor does
    one that speaks of an error.
    """
    if not reply.body.strip():
        return
    said = _decode("one", Any, reply, operation)
    if isinstance(said, dict) and "error" in said:
        raise unreadable(reply, operation)


def unreadable(reply: Reply, operation: str = "") -> BadReply:
    return BadReply(operation=operation, api_status=reply.status, request_id=reply.request_id, detail=reply.detail)


def _decode(kind: str, item: Any, reply: Reply, operation: str) -> Any:
    try:
        return _decoder(kind, item).decode(reply.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass  # raised below, so that nothing of the body hangs on the error as its cause
    raise unreadable(reply, operation)
