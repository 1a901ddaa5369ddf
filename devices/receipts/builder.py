"""Builds the receipt of a device before the device or its data is deleted: one JSON document of what can be read.

Collecting is bounded and resumable, so that a page can show progress. The gateway never returns the device's token;
secret metafields are left out. Only the user id of the person is included: a name could not be erased later.
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
PAGE_SIZE = 1000
"""Entries a page: the API's maximum."""
MAX_PAGES = 20
"""Pages read of the timeline, and of the log."""
MAX_BYTES = 8_000_000
"""Size of all parts together, in UTF-8."""
MAX_SECONDS = 120.0
"""Total time spent reading."""
ROUND_TIMEOUT = 8.0
"""Seconds that one round of concurrent calls may take."""
CONCURRENCY = 4
MAX_READ_ATTEMPTS = 2
PERMISSION, NO_REPLY, FAULT = "permission", "no_reply", "fault"
TOO_MANY, TOO_LARGE, TOO_LONG, CHANGED = "too_many", "too_large", "too_long", "changed"
"""Why a part is missing or incomplete. A rate limit is no reason: collecting waits and goes on."""
RETRYABLE = frozenset({NO_REPLY, FAULT})
DEFAULT_WAIT, MAX_WAIT = 2.0, 60.0
"""Seconds to wait after a rate limit without `Retry-After`, and the longest wait."""


class ReceiptPart(msgspec.Struct):
    """Progress of one part. `total` is the platform's count; `reason` why something is missing; `needs` permissions."""

    pages: int = 0
    items: int = 0
    total: int | None = None
    done: bool = False
    reason: str = ""
    needs: list[str] = []
    attempts: int = 0


class ReceiptProgress(msgspec.Struct):
    """Progress of the receipt. `size`: bytes. `spent`: seconds. `made_at`: UTC, empty until finished.

    `wait_until`: epoch seconds before which no call is made, after a rate limit; 0 for none.
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
        """Seconds until collecting can go on."""
        return max(self.wait_until - time.time(), 0.0)

    @property
    def finished(self) -> bool:
        return all(part.done for part in self.parts.values())

    @property
    def missing(self) -> dict[str, ReceiptPart]:
        return {name: part for name, part in self.parts.items() if part.reason}

    @property
    def pages(self) -> tuple[int, int]:
        """Pages read, and pages expected."""
        parts = self.parts.values()
        return sum(part.pages for part in parts), sum(_expected_pages(part) for part in parts)


class ReceiptChunk(NamedTuple):
    """A piece of a part as it appears in the document."""

    part: str
    text: str


class PartPage(NamedTuple):
    """A page of a part: its entries as JSON, how many, the platform's total, and whether there are more."""

    text: str
    items: int
    total: int | None = None
    more: bool = False


# --- parts -----------------------------------------------------------------------------------------------------------


def _details(gateway: Gateway, device_id: int, page: int) -> PartPage:
    """The current values. Metafields are a separate part, which leaves out secrets."""
    details = structs.replace(gateway.get_device(device_id), meta_field_values=None)
    return PartPage(_json(details), len(details.data_stream_values or ()))


def _metafields(gateway: Gateway, device_id: int, page: int) -> PartPage:
    fields = gateway.list_metafields(device_id)
    return PartPage(_json([_without_secret(field) for field in fields]), len(fields))


def _without_secret(field: Metafield) -> Metafield:
    if not view_of(field, likely=True).secret:
        return field
    return structs.replace(field, value={"type": field.value["type"], "left_out": "secret"})


def _tags(gateway: Gateway, device_id: int, page: int) -> PartPage:
    tags = gateway.list_tags(device_id)
    return PartPage(_json(tags), len(tags))


def _timeline(gateway: Gateway, device_id: int, page: int) -> PartPage:
    return _paged(gateway.list_timeline(device_id, page=page, size=PAGE_SIZE))


def _logs(gateway: Gateway, device_id: int, page: int) -> PartPage:
    return _paged(gateway.list_logs(device_id, page=page, size=PAGE_SIZE))


def _paged(page: Page[Any]) -> PartPage:
    """One entry a line, so that receipts can be compared with diff."""
    lines = msgspec.json.Encoder().encode_lines(page.items).decode().rstrip("\n").replace("\n", ",\n")
    return PartPage(lines, len(page.items), page.total, page.has_next and bool(page.items))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


PartReader = Callable[[Gateway, int, int], PartPage]
PART_READERS: dict[str, tuple[str, PartReader]] = {
    "details": ("get_device", _details),
    "metafields": ("list_metafields", _metafields),
    "tags": ("list_tags", _tags),
    "timeline": ("list_timeline", _timeline),
    "logs": ("list_logs", _logs),
}
"""For each part except the base info: the operation, which decides permissions, and the function that reads it."""
PAGED_PARTS = frozenset({"timeline", "logs"})


# --- collecting -------------------------------------------------------------------------------------------------------


def forbidden_parts(access: Access) -> dict[str, ReceiptPart]:
    """The parts that this person has no permission to read."""
    verdicts = {name: judge(operation, access) for name, (operation, _read) in PART_READERS.items()}
    return {
        name: ReceiptPart(done=True, reason=PERMISSION, needs=list(verdict.missing))
        for name, verdict in verdicts.items()
        if not verdict.allowed
    }


def start(access: Access, operation: str, info: BaseInfo) -> tuple[ReceiptProgress, list[ReceiptChunk]]:
    """A new receipt that contains the base info, which the caller has read."""
    base = ReceiptChunk("base_info", _json(info))
    parts = (
        {"base_info": ReceiptPart(pages=1, items=1, done=True)}
        | {name: ReceiptPart() for name in PART_READERS}
        | forbidden_parts(access)
    )
    return ReceiptProgress(operation, info.id, access.user_id, parts, size=len(base.text.encode())), [base]


def retry_failed(progress: ReceiptProgress) -> None:
    """Reset failed parts so that `collect` reads them again; pages already read stay."""
    for part in progress.missing.values():
        if part.reason in RETRYABLE:
            part.done, part.reason, part.attempts = False, "", 0
            progress.made_at = ""


def collect(gateway: Gateway, progress: ReceiptProgress, seconds: float) -> list[ReceiptChunk]:
    """Read until everything is read or `seconds` have passed; calls in flight are finished.

    Updates `progress` and returns the new chunks, within each part in document order. After a rate limit it stops, and
    makes no call until `progress.wait` is over. Raises NotFound if the device is gone, and Unauthorized.
    """
    chunks: list[ReceiptChunk] = []
    began = time.monotonic()
    while not (progress.finished or progress.wait) and (spent := time.monotonic() - began) < seconds:
        if progress.spent + spent > MAX_SECONDS:
            for part in progress.parts.values():
                if not part.done:
                    part.done, part.reason = True, TOO_LONG
            break
        wanted = _next_pages(progress)
        job = gateway.fresh().within(ROUND_TIMEOUT).with_priority(Priority.JOB)
        found = fan_out(job, wanted, _reader(progress.device_id), concurrency=CONCURRENCY)
        chunks += merge_pages(progress, found)
    progress.spent += time.monotonic() - began
    if progress.finished and not progress.made_at:
        progress.made_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return chunks


def _reader(device_id: int) -> Callable[[Gateway, tuple[str, int]], PartPage]:
    return lambda gateway, wanted: PART_READERS[wanted[0]][1](gateway, device_id, wanted[1])


def _next_pages(progress: ReceiptProgress) -> list[tuple[str, int]]:
    """The next (part, page) pairs: the next page of each part, then further pages known to exist."""
    undone = {name: part for name, part in progress.parts.items() if not part.done}
    first = [(name, part.pages) for name, part in undone.items()]
    more = [(name, page) for name, part in undone.items() for page in range(part.pages + 1, _expected_pages(part))]
    return (first + more)[: max(CONCURRENCY, len(first))]


def _expected_pages(part: ReceiptPart) -> int:
    """Pages of this part as far as known, at most MAX_PAGES."""
    if part.done:
        return part.pages
    known = 0 if part.total is None else -(-part.total // PAGE_SIZE)
    return min(max(known, part.pages + 1), MAX_PAGES)


def merge_pages(
    progress: ReceiptProgress, found: dict[tuple[str, int], PartPage | GatewayError]
) -> Iterator[ReceiptChunk]:
    """Add the pages that were read to `progress`, and yield their chunks in order.

    Pages after one that failed are dropped and read again. Raises NotFound if the device is gone.
    """
    stopped = set()
    for (name, _page), got in sorted(found.items(), key=lambda item: item[0]):
        part = progress.parts[name]
        if name in stopped or part.done:
            continue  # an earlier page is missing
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
        add_page(name, part, got)
        if got.text:
            yield ReceiptChunk(name, got.text)


def _record_failure(name: str, part: ReceiptPart, error: GatewayError) -> None:
    if isinstance(error, NotFound):
        raise error
    part.attempts += 1
    if isinstance(error, Forbidden):
        part.done, part.reason, part.needs = True, PERMISSION, list(RULES[PART_READERS[name][0]].names)
    elif part.attempts >= MAX_READ_ATTEMPTS:
        part.done, part.reason = True, NO_REPLY if isinstance(error, TimedOut | Unreachable) else FAULT


def add_page(name: str, part: ReceiptPart, got: PartPage) -> None:
    shorter = got.total is not None and part.total is not None and got.total < part.total
    part.pages, part.items, part.attempts = part.pages + 1, part.items + got.items, 0
    part.total = part.total if got.total is None else got.total
    part.done = not got.more or part.pages >= MAX_PAGES
    if got.more and part.done:
        part.reason = TOO_MANY
    elif shorter or (part.done and name in PAGED_PARTS and part.items < (part.total or 0)):
        part.reason = CHANGED


# --- document ---------------------------------------------------------------------------------------------------------


def build_document(progress: ReceiptProgress, chunks: Iterable[ReceiptChunk]) -> str:
    """The finished receipt. The same chunks give the same text, so its hash is known before it is stored."""
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
    summary: dict[str, object] = {"pages": part.pages, "entries": part.items}
    if part.total is not None:
        summary["entries_on_platform"] = part.total
    if part.reason:
        summary |= {"missing": part.reason, **({"needs": part.needs} if part.needs else {})}
    return summary


def sha256_hex(text: str) -> str:
    """SHA-256 as `sha256sum` prints it for the downloaded file."""
    return hashlib.sha256(text.encode()).hexdigest()
