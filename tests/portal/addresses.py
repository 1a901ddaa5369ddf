"""Every URL of the portal, from its resolver: tests over all URLs cover a new one without a further line."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from devices.audit.models import AuditEntry
from devices.changes.kinds import kinds
from devices.receipts.builder import PART_READERS
from devices.receipts.models import ReceiptDraft
from tests.devices import fleet

SAMPLES: dict[str, int | str] = {"device_id": fleet.RICH, "target": 1, "entry_id": 1, "draft_id": 1}
"""URL argument -> a sample value. A new argument needs a line here."""

OF_KINDS = {
    kind.url_name: {"device_id": kind.example.device or fleet.RICH, "target": kind.example.target}
    for kind in kinds()
    if kind.example.target
}
"""Of a change of a part of a device: its example."""

HTMX = {"HX-Request": "true", "HX-Current-URL": "https://testserver/devices/"}


def make_entry(person: Client, device: int = fleet.RICH) -> int:
    """The id of a new audit entry of that person."""
    answer = person.post(f"/devices/{device}/rename/", {"name": "All URLs before"})
    assert answer.status_code == 303, answer.content.decode()[:2000]
    return int(AuditEntry.objects.latest("pk").pk)


def make_draft(person: Client) -> int:
    """The id of a complete receipt draft that waits for the confirmation of the sandbox's administrator."""
    parts = {name: {"pages": 1, "items": 1, "done": True} for name in ("base_info", *PART_READERS)}
    progress = {"operation": "delete_device", "device_id": fleet.RICH, "user_id": 1, "parts": parts}
    filled = {
        "name": "All URLs",
        "reason": "HC-1",
        "idempotency_key": "x",
        "expected_version": "",
        "confirm": "",
        "gaps": "",
    }
    draft, _made = ReceiptDraft.objects.update_or_create(
        key="all-urls",
        defaults={
            "person_key": "user:1",
            "device_id": fleet.RICH,
            "form_data": json.dumps(filled),
            "progress": json.dumps(progress),
            "created_at": timezone.now(),
        },
    )
    return int(draft.pk)


def make_receipt(person: Client, device: int = fleet.NO_OWNER) -> int:
    """The id of a new audit entry with a receipt: erases a device's data."""
    url = f"/devices/{device}/clear/"
    requested = re.search(r"Exactly:\s*<b>([^<]+)</b>", person.get(url).content.decode())
    assert requested
    answer = person.post(url, {"confirm": html.unescape(requested[1]), "reason": "All URLs before"})
    assert answer.status_code == 303, answer.content.decode()[:2000]
    return int(AuditEntry.objects.latest("pk").pk)


MAKERS: dict[str, Callable[[Client], int | str]] = {
    "entry_id": make_entry,
    "audit:receipt entry_id": make_receipt,
    "draft_id": make_draft,
}
"""Arguments that name a row of the portal's database -> a function that makes the row."""


class Address(NamedTuple):
    """`name` with its namespaces; `arguments`: the names in the path."""

    name: str
    arguments: tuple[str, ...] = ()

    def path(self, **instead: int | str) -> str:
        samples = SAMPLES | OF_KINDS.get(self.name, {})
        return reverse(self.name, kwargs={name: instead.get(name, samples[name]) for name in self.arguments})

    @property
    def _makers(self) -> dict[str, Callable[[Client], int | str]]:
        makers = {name: MAKERS.get(f"{self.name} {name}", MAKERS.get(name)) for name in self.arguments}
        return {name: make for name, make in makers.items() if make}

    @property
    def has_to_be_made(self) -> bool:
        return bool(self._makers)

    def made(self, person: Client) -> str:
        """A path to something that exists; `person` makes it first where needed."""
        return self.path(**{name: make(person) for name, make in self._makers.items()})

    def unknown(self) -> list[str]:
        return [name for name in self.arguments if name not in SAMPLES]


def _below(resolver: URLResolver, spaces: tuple[str, ...] = (), arguments: tuple[str, ...] = ()) -> Iterator[Address]:
    for entry in resolver.url_patterns:
        names = (*arguments, *entry.pattern.converters, *getattr(entry.pattern.regex, "groupindex", {}))
        names = tuple(dict.fromkeys(names))
        if isinstance(entry, URLPattern):
            yield Address(":".join((*spaces, entry.name or "")), names)
        else:
            yield from _below(entry, (*spaces, *filter(None, [entry.namespace])), names)


ALL = tuple(_below(get_resolver("portal.urls")))
KNOWN = tuple(address for address in ALL if address.name.split(":")[-1] and not address.unknown())
"""URLs that tests can request; a test fails while there are others."""
