"""Decodes bodies of successful responses to typed values. One that does not fit is a BadReply, never a traceback."""

from __future__ import annotations

import codecs
from functools import cache
from typing import Any, Generic, TypeVar, cast

import msgspec

from devices.gateway.errors import BadReply
from devices.gateway.pagination import Page
from devices.gateway.response import Reply

T = TypeVar("T")


class Envelope(msgspec.Struct, Generic[T], frozen=True, rename="camel"):
    """A page on the wire: {"content": [...], "totalElements": N}. Some endpoints leave out the total."""

    content: tuple[T, ...]
    total_elements: int | None = None


@cache
def _decoder(kind: str, item: Any) -> msgspec.json.Decoder[Any]:
    shapes = {"one": item, "many": tuple[item, ...], "page": Envelope[item]}
    return msgspec.json.Decoder(shapes[kind])


def one(reply: Reply, shape: type[T], operation: str = "") -> T:
    """A single object. Where no member is required, an error body would fit too: it is refused."""
    value: T = _decode("one", shape, reply, operation)
    if not any(member.required for member in msgspec.structs.fields(cast(Any, shape))):
        _no_error(_decode("one", Any, reply, operation), reply, operation)
    return value


def many(reply: Reply, item: type[T], operation: str = "") -> tuple[T, ...]:
    """A bare array, each id once."""
    values: tuple[T, ...] = _decode("many", item, reply, operation)
    return _once(values)


def page(reply: Reply, item: type[T], number: int, size: int, operation: str = "") -> Page[T]:
    """A page envelope, each id once. The total is None if it is negative, or less than what was received."""
    envelope: Envelope[T] = _decode("page", item, reply, operation)
    received, total = len(envelope.content), envelope.total_elements
    if total is not None and (total < 0 or (received and total < number * size + received)):
        total = None
    items = _once(envelope.content)
    return Page(items, number, size, total, received - len(items))


def _once(items: tuple[T, ...]) -> tuple[T, ...]:
    """The first of each id, in order; items without an id stay. Pages use ids in URLs and element ids."""
    seen: set[object] = set()
    unique = []
    for item in items:
        key = getattr(item, "id", None)
        if key is None or key not in seen:
            unique.append(item)
            seen.add(key)
    return items if len(unique) == len(items) else tuple(unique)


def nothing(reply: Reply, operation: str = "") -> None:
    """For a write that returns nothing: no body, or JSON without an error. A 2xx with HTML proves nothing."""
    if reply.body.strip():
        _no_error(_decode("one", Any, reply, operation), reply, operation)


def _no_error(body: Any, reply: Reply, operation: str) -> None:
    if isinstance(body, dict) and "error" in body:
        raise _unreadable(reply, operation)


def _unreadable(reply: Reply, operation: str) -> BadReply:
    return BadReply(operation=operation, api_status=reply.status, request_id=reply.request_id, detail=reply.detail)


def _decode(kind: str, item: Any, reply: Reply, operation: str) -> Any:
    try:
        return _decoder(kind, item).decode(reply.body.removeprefix(codecs.BOM_UTF8))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass  # raised below: the error must not have one as its context that quotes the body
    raise _unreadable(reply, operation)
