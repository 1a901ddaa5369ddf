"""The timeline of a device: its own address, newest first, by type, in pages, under a chart of its last days."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from devices.core import api_rules
from devices.core.formatting import EventRow, Word, event_days, event_word, number
from devices.core.permissions import judge
from devices.core.requests import DeviceRequest, clock_for, require, wants_partial
from devices.core.responses import query_string
from devices.device_page.forms import TimelineForm
from devices.device_page.tabs import answer_tab, page_in_url, size_in_url
from devices.device_page.timeline_chart import chart_view
from devices.directory.names import device_template_id, event_names
from devices.gateway.client import Gateway
from devices.gateway.pagination import Page
from devices.gateway.types import TimelineEvent
from devices.ui.pagination import Pager, pager
from devices.ui.query_forms import PageForm
from devices.ui.status_banner import read_stamp

CHARTED = 500
"""Events that the chart looks at: the newest ones, in one call of the API's page size (at most 1000)."""
PATIENCE = 8.0
"""Seconds that the chart may take. The list beneath it does not wait for it."""
READ = "timelineRead"
"""What the browser is told after the list was read again, so that the chart reads again too."""


class Group(NamedTuple):
    """The events of a day that are on this page. `anchor` is the id of its head, where it has one."""

    words: str
    anchor: str
    rows: list[EventRow]


class Kind(NamedTuple):
    """A type to filter by. `here`: how many of that type are on this page, where the page shows all types."""

    word: Word
    url: str
    current: bool
    here: str


@require_safe
def device_timeline(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device/timeline`, newest first, by type, in pages. New entries may take up to a minute.

    htmx gets the list alone for a filter or a further page (`HX-Target: events`), with the chart's place around it
    otherwise. The chart costs a call of its own, made by its own address, unless this one page holds all events.
    """
    require(request, "list_timeline")
    form = TimelineForm(request.GET)
    asked, size = form.settle()
    event_type = form.cleaned_data.get("type") or ""
    links = Links(device_id, size)
    no_type = _("The platform has no such event type. All types are shown.")
    alone = wants_partial(request) and request.htmx.target == "events"
    again = alone and request.htmx.trigger == "read-again"

    def ask(gateway: Gateway) -> Page[TimelineEvent]:
        return gateway.list_timeline(device_id, event_type=event_type or None, page=asked - 1, size=size)

    def show(page: Page[TimelineEvent]) -> dict[str, Any]:
        clock = clock_for(request)
        pages = pager(page, lambda to: links.to(type=event_type, page=page_in_url(to)))
        context: dict[str, Any] = {
            "groups": _groups(event_days(page.items, clock, _names_of_events(request, device_id, page))),
            "event_type": event_type,
            "event_word": event_word(event_type) if event_type else None,
            "kinds": _kinds(page, event_type, links),
            "again_url": links.to(type=event_type),
            "all_url": links.to(),
            "notices": [no_type] if "type" in form.errors else [],
            "pager": pages,
            "count": None if event_type else page.total,
            "read_at": read_stamp(request, "list_timeline"),
            "live": True,
        }
        if alone:
            return context | {"announce": _said(pages, context["read_at"] if again else "")}
        whole = asked == 1 and not event_type and not page.has_next
        context["chart_url"] = links.chart() if page.items or not whole else ""
        if whole and page.items:
            context["chart"] = chart_view(page, clock, links, context["read_at"])
        return context

    part = {"fragment": "device_page/_timeline_events.html", "slot": "#events"} if alone else {}
    response = answer_tab(request, device_id, "timeline", ask, show, **part)
    patch_vary_headers(response, ["HX-Target"])
    if again:
        response["HX-Trigger"] = READ
    return response


@require_safe
def device_timeline_chart(request: DeviceRequest, device_id: int) -> HttpResponse:
    """The chart over the timeline: one call for the newest events, whatever page or type the list shows."""
    require(request, "list_timeline")
    _number, size = PageForm(request.GET).settle()
    links = Links(device_id, size)

    def ask(gateway: Gateway) -> Page[TimelineEvent]:
        return gateway.within(PATIENCE).list_timeline(device_id, page=0, size=CHARTED)

    def show(page: Page[TimelineEvent]) -> dict[str, Any]:
        return {
            "chart": chart_view(page, clock_for(request), links, read_stamp(request, "list_timeline")),
            "count": page.total,
            "all_url": links.to(),
            "live": wants_partial(request),
        }

    return answer_tab(
        *(request, device_id, "timeline", ask, show),
        page="device_page/timeline_chart.html",
        fragment="device_page/_timeline_chart.html",
        slot="#chart" if wants_partial(request) else "#panel",
        title=_("Events per day"),
    )


class Links:
    """Addresses of one device's timeline, all with the same page size."""

    def __init__(self, device_id: int, size: int) -> None:
        self.device_id, self.size = device_id, size
        self.here = reverse("devices:device-timeline", args=[device_id])

    def to(self, **query: Any) -> str:
        return self.here + query_string(**query, size=size_in_url(self.size))

    def chart(self) -> str:
        here = reverse("devices:device-timeline-chart", args=[self.device_id])
        return here + query_string(size=size_in_url(self.size))

    def day(self, date: str, position: int) -> str:
        """The head of a day in the list. `position` (from 0) of its newest event among all tells the page."""
        return f"{self.to(page=page_in_url(position // self.size + 1))}#day-{date}"


def _said(pages: Pager, read_at: str) -> str:
    """What assistive technology is told of a list that took the other one's place; `read_at` if it was read again."""
    if read_at:
        return _("Events read %(stamp)s") % {"stamp": read_at}
    if not pages.last:
        return _("No events")
    told = {"first": pages.first, "last": pages.last, "total": pages.total}
    if pages.total:
        return _("Events %(first)s to %(last)s of %(total)s") % told
    return _("Events %(first)s to %(last)s") % told


def _groups(days: list[tuple[str, list[EventRow]]]) -> list[Group]:
    """The days with their anchors. An id stands in a page once, even where the platform's order jumps."""
    groups: list[Group] = []
    taken: set[str] = set()
    for words, rows in days:
        date = rows[0].date
        groups.append(Group(words, f"day-{date}" if date and date not in taken else "", rows))
        taken.add(date)
    return groups


def _kinds(page: Page[TimelineEvent], event_type: str, links: Links) -> list[Kind]:
    here = Counter(event.event_type for event in page.items)
    return [
        Kind(
            word=event_word(name),
            url=links.to(type=name),
            current=name == event_type,
            here="" if event_type else number(here[name]),
        )
        for name in api_rules.EVENT_TYPES
    ]


def _names_of_events(request: DeviceRequest, device_id: int, page: Page[TimelineEvent]) -> dict[int, str]:
    """The template's names for events. Both the template and its names are remembered from the pages before."""
    if all(event.name for event in page.items) or not judge("list_template_events", request.access).allowed:
        return {}
    template_id = device_template_id(request.gateway, request.access, device_id)
    return event_names(request.gateway, request.access, template_id) if template_id is not None else {}
