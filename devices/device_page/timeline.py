"""The timeline of a device, newest first, by type, in pages, below a chart of the last days."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django_htmx.http import trigger_client_event

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

CHARTED_EVENTS = 500
"""The chart shows the newest events, read in one call of this page size (the API allows 1000)."""
CHART_TIMEOUT = 8.0
"""Seconds. The list below does not wait for the chart."""
TIMELINE_READ = "timelineRead"
"""Client event after the list was read again: the chart then reloads too."""


class Group(NamedTuple):
    """The events of a day on this page. `anchor` is the id of its head, if it has one."""

    words: str
    anchor: str
    rows: list[EventRow]


class Kind(NamedTuple):
    """A type to filter by. `here`: how many events of it are on this page, if the page shows all types."""

    word: Word
    url: str
    current: bool
    here: str


@require_safe
def device_timeline(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device/timeline`, newest first, by type, in pages. htmx gets the list alone (`HX-Target: events`) for a
    filter or another page. The chart loads with one more call, unless this page holds all events."""
    require(request, "list_timeline")
    form = TimelineForm(request.GET)
    number_, size = form.clean_with_defaults()
    event_type = form.cleaned_data.get("type") or ""
    urls = TimelineUrls(device_id, size)
    list_only = wants_partial(request) and request.htmx.target == "events"
    read_again = list_only and request.htmx.trigger == "read-again"

    def ask(gateway: Gateway) -> Page[TimelineEvent]:
        return gateway.list_timeline(device_id, event_type=event_type or None, page=number_ - 1, size=size)

    def show(page: Page[TimelineEvent]) -> dict[str, Any]:
        context = _list_context(request, device_id, page, event_type, urls)
        if list_only:
            return context | {"announce": _announcement(context["pager"], context["read_at"] if read_again else "")}
        if "type" in form.errors:
            context["notices"] = [_("The platform has no such event type. All types are shown.")]
        return context | _chart_context(request, page, urls, all_types=not event_type)

    part = {"fragment": "device_page/_timeline_events.html", "target": "#events"} if list_only else {}
    response = answer_tab(request, device_id, "timeline", ask, show, **part)
    patch_vary_headers(response, ["HX-Target"])
    return trigger_client_event(response, TIMELINE_READ) if read_again else response


def _list_context(
    request: DeviceRequest, device_id: int, page: Page[TimelineEvent], event_type: str, urls: TimelineUrls
) -> dict[str, Any]:
    return {
        "groups": _groups(event_days(page.items, clock_for(request), _names_of_events(request, device_id, page))),
        "event_type": event_type,
        "event_word": event_word(event_type) if event_type else None,
        "kinds": _kinds(page, event_type, urls),
        "again_url": urls.to(type=event_type),
        "all_url": urls.to(),
        "notices": [],
        "pager": pager(page, lambda to: urls.to(type=event_type, page=page_in_url(to))),
        "count": None if event_type else page.total,
        "read_at": read_stamp(request, "list_timeline"),
        "live": True,
    }


def _chart_context(
    request: DeviceRequest, page: Page[TimelineEvent], urls: TimelineUrls, *, all_types: bool
) -> dict[str, Any]:
    """The chart itself if this page holds all events, else the address it loads from; neither without events."""
    holds_all = all_types and page.number == 0 and not page.has_next
    context: dict[str, Any] = {"chart_url": urls.chart() if page.items or not holds_all else ""}
    if holds_all and page.items:
        context["chart"] = chart_view(page, clock_for(request), urls, read_stamp(request, "list_timeline"))
    return context


@require_safe
def device_timeline_chart(request: DeviceRequest, device_id: int) -> HttpResponse:
    """The chart above the timeline: one call for the newest events, for any page or type of the list."""
    require(request, "list_timeline")
    _number, size = PageForm(request.GET).clean_with_defaults()
    urls = TimelineUrls(device_id, size)

    def ask(gateway: Gateway) -> Page[TimelineEvent]:
        return gateway.within(CHART_TIMEOUT).list_timeline(device_id, page=0, size=CHARTED_EVENTS)

    def show(page: Page[TimelineEvent]) -> dict[str, Any]:
        return {
            "chart": chart_view(page, clock_for(request), urls, read_stamp(request, "list_timeline")),
            "count": page.total,
            "all_url": urls.to(),
            "live": wants_partial(request),
        }

    return answer_tab(
        *(request, device_id, "timeline", ask, show),
        page="device_page/timeline_chart.html",
        fragment="device_page/_timeline_chart.html",
        target="#chart" if wants_partial(request) else "#panel",
        title=_("Events per day"),
    )


class TimelineUrls:
    """URLs of one device's timeline, all with the same page size."""

    def __init__(self, device_id: int, size: int) -> None:
        self.device_id, self.size = device_id, size
        self.here = reverse("devices:device-timeline", args=[device_id])

    def to(self, **query: Any) -> str:
        return self.here + query_string(**query, size=size_in_url(self.size))

    def chart(self) -> str:
        here = reverse("devices:device-timeline-chart", args=[self.device_id])
        return here + query_string(size=size_in_url(self.size))

    def day(self, date: str, position: int) -> str:
        """The head of a day in the list, on the page of its newest event, which has `position` (from 0) among all."""
        return f"{self.to(page=page_in_url(position // self.size + 1))}#day-{date}"


def _announcement(pages: Pager, read_at: str) -> str:
    """What assistive technology hears after the list was replaced; `read_at` if it was read again."""
    if read_at:
        return _("Events read %(stamp)s") % {"stamp": read_at}
    if not pages.last:
        return _("No events")
    words = {"first": pages.first, "last": pages.last, "total": pages.total}
    if pages.total:
        return _("Events %(first)s to %(last)s of %(total)s") % words
    return _("Events %(first)s to %(last)s") % words


def _groups(days: list[tuple[str, list[EventRow]]]) -> list[Group]:
    """The days with their anchors. An id is unique on the page, even if the platform's order repeats a day."""
    groups: list[Group] = []
    taken: set[str] = set()
    for words, rows in days:
        date = rows[0].date
        groups.append(Group(words, f"day-{date}" if date and date not in taken else "", rows))
        taken.add(date)
    return groups


def _kinds(page: Page[TimelineEvent], event_type: str, urls: TimelineUrls) -> list[Kind]:
    here = Counter(event.event_type for event in page.items)
    return [
        Kind(
            word=event_word(name),
            url=urls.to(type=name),
            current=name == event_type,
            here="" if event_type else number(here[name]),
        )
        for name in api_rules.EVENT_TYPES
    ]


def _names_of_events(request: DeviceRequest, device_id: int, page: Page[TimelineEvent]) -> dict[int, str]:
    """The template's names for events. The template and its names are cached by earlier pages."""
    if all(event.name for event in page.items) or not judge("list_template_events", request.access).allowed:
        return {}
    template_id = device_template_id(request.gateway, request.access, device_id)
    return event_names(request.gateway, request.access, template_id) if template_id is not None else {}
