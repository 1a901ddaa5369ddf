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

from devices.core.fanout import ask_each
from devices.core.permissions import RULES, Access, judge
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound, RateLimited, TimedOut, Unreachable
from devices.gateway.pagination import Page
from devices.gateway.resilience.policy import Priority
from devices.gateway.types import BaseInfo, Metafield
from devices.metafields import view_of

FORMAT, VERSION = "device-portal-receipt", 1
PAGE_SIZE = 1000
"""Entries of one page: the most that the API gives."""
MAX_PAGES = 20
"""Pages of the timeline, and of the log, at most."""
MAX_BYTES = 8_000_000
"""Of all parts together, in UTF-8."""
MAX_SECONDS = 120.0
"""Spent on reading, all in all."""
ROUND_TIMEOUT = 8.0
"""That one round of calls may take."""
CONCURRENCY = 4
MAX_ATTEMPTS = 2
PERMISSION, NO_REPLY, FAULT = "permission", "no_reply", "fault"
TOO_MANY, TOO_LARGE, TOO_LONG, CHANGED = "too_many", "too_large", "too_long", "changed"
"""Why something is missing: the person's rights, no answer, an answer that cannot be used; a bound of pages, size or
time; or the list became shorter while it was read. Too many calls are no reason: that passes, and is waited for."""
RETRYABLE = frozenset({NO_REPLY, FAULT})
DEFAULT_WAIT, MAX_WAIT = 2.0, 60.0
"""Seconds until it goes on after too many calls, where nobody told how long to wait; and at most."""


class ReceiptPart(msgspec.Struct):
    """How far one part is. `total` is the platform's; `why`: what is missing, "" for nothing; `needs`: permissions."""

    pages: int = 0
    items: int = 0
    total: int | None = None
    done: bool = False
    reason: str = ""
    needs: list[str] = []
    attempts: int = 0


class ReceiptProgress(msgspec.Struct):
    """How far the receipt is. `spent`: seconds of reading. `made_at`: UTC, empty until everything was read.

    `wait_until`: not to be read on before (epoch seconds), because too many calls were made; 0: at once.
    """

    operation: str
    device_id: int
    user_id: int
    parts: dict[str, ReceiptPart]
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
    def missing(self) -> dict[str, ReceiptPart]:
        return {name: part for name, part in self.parts.items() if part.reason}

    @property
    def pages(self) -> tuple[int, int]:
        """How many were read, and how many there are as far as is known."""
        return sum(part.pages for part in self.parts.values()), sum(
            _expected_pages(part) for part in self.parts.values()
        )


class ReceiptChunk(NamedTuple):
    """A piece of a part as it stands in the document."""

    part: str
    text: str


class _PartPage(NamedTuple):
    text: str
    items: int
    total: int | None = None
    more: bool = False


# --- what is in it ----------------------------------------------------------------------------------------------------


def _details(gateway: Gateway, device_id: int, page: int) -> _PartPage:
    """The current values. Its metafields stand in a part of their own, without the secret ones."""
    details = structs.replace(gateway.get_device(device_id), meta_field_values=None)
    return _PartPage(_json(details), len(details.data_stream_values or ()))


def _metafields(gateway: Gateway, device_id: int, page: int) -> _PartPage:
    fields = gateway.list_metafields(device_id)
    return _PartPage(_json([_without_secret(field) for field in fields]), len(fields))


def _without_secret(field: Metafield) -> Metafield:
    if not view_of(field, likely=True).secret:
        return field
    return structs.replace(field, value={"type": field.value["type"], "left_out": "secret"})


def _tags(gateway: Gateway, device_id: int, page: int) -> _PartPage:
    tags = gateway.list_tags(device_id)
    return _PartPage(_json(tags), len(tags))


def _timeline(gateway: Gateway, device_id: int, page: int) -> _PartPage:
    return _paged(gateway.list_timeline(device_id, page=page, size=PAGE_SIZE))


def _logs(gateway: Gateway, device_id: int, page: int) -> _PartPage:
    return _paged(gateway.list_logs(device_id, page=page, size=PAGE_SIZE))


def _paged(page: Page[Any]) -> _PartPage:
    """One entry a line, so that two receipts can be compared line by line."""
    lines = msgspec.json.Encoder().encode_lines(page.items).decode().rstrip("\n").replace("\n", ",\n")
    return _PartPage(lines, len(page.items), page.total, page.has_next and bool(page.items))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


PartReader = Callable[[Gateway, int, int], _PartPage]
PART_READERS: dict[str, tuple[str, PartReader]] = {
    "details": ("get_device", _details),
    "metafields": ("list_metafields", _metafields),
    "tags": ("list_tags", _tags),
    "timeline": ("list_timeline", _timeline),
    "logs": ("list_logs", _logs),
}
"""Each part beside the base info: the operation that reads it, for its permissions, and how."""
PAGED_PARTS = frozenset({"timeline", "logs"})


# --- collecting it ----------------------------------------------------------------------------------------------------


def forbidden_parts(access: Access) -> dict[str, ReceiptPart]:
    """The parts that this person may not read, which is known beforehand."""
    verdicts = {name: judge(operation, access) for name, (operation, _read) in PART_READERS.items()}
    return {
        name: ReceiptPart(done=True, reason=PERMISSION, needs=list(verdict.missing))
        for name, verdict in verdicts.items()
        if not verdict.allowed
    }


def start(access: Access, operation: str, info: BaseInfo) -> tuple[ReceiptProgress, list[ReceiptChunk]]:
    """A receipt that has the base info, which was just read."""
    base = ReceiptChunk("base_info", _json(info))
    parts = (
        {"base_info": ReceiptPart(pages=1, items=1, done=True)}
        | {name: ReceiptPart() for name in PART_READERS}
        | forbidden_parts(access)
    )
    return ReceiptProgress(operation, info.id, access.user_id, parts, size=len(base.text.encode())), [base]


def retry_failed(progress: ReceiptProgress) -> None:
    """Give what failed another try; what was read of it stays."""
    for part in progress.missing.values():
        if part.reason in RETRYABLE:
            part.done, part.reason, part.attempts = False, "", 0
            progress.made_at = ""


def collect(gateway: Gateway, progress: ReceiptProgress, seconds: float) -> list[ReceiptChunk]:
    """Read on until everything was read or `seconds` are over, and what was begun then is there.

    Stops early where there were too many calls: `progress.wait` tells for how long, and nothing is asked before.
    Changes `progress`; the pieces are in the order of the document within each part. Raises NotFound when the device is
    gone, and Unauthorized.
    """
    chunks: list[ReceiptChunk] = []
    began = time.monotonic()
    while not (progress.finished or progress.wait) and (spent := time.monotonic() - began) < seconds:
        if progress.spent + spent > MAX_SECONDS:
            _stop_collecting(progress)
            break
        wanted = _next_pages(progress)
        job = gateway.fresh().within(ROUND_TIMEOUT).with_priority(Priority.JOB)
        found = ask_each(job, wanted, _reader(progress.device_id), at_once=CONCURRENCY)
        chunks += _merge(progress, found)
    progress.spent += time.monotonic() - began
    if progress.finished and not progress.made_at:
        progress.made_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return chunks


def _reader(device_id: int) -> Callable[[Gateway, tuple[str, int]], _PartPage]:
    return lambda gateway, wanted: PART_READERS[wanted[0]][1](gateway, device_id, wanted[1])


def _next_pages(progress: ReceiptProgress) -> list[tuple[str, int]]:
    """The next pages: of each part what comes first, then as many more as are known to be there."""
    undone = {name: part for name, part in progress.parts.items() if not part.done}
    first = [(name, part.pages) for name, part in undone.items()]
    more = [(name, page) for name, part in undone.items() for page in range(part.pages + 1, _expected_pages(part))]
    return (first + more)[: max(CONCURRENCY, len(first))]


def _expected_pages(part: ReceiptPart) -> int:
    """How many pages it has, as far as is known; at most as many as will be read."""
    if part.done:
        return part.pages
    known = 0 if part.total is None else -(-part.total // PAGE_SIZE)
    return min(max(known, part.pages + 1), MAX_PAGES)


def _merge(progress: ReceiptProgress, found: dict[tuple[str, int], _PartPage | GatewayError]) -> Iterator[ReceiptChunk]:
    stopped = set()
    for (name, _page), got in sorted(found.items(), key=lambda item: item[0]):
        part = progress.parts[name]
        if name in stopped or part.done:
            continue  # a page before it is missing
        if isinstance(got, GatewayError):
            stopped.add(name)
            if isinstance(got, RateLimited):
                pause = min(max(got.retry_after or DEFAULT_WAIT, 1.0), MAX_WAIT)
                progress.wait_until = max(progress.wait_until, time.time() + pause)
            else:
                _record_failure(name, part, got)
            continue
        size = len(got.text.encode())
        if progress.size + size > MAX_BYTES:
            part.done, part.reason = True, TOO_LARGE
            continue
        progress.size += size
        _add_page(name, part, got)
        if got.text:
            yield ReceiptChunk(name, got.text)


def _record_failure(name: str, part: ReceiptPart, error: GatewayError) -> None:
    if isinstance(error, NotFound):
        raise error
    part.attempts += 1
    if isinstance(error, Forbidden):
        part.done, part.reason, part.needs = True, PERMISSION, list(RULES[PART_READERS[name][0]].names)
    elif part.attempts >= MAX_ATTEMPTS:
        part.done, part.reason = True, NO_REPLY if isinstance(error, TimedOut | Unreachable) else FAULT


def _add_page(name: str, part: ReceiptPart, got: _PartPage) -> None:
    shorter = got.total is not None and part.total is not None and got.total < part.total
    part.pages, part.items, part.attempts = part.pages + 1, part.items + got.items, 0
    part.total = part.total if got.total is None else got.total
    part.done = not got.more or part.pages >= MAX_PAGES
    if got.more and part.done:
        part.reason = TOO_MANY
    elif shorter or (part.done and name in PAGED_PARTS and part.items < (part.total or 0)):
        part.reason = CHANGED


def _stop_collecting(progress: ReceiptProgress) -> None:
    for part in progress.parts.values():
        if not part.done:
            part.done, part.reason = True, TOO_LONG


# --- the document -----------------------------------------------------------------------------------------------------


def build_document(progress: ReceiptProgress, chunks: Iterable[ReceiptChunk]) -> str:
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
        "parts": {name: _part_summary(part) for name, part in progress.parts.items()},
    }
    members = [f"{_json(name)}: {_json(value)}" for name, value in head.items()]
    for name, part in progress.parts.items():
        listed = name in PAGED_PARTS and part.pages > 0
        pieces = texts.pop(name, [] if listed else ["null"])
        members.append(f"{_json(name)}: " + ("[\n" + ",\n".join(pieces) + "\n]" if listed else pieces[0]))
    return "{\n" + ",\n".join(members) + "\n}\n"


def _part_summary(part: ReceiptPart) -> dict[str, object]:
    told: dict[str, object] = {"pages": part.pages, "entries": part.items}
    if part.total is not None:
        told["entries_at_the_platform"] = part.total
    if part.reason:
        told |= {"missing": part.reason, **({"needs": part.needs} if part.needs else {})}
    return told


def sha256_hex(text: str) -> str:
    """SHA-256 in hexadecimal, as `sha256sum` tells of the downloaded file."""
    return hashlib.sha256(text.encode()).hexdigest()
