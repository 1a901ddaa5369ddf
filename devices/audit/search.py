"""Finding audit entries: by person, device, action, outcome and time, newest first, in pages."""

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
"""Days shown if no first day is given."""
MAX_COUNT = 10_000
"""Entries are counted up to this number."""
MAX_PEOPLE = 200
"""People offered in a list. If there are more, a name is typed."""
EXPORT_BATCH = 2000
"""Entries read at a time for an export."""

NEWEST_FIRST = ("-created_at", "-pk")


def date_range(query: dict[str, Any], today: date) -> tuple[date | None, date | None]:
    """First and last day, both included; None for an open end."""
    first, last = query["from"], query["to"]
    if first is None and not query["all"]:
        first = min(today, last or today) - timedelta(days=DEFAULT_DAYS - 1)
    return first, last


def filter_entries(
    entries: QuerySet[AuditEntry], query: dict[str, Any], days: tuple[date | None, date | None], zone: tzinfo
) -> QuerySet[AuditEntry]:
    """The entries that match `query`, the clean fields of `AuditQueryForm`. `days` are in `zone`."""
    first, last = days
    if first:
        entries = entries.filter(created_at__gte=datetime.combine(first, time.min, zone))
    if last:
        entries = entries.filter(created_at__lt=datetime.combine(last + timedelta(days=1), time.min, zone))
    if query["action"]:
        entries = entries.filter(operation=query["action"])
    if query["person"]:
        entries = entries.filter(person__in=list(_matching_people(query["person"]).values_list("pk", flat=True)))
    if device := query["device"]:
        id = _as_id(device)
        entries = filter_by_device(entries, id) if id else entries.filter(device_name__icontains=device)
    if query["outcome"]:
        entries = filter_by_outcome(entries, query["outcome"])
    return entries


def _as_id(text: str) -> int:
    """`text` as an id; 0 if it is none."""
    return int(text) if text.isascii() and text.isdigit() and int(text) <= api_rules.INT64_MAX else 0


def _matching_people(text: str) -> QuerySet[AuditPerson]:
    if id := _as_id(text):
        return AuditPerson.objects.filter(pk=id)
    return AuditPerson.objects.filter(Q(name__icontains=text) | Q(email__icontains=text))


def people(entries: QuerySet[AuditEntry]) -> list[AuditPerson]:
    """The people of `entries` by name, up to MAX_PEOPLE + 1."""
    theirs = entries.order_by().select_related(None).prefetch_related(None).filter(person=OuterRef("pk"))
    return list(AuditPerson.objects.filter(Exists(theirs)).order_by("name", "email", "pk")[: MAX_PEOPLE + 1])


def entries_page(entries: QuerySet[AuditEntry], number: int, size: int) -> Page[AuditEntry]:
    """Page `number` (1-based). Its total is None if there are more than MAX_COUNT."""
    total = entries.order_by().select_related(None).prefetch_related(None)[: MAX_COUNT + 1].count()
    start = (number - 1) * size
    rows = entries.order_by(*NEWEST_FIRST)[start : start + size] if start < total or total > MAX_COUNT else ()
    return Page(tuple(rows), number - 1, size, None if total > MAX_COUNT else total)


def newest_first(entries: QuerySet[AuditEntry], limit: int) -> Iterator[AuditEntry]:
    """Up to `limit` entries, read in batches: no database cursor stays open while a client downloads slowly."""
    ordered = entries.order_by(*NEWEST_FIRST).prefetch_related(None).prefetch_related("outcomes")
    older = Q()
    while rows := list(ordered.filter(older)[: min(EXPORT_BATCH, limit)]):
        yield from rows
        limit -= len(rows)
        last = rows[-1]
        older = Q(created_at__lte=last.created_at) & (Q(created_at__lt=last.created_at) | Q(pk__lt=last.pk))
