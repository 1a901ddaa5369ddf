"""The audit list: everybody sees their own changes, people with PORTAL_AUDIT those of their organization too."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_safe

from devices.audit import log as audit_log
from devices.audit import search as audit_search
from devices.audit.csv_export import CSV_COLUMNS, csv_chunks, csv_row
from devices.audit.forms import AuditQueryForm
from devices.audit.models import AuditEntry, AuditPerson
from devices.changes.kinds import kinds
from devices.core.date_formats import short_date
from devices.core.formatting import Word, number
from devices.core.permissions import PORTAL_AUDIT
from devices.core.requests import DeviceRequest, clock_for, require_right, wants_partial
from devices.core.responses import answer, query_string
from devices.directory.names import names_for
from devices.gateway.pagination import Page
from devices.ui.audit_entry import entry_view, label_of, outcome_word, person_name
from devices.ui.pagination import pager

log = logging.getLogger("devices.audit")

MAX_EXPORT = 50_000
"""Entries in one file."""
FILTER_OUTCOMES = (audit_log.CONFIRMED, audit_log.REJECTED, audit_log.UNKNOWN)
Days = tuple[date | None, date | None]


class Search(NamedTuple):
    """What a request searches for. `entries`: all that may be shown; `found`: those that match `query` and `days`."""

    form: AuditQueryForm
    query: dict[str, Any]
    days: Days
    today: date
    entries: QuerySet[AuditEntry]
    found: QuerySet[AuditEntry]


def _search(request: DeviceRequest) -> Search:
    """Raises RightMissing unless the person searches only their own changes or has PORTAL_AUDIT."""
    form = AuditQueryForm(request.GET, actions=[(kind.operation, str(kind.words.label)) for kind in kinds()])
    query = form.clean_with_defaults()
    if query["mine"]:
        query["person"] = ""
    else:
        require_right(request, PORTAL_AUDIT)
    clock = clock_for(request)
    today = datetime.fromtimestamp(clock.now, clock.tz).date()
    days = audit_search.date_range(query, today)
    entries = (audit_log.own_entries if query["mine"] else audit_log.visible_entries)(request.access)
    return Search(form, query, days, today, entries, audit_search.filter_entries(entries, query, days, clock.tz))


@require_safe
def audit_list(request: DeviceRequest) -> HttpResponse:
    """Newest first, in pages. `?mine=on` shows the person's own changes and needs no right."""
    search = _search(request)
    query = search.query
    urls = FilterUrls(reverse("audit:list"), query)
    if not wants_partial(request) and "" in request.GET.values():
        return redirect(urls.to())  # without script, the form submits empty fields
    page = audit_search.entries_page(search.found, query["page"], query["size"])
    people = [] if query["mine"] else audit_search.people(search.entries)
    names, clock = names_for(request.gateway, request.access), clock_for(request)
    context = _filter_context(search, urls, people) | {
        "rows": [entry_view(entry, names, clock, request.access) for entry in page.items],
        "pager": pager(page, lambda to: urls.to(page=to)),
        "headline": _headline(page, search.days),
        "export_words": _export_words(page),
        "read_at": clock.stamp(),
        "may_all": PORTAL_AUDIT in request.access.rights,
    }
    response = answer(request, "audit/list.html", "audit/_results.html", context)
    if wants_partial(request):
        response["HX-Push-Url"] = urls.to()
    return response


class FilterUrls:
    """URLs of the list with other filters. Default values are left out."""

    def __init__(self, path: str, query: dict[str, Any]) -> None:
        self.path = path
        self.query = query

    def to(self, *, base: str = "", **changes: Any) -> str:
        query = self.query | changes
        set_values = {name: value for name, value in query.items() if value != AuditQueryForm.fallbacks[name]}
        return (base or self.path) + query_string(**set_values)


def _filter_context(search: Search, urls: FilterUrls, people: list[AuditPerson]) -> dict[str, Any]:
    query = search.query
    return {
        "form": search.form,
        "query": query,
        "here": urls.path,
        "chips": _chips(query, urls, {person.pk: person_name(person) for person in people}),
        "notices": search.form.warnings() + _order_warning(search.days),
        "people": _people_choices(people),
        "people_typed": len(people) > audit_search.MAX_PEOPLE,
        "outcomes": [(name, _outcome(name).text) for name in FILTER_OUTCOMES],
        "actions": [(kind.operation, kind.words.label) for kind in kinds()],
        "filtered": any(query[name] for name in ("person", "device", "action", "outcome", "from", "to")),
        "clear_url": urls.path + query_string(mine=query["mine"]),
        "all_url": "" if query["all"] or query["from"] else urls.to(all=True, page=1),
        "default_days": audit_search.DEFAULT_DAYS,
        "export_url": urls.to(base=reverse("audit:export"), page=1),
    }


def _headline(page: Page[AuditEntry], days: Days) -> str:
    if page.total is None:
        words = _("More than %s changes") % number(audit_search.MAX_COUNT)
    else:
        words = ngettext("%s change", "%s changes", page.total) % number(page.total)
    first, last = (_day(day) for day in days)
    if first and last:
        return _("%(changes)s from %(first)s to %(last)s") % {"changes": words, "first": first, "last": last}
    if first:
        return _("%(changes)s since %(first)s") % {"changes": words, "first": first}
    if last:
        return _("%(changes)s until %(last)s") % {"changes": words, "last": last}
    return _("%(changes)s, all dates") % {"changes": words}


def _day(day: date | None) -> str:
    return short_date(day) if day else ""


def _order_warning(days: Days) -> list[str]:
    first, last = days
    return [_("The first day is after the last day, so nothing matches.")] if first and last and first > last else []


def _outcome(name: str) -> Word:
    return outcome_word(audit_log.EntryState(name))


def _people_choices(people: list[AuditPerson]) -> list[tuple[str, str]]:
    choices = []
    for person in people[: audit_search.MAX_PEOPLE]:
        words = person_name(person)
        if not person.name and not person.email:
            words = _("%(words)s, number %(number)d") % {"words": words, "number": person.pk}
        elif person.email not in ("", words):
            words = f"{words} ({person.email})"
        choices.append((str(person.pk), words))
    return choices


def _chips(query: dict[str, Any], urls: FilterUrls, people: dict[int, str]) -> list[tuple[str, str]]:
    """Each active filter with the URL of the list without it."""
    person = query["person"]
    words = {
        "person": _("By %s") % (people.get(int(person), person) if person.isdigit() else person),
        "device": (_("Device %s") if query["device"].isdigit() else _("Device name contains “%s”")) % query["device"],
        "action": label_of(query["action"]),
        "outcome": _outcome(query["outcome"]).text,
        "from": _("From %s") % _day(query["from"]),
        "to": _("Until %s") % _day(query["to"]),
        "all": _("All dates"),
    }
    defaults = AuditQueryForm.fallbacks
    return [(words[name], urls.to(**{name: defaults[name], "page": 1})) for name in words if query[name]]


def _export_words(page: Page[AuditEntry]) -> str:
    """The export button's text with the number of entries, if it is known; empty if there is nothing to export."""
    if page.total is None:
        return _("Export the newest, %s at most") % number(MAX_EXPORT)
    return _("Export %s") % number(page.total) if page.total else ""


@require_GET
def audit_export(request: DeviceRequest) -> StreamingHttpResponse:
    """The list as CSV with the same filters: the newest MAX_EXPORT entries, times in UTC. Exports are logged."""
    search = _search(request)
    names = names_for(request.gateway, request.access)
    filters = {name: str(value) for name, value in search.query.items() if value and name not in ("page", "size")}
    exporter = {"user": request.access.user_id, "email": request.access.email, "filters": filters}
    _log_export(exporter | {"request": request.request_id}, "begun")

    def lines() -> Iterator[list[object]]:
        rows = 0
        yield list(CSV_COLUMNS)
        for entry in audit_search.newest_first(search.found, MAX_EXPORT):
            rows += 1
            yield csv_row(entry, names)
        _log_export(exporter | {"rows": rows, "request": request.request_id}, "done")

    response = StreamingHttpResponse(csv_chunks(lines()), content_type="text/csv; charset=utf-8; header=present")
    response["Content-Disposition"] = f'attachment; filename="changes-{search.today.isoformat()}.csv"'
    return response


def _log_export(values: dict[str, Any], state: str) -> None:
    pairs = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    log.info("export_audit %s %s", state, " ".join(pairs))
