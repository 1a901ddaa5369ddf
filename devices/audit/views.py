"""The trail of changes as a list: of the organization for those with the right, of one's own for everybody."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

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
from devices.audit.forms import TrailForm
from devices.audit.models import AuditEntry
from devices.core.date_formats import short_date
from devices.core.formatting import Word, number
from devices.core.permissions import PORTAL_AUDIT
from devices.core.requests import DeviceRequest, clock_for, require_right, wants_partial
from devices.core.responses import answer, query_string
from devices.directory.names import names_for
from devices.gateway.pagination import Page
from devices.ui.audit_entry import LABELS, entry_view, outcome_word, person_name
from devices.ui.pagination import pager

log = logging.getLogger("devices.audit.log")

EXPORT_MAX = 50_000
"""Entries in one file."""
OUTCOMES = (audit_log.CONFIRMED, audit_log.REJECTED, audit_log.UNKNOWN)


def _asked(request: DeviceRequest) -> tuple[TrailForm, dict[str, Any]]:
    """What is asked for. Raises RightMissing where that is more than one's own changes, without the right to it."""
    form = TrailForm(request.GET, actions=[(name, str(words)) for name, words in LABELS.items()])
    query = form.settle()
    if query["mine"]:
        query["person"] = ""
    else:
        require_right(request, PORTAL_AUDIT)
    return form, query


def _entries(request: DeviceRequest, *, mine: bool) -> QuerySet[AuditEntry]:
    return audit_log.own(request.access) if mine else audit_log.visible_to(request.access)


@require_safe
def audit_list(request: DeviceRequest) -> HttpResponse:
    """Newest first, in pages. `?mine=on`: what one did oneself, which needs no right."""
    form, query = _asked(request)
    links = Links(reverse("audit:list"), query)
    if not wants_partial(request) and "" in request.GET.values():
        return redirect(links.to())  # a form sends its empty fields too
    clock = clock_for(request)
    days = audit_search.window(query, datetime.fromtimestamp(clock.now, clock.tz).date())
    entries = _entries(request, mine=query["mine"])
    page = audit_search.page_of(audit_search.narrow(entries, query, days, clock.tz), query["page"], query["size"])
    names = names_for(request.gateway, request.access)
    people = [] if query["mine"] else audit_search.people(entries)
    context = {
        "form": form,
        "query": query,
        "here": links.path,
        "rows": [entry_view(entry, names, clock, request.access) for entry in page.items],
        "pager": pager(page, lambda to: links.to(page=to)),
        "headline": _headline(page, days),
        "chips": _chips(query, days, links, {person.pk: person_name(person) for person in people}),
        "notices": form.warnings() + _backwards(days),
        "people": _people_choices(people),
        "people_typed": len(people) > audit_search.PEOPLE_MAX,
        "outcomes": [(name, _outcome(name).text) for name in OUTCOMES],
        "actions": list(LABELS.items()),
        "filtered": any(query[name] for name in ("person", "device", "action", "outcome", "from", "to")),
        "clear_url": links.cleared(),
        "all_url": "" if query["all"] or query["from"] else links.to(all=True, page=1),
        "window": audit_search.WINDOW,
        "export_url": links.to(base=reverse("audit:export"), page=1),
        "export_words": _export_words(page),
        "read_at": clock.stamp(),
        "may_all": PORTAL_AUDIT in request.access.rights,
        "partial": wants_partial(request),
    }
    response = answer(request, "audit/list.html", "audit/_results.html", context)
    if wants_partial(request):
        response["HX-Push-Url"] = links.to()
    return response


class Links:
    """Addresses of the list with other filters; what is empty or usual is left out."""

    def __init__(self, path: str, query: dict[str, Any]) -> None:
        self.path = path
        self.query = query

    def to(self, *, base: str = "", **changes: Any) -> str:
        query = self.query | changes
        kept = {name: value for name, value in query.items() if value != TrailForm.fallbacks[name]}
        return (base or self.path) + query_string(**kept)

    def cleared(self) -> str:
        return self.path + query_string(mine=self.query["mine"])


def _headline(page: Page[AuditEntry], days: tuple[date | None, date | None]) -> str:
    if page.total is None:
        words = _("More than %s changes") % number(audit_search.COUNT_MAX)
    else:
        words = ngettext("%s change", "%s changes", page.total) % number(page.total)
    first, last = (_day(day) for day in days)
    if first and last:
        return _("%(changes)s from %(first)s to %(last)s") % {"changes": words, "first": first, "last": last}
    if first:
        return _("%(changes)s since %(first)s") % {"changes": words, "first": first}
    if last:
        return _("%(changes)s until %(last)s") % {"changes": words, "last": last}
    return _("%(changes)s in all the time that is kept") % {"changes": words}


def _day(day: date | None) -> str:
    return short_date(day) if day else ""


def _backwards(days: tuple[date | None, date | None]) -> list[str]:
    first, last = days
    return [_("The first day is after the last: nothing can lie between.")] if first and last and first > last else []


def _outcome(name: str) -> Word:
    return outcome_word(audit_log.EntryState(name))


def _people_choices(people: list[Any]) -> list[tuple[str, str]]:
    choices = []
    for person in people[: audit_search.PEOPLE_MAX]:
        words = person_name(person)
        if not person.name and not person.email:
            words = _("%(words)s, number %(number)d") % {"words": words, "number": person.pk}
        elif person.email not in ("", words):
            words = f"{words} ({person.email})"
        choices.append((str(person.pk), words))
    return choices


def _chips(
    query: dict[str, Any], days: tuple[date | None, date | None], links: Links, people: dict[int, str]
) -> list[tuple[str, str]]:
    """Each filter in force, and the address of the list without it."""
    person = query["person"]
    words = {
        "person": _("By %s") % (people.get(int(person), person) if person.isdigit() else person),
        "device": (_("Device %s") if query["device"].isdigit() else _("Device name has “%s”")) % query["device"],
        "action": str(LABELS.get(query["action"], "")),
        "outcome": _outcome(query["outcome"]).text,
        "from": _("From %s") % _day(query["from"]),
        "to": _("Until %s") % _day(query["to"]),
        "all": _("All the time that is kept"),
    }
    return [(words[name], links.to(**{name: TrailForm.fallbacks[name], "page": 1})) for name in words if query[name]]


def _export_words(page: Page[AuditEntry]) -> str:
    """How many go into the file, as far as that is counted."""
    if page.total is None:
        return _("Export the newest, %s at most") % number(EXPORT_MAX)
    return _("Export %s") % number(page.total) if page.total else ""


@require_GET
def audit_export(request: DeviceRequest) -> StreamingHttpResponse:
    """The list with the same filters as CSV: the newest EXPORT_MAX, times in UTC. The log tells who took it."""
    _form, query = _asked(request)
    clock = clock_for(request)
    today = datetime.fromtimestamp(clock.now, clock.tz).date()
    days = audit_search.window(query, today)
    entries = audit_search.narrow(_entries(request, mine=query["mine"]), query, days, clock.tz)
    names = names_for(request.gateway, request.access)
    filters = {name: str(value) for name, value in query.items() if value and name not in ("page", "size")}
    told = {"user": request.access.user_id, "email": request.access.email, "filters": filters}
    _write(told | {"request": request.request_id}, "begun")

    def lines() -> Iterator[list[object]]:
        rows = 0
        yield list(CSV_COLUMNS)
        for entry in audit_search.newest_first(entries, EXPORT_MAX):
            rows += 1
            yield csv_row(entry, names)
        _write(told | {"rows": rows, "request": request.request_id}, "done")

    response = StreamingHttpResponse(csv_chunks(lines()), content_type="text/csv; charset=utf-8; header=present")
    response["Content-Disposition"] = f'attachment; filename="changes-{today.isoformat()}.csv"'
    return response


def _write(told: dict[str, Any], state: str) -> None:
    words = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in told.items()]
    log.info("export_audit %s %s", state, " ".join(words))
