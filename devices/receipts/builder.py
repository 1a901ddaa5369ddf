"""The receipt that is made before a device or its data is erased: what can be read of it, as one JSON document.

It is collected piece by piece within bounds, so that a page can show how far it is and go on later. The device's
credential is in nothing that the gateway returns; a metafield that is a secret is left out by its type. Who asked is
told by their number alone: a name could not be erased from a document that must not change.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from devices.core.fanout import fan_out
from devices.core.permissions import RULES, Access, judge
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound, RateLimited, TimedOut, Unreachable
from devices.gateway.pagination import Page
from devices.gateway.resilience.policy import Priority
from devices.gateway.types import BaseInfo, Metafield
from devices.metafields import view_of

FORMAT, VERSION = "device-portal-receipt", 1
SIZE = 1000
"""Entries of one page: the most that the API gives."""
PAGES = 20
"""Pages of the timeline, and of the log, at most."""
BYTES = 8_000_000
"""Of all parts together, in UTF-8."""
SECONDS = 120.0
"""Spent on reading, all in all."""
CALLS_SECONDS = 8.0
"""That one round of calls may take."""
AT_ONCE = 4
TRIES = 2
PERMISSION, NO_ANSWER, FAULT = "permission", "no_answer", "fault"
TOO_MANY, TOO_LARGE, TOO_LONG, CHANGED = "too_many", "too_large", "too_long", "changed"
"""Why something is missing: the person's rights, no answer, an answer that cannot be used; a bound of pages, size or
time; or the list became shorter while it was read. Too many calls are no reason: that passes, and is waited for."""
WORTH_ANOTHER_TRY = frozenset({NO_ANSWER, FAULT})
WAIT, LONGEST_WAIT = 2.0, 60.0
"""Seconds until it goes on after too many calls, where nobody told how long to wait; and at most."""


class Part(msgspec.Struct):
    """How far one part is. `total` is the platform's; `why`: what is missing, "" for nothing; `needs`: permissions."""

    pages: int = 0
    items: int = 0
    total: int | None = None
    done: bool = False
    why: str = ""
    needs: list[str] = []
    tries: int = 0


class Progress(msgspec.Struct):
    """How far the receipt is. `spent`: seconds of reading. `made_at`: UTC, empty until everything was read.

    `wait_until`: not to be read on before (epoch seconds), because too many calls were made; 0: at once.
    """

    operation: str
    device_id: int
    user_id: int
    parts: dict[str, Part]
    size: int = 0
    spent: float = 0.0
    made_at: str = ""
    wait_until: float = 0.0

    @property
    def wait(self) -> float:
        """Seconds until it can be read on; 0 for now."""
        return max(self.wait_until - time.time(), 0.0)

    @property
    def finished(self) -> bool:
        return all(part.done for part in self.parts.values())

    @property
    def missing(self) -> dict[str, Part]:
        return {name: part for name, part in self.parts.items() if part.why}

    @property
    def pages(self) -> tuple[int, int]:
        """How many were read, and how many there are as far as is known."""
        return sum(part.pages for part in self.parts.values()), sum(_expected(part) for part in self.parts.values())


class Chunk(NamedTuple):
    """A piece of a part as it stands in the document."""

    part: str
    text: str


class _Got(NamedTuple):
    text: str
    items: int
    total: int | None = None
    more: bool = False


# --- what is in it ----------------------------------------------------------------------------------------------------


def _details(gateway: Gateway, device_id: int, page: int) -> _Got:
    """The current values. Its metafields stand in a part of their own, without the secret ones."""
    details = structs.replace(gateway.get_device(device_id), meta_field_values=None)
    return _Got(_text(details), len(details.data_stream_values or ()))


def _metafields(gateway: Gateway, device_id: int, page: int) -> _Got:
    fields = gateway.list_metafields(device_id)
    return _Got(_text([_open(field) for field in fields]), len(fields))


def _open(field: Metafield) -> Metafield:
    if not view_of(field, likely=True).secret:
        return field
    return structs.replace(field, value={"type": field.value["type"], "left_out": "secret"})


def _tags(gateway: Gateway, device_id: int, page: int) -> _Got:
    tags = gateway.list_tags(device_id)
    return _Got(_text(tags), len(tags))


def _timeline(gateway: Gateway, device_id: int, page: int) -> _Got:
    return _paged(gateway.list_timeline(device_id, page=page, size=SIZE))


def _logs(gateway: Gateway, device_id: int, page: int) -> _Got:
    return _paged(gateway.list_logs(device_id, page=page, size=SIZE))


def _paged(page: Page[Any]) -> _Got:
    """One entry a line, so that two receipts can be compared line by line."""
    lines = msgspec.json.Encoder().encode_lines(page.items).decode().rstrip("\n").replace("\n", ",\n")
    return _Got(lines, len(page.items), page.total, page.has_next and bool(page.items))


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


Read = Callable[[Gateway, int, int], _Got]
READS: dict[str, tuple[str, Read]] = {
    "details": ("get_device", _details),
    "metafields": ("list_metafields", _metafields),
    "tags": ("list_tags", _tags),
    "timeline": ("list_timeline", _timeline),
    "logs": ("list_logs", _logs),
}
"""Each part beside the base info: the operation that reads it, for its permissions, and how."""
LISTS = frozenset({"timeline", "logs"})


# --- collecting it ----------------------------------------------------------------------------------------------------


def forbidden(access: Access) -> dict[str, Part]:
    """The parts that this person may not read, which is known beforehand."""
    verdicts = {name: judge(operation, access) for name, (operation, _read) in READS.items()}
    return {
        name: Part(done=True, why=PERMISSION, needs=list(verdict.missing))
        for name, verdict in verdicts.items()
        if not verdict.allowed
    }


def begin(access: Access, operation: str, info: BaseInfo) -> tuple[Progress, list[Chunk]]:
    """A receipt that has the base info, which was just read."""
    base = Chunk("base_info", _text(info))
    parts = {"base_info": Part(pages=1, items=1, done=True)} | {name: Part() for name in READS} | forbidden(access)
    return Progress(operation, info.id, access.user_id, parts, size=len(base.text.encode())), [base]


def try_again(progress: Progress) -> None:
    """Give what failed another try; what was read of it stays."""
    for part in progress.missing.values():
        if part.why in WORTH_ANOTHER_TRY:
            part.done, part.why, part.tries = False, "", 0
            progress.made_at = ""


def go_on(gateway: Gateway, progress: Progress, seconds: float) -> list[Chunk]:
    """Read on until everything was read or `seconds` are over, and what was begun then is there.

    Stops early where there were too many calls: `progress.wait` tells for how long, and nothing is asked before.
    Changes `progress`; the pieces are in the order of the document within each part. Raises NotFound when the device is
    gone, and Unauthorized.
    """
    chunks: list[Chunk] = []
    began = time.monotonic()
    while not (progress.finished or progress.wait) and (spent := time.monotonic() - began) < seconds:
        if progress.spent + spent > SECONDS:
            _stop(progress)
            break
        wanted = _next(progress)
        job = gateway.fresh().within(CALLS_SECONDS).with_priority(Priority.JOB)
        found = fan_out(job, wanted, _ask(progress.device_id), concurrency=AT_ONCE)
        chunks += _taken(progress, found)
    progress.spent += time.monotonic() - began
    if progress.finished and not progress.made_at:
        progress.made_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return chunks


def _ask(device_id: int) -> Callable[[Gateway, tuple[str, int]], _Got]:
    return lambda gateway, wanted: READS[wanted[0]][1](gateway, device_id, wanted[1])


def _next(progress: Progress) -> list[tuple[str, int]]:
    """The next pages: of each part what comes first, then as many more as are known to be there."""
    undone = {name: part for name, part in progress.parts.items() if not part.done}
    first = [(name, part.pages) for name, part in undone.items()]
    more = [(name, page) for name, part in undone.items() for page in range(part.pages + 1, _expected(part))]
    return (first + more)[: max(AT_ONCE, len(first))]


def _expected(part: Part) -> int:
    """How many pages it has, as far as is known; at most as many as will be read."""
    if part.done:
        return part.pages
    known = 0 if part.total is None else -(-part.total // SIZE)
    return min(max(known, part.pages + 1), PAGES)


def _taken(progress: Progress, found: dict[tuple[str, int], _Got | GatewayError]) -> Iterator[Chunk]:
    stopped = set()
    for (name, _page), got in sorted(found.items(), key=lambda item: item[0]):
        part = progress.parts[name]
        if name in stopped or part.done:
            continue  # a page before it is missing
        if isinstance(got, GatewayError):
            stopped.add(name)
            if isinstance(got, RateLimited):
                pause = min(max(got.retry_after or WAIT, 1.0), LONGEST_WAIT)
                progress.wait_until = max(progress.wait_until, time.time() + pause)
            else:
                _failed(name, part, got)
            continue
        size = len(got.text.encode())
        if progress.size + size > BYTES:
            part.done, part.why = True, TOO_LARGE
            continue
        progress.size += size
        _count(name, part, got)
        if got.text:
            yield Chunk(name, got.text)


def _failed(name: str, part: Part, error: GatewayError) -> None:
    if isinstance(error, NotFound):
        raise error
    part.tries += 1
    if isinstance(error, Forbidden):
        part.done, part.why, part.needs = True, PERMISSION, list(RULES[READS[name][0]].names)
    elif part.tries >= TRIES:
        part.done, part.why = True, NO_ANSWER if isinstance(error, TimedOut | Unreachable) else FAULT


def _count(name: str, part: Part, got: _Got) -> None:
    shorter = got.total is not None and part.total is not None and got.total < part.total
    part.pages, part.items, part.tries = part.pages + 1, part.items + got.items, 0
    part.total = part.total if got.total is None else got.total
    part.done = not got.more or part.pages >= PAGES
    if got.more and part.done:
        part.why = TOO_MANY
    elif shorter or (part.done and name in LISTS and part.items < (part.total or 0)):
        part.why = CHANGED


def _stop(progress: Progress) -> None:
    for part in progress.parts.values():
        if not part.done:
            part.done, part.why = True, TOO_LONG


# --- the document -----------------------------------------------------------------------------------------------------


def document(progress: Progress, chunks: Iterable[Chunk]) -> str:
    """The finished receipt: the same pieces give the same text, so that its hash can be told before it is kept."""
    texts: dict[str, list[str]] = {}
    for chunk in chunks:
        texts.setdefault(chunk.part, []).append(chunk.text)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "made_at": progress.made_at,
        "made_by": {"user_id": progress.user_id},
        "before": progress.operation,
        "device_id": progress.device_id,
        "complete": not progress.missing,
        "parts": {name: _told(part) for name, part in progress.parts.items()},
    }
    members = [f"{_text(name)}: {_text(value)}" for name, value in head.items()]
    for name, part in progress.parts.items():
        listed = name in LISTS and part.pages > 0
        pieces = texts.pop(name, [] if listed else ["null"])
        members.append(f"{_text(name)}: " + ("[\n" + ",\n".join(pieces) + "\n]" if listed else pieces[0]))
    return "{\n" + ",\n".join(members) + "\n}\n"


def _told(part: Part) -> dict[str, object]:
    told: dict[str, object] = {"pages": part.pages, "entries": part.items}
    if part.total is not None:
        told["entries_at_the_platform"] = part.total
    if part.why:
        told |= {"missing": part.why, **({"needs": part.needs} if part.needs else {})}
    return told


def hash_of(text: str) -> str:
    """SHA-256 in hexadecimal, as `sha256sum` tells of the downloaded file."""
    return hashlib.sha256(text.encode()).hexdigest()
