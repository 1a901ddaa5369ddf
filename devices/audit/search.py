"""Finding entries of the trail: by person, device, action, outcome and time, newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from devices.audit.log import filter_by_device, filter_by_outcome
from devices.audit.models import AuditEntry, AuditPerson
from devices.core import api_rules
from devices.gateway.pagination import Page

DEFAULT_DAYS = 90
"""Days that are looked at where nobody says from when."""
MAX_COUNT = 10_000
"""Entries that are counted; of more it is told that there are more."""
MAX_PEOPLE = 200
"""People that are offered to choose from; with more, a name is typed."""
EXPORT_BATCH = 2000
"""Entries read at a time for an export."""

NEWEST_FIRST = ("-created_at", "-pk")


def date_range(query: dict[str, Any], today: date) -> tuple[date | None, date | None]:
    """First and last day, both included; None where that end is open."""
    first, last = query["from"], query["to"]
    if first is None and not query["all"]:
        first = min(today, last or today) - timedelta(days=DEFAULT_DAYS - 1)
    return first, last


def filter_entries(
    entries: QuerySet[AuditEntry], query: dict[str, Any], days: tuple[date | None, date | None], zone: tzinfo
) -> QuerySet[AuditEntry]:
    """Those that `query` (settled fields of forms.trail.TrailForm) asks for; `days` of `zone`."""
    first, last = days
    if first:
        entries = entries.filter(created_at__gte=datetime.combine(first, time.min, zone))
    if last:
        entries = entries.filter(created_at__lt=datetime.combine(last + timedelta(days=1), time.min, zone))
    if query["action"]:
        entries = entries.filter(operation=query["action"])
    if query["person"]:
        entries = entries.filter(person__in=list(_people_by(query["person"]).values_list("pk", flat=True)))
    if query["device"]:
        number = _number(query["device"])
        entries = (
            filter_by_device(entries, number) if number else entries.filter(device_name__icontains=query["device"])
        )
    if query["outcome"]:
        entries = filter_by_outcome(entries, query["outcome"])
    return entries


def _number(text: str) -> int:
    """The id that `text` is, 0 for other text."""
    return int(text) if text.isascii() and text.isdigit() and int(text) <= api_rules.INT64_MAX else 0


def _people_by(text: str) -> QuerySet[AuditPerson]:
    if number := _number(text):
        return AuditPerson.objects.filter(pk=number)
    return AuditPerson.objects.filter(Q(name__icontains=text) | Q(email__icontains=text))


def people(entries: QuerySet[AuditEntry]) -> list[AuditPerson]:
    """Who appears in `entries`, by name; PEOPLE_MAX and one more at most."""
    theirs = entries.order_by().select_related(None).prefetch_related(None).filter(person=OuterRef("pk"))
    return list(AuditPerson.objects.filter(Exists(theirs)).order_by("name", "email", "pk")[: MAX_PEOPLE + 1])


def count_entries(entries: QuerySet[AuditEntry]) -> int:
    """How many there are, COUNT_MAX + 1 for more than that."""
    return entries.order_by().select_related(None).prefetch_related(None)[: MAX_COUNT + 1].count()


def entries_page(entries: QuerySet[AuditEntry], number: int, size: int) -> Page[AuditEntry]:
    """`number` is 1-based. The total is None where there are more than are counted."""
    total = count_entries(entries)
    start = (number - 1) * size
    rows = entries.order_by(*NEWEST_FIRST)[start : start + size] if start < total or total > MAX_COUNT else ()
    return Page(tuple(rows), number - 1, size, None if total > MAX_COUNT else total)


def newest_first(entries: QuerySet[AuditEntry], limit: int) -> Iterator[AuditEntry]:
    """All of them, `limit` at most, read in batches: no cursor stays open while somebody's line is slow."""
    ordered = entries.order_by(*NEWEST_FIRST).prefetch_related(None).prefetch_related("outcomes")
    left = limit
    rows = list(ordered[: min(EXPORT_BATCH, left)])
    while rows:
        yield from rows
        left -= len(rows)
        last = rows[-1]
        older = Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lt=last.pk)
        rows = (
            list(ordered.filter(older, created_at__lte=last.created_at)[: min(EXPORT_BATCH, left)]) if left > 0 else []
        )
