"""The timeline of a device: its own address, newest first, by type, in pages."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from devices import rules
from devices.forms.listing import TimelineForm
from devices.gateway.api import Gateway
from devices.gateway.pages import Page
from devices.gateway.types import TimelineEvent
from devices.http import DeviceRequest, clock_for, query_string, require
from devices.names import event_names, template_of
from devices.permissions import judge
from devices.presentation import event_days, event_word
from devices.views.paging import pager
from devices.views.tabs import answer_tab, page_in_url, size_in_url


@require_safe
def device_timeline(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device/timeline`, newest first, by type, in pages. New entries may take up to a minute."""
    require(request, "list_timeline")
    form = TimelineForm(request.GET)
    number, size = form.settle()
    event_type = form.cleaned_data.get("type") or ""
    here = reverse("devices:device-timeline", args=[device_id])

    no_type = _("The platform has no such event type. All types are shown.")
    notices = [no_type] if "type" in form.errors else []

    def ask(gateway: Gateway) -> Page[TimelineEvent]:
        return gateway.list_timeline(device_id, event_type=event_type or None, page=number - 1, size=size)

    def show(page: Page[TimelineEvent]) -> dict[str, Any]:
        clock = clock_for(request)
        return {
            "days": event_days(page.items, clock, _names_of_events(request, device_id, page)),
            "page": page,
            "event_type": event_type,
            "event_word": event_word(event_type) if event_type else None,
            "types": [
                (event_word(name), here + query_string(type=name, size=size_in_url(size)), name == event_type)
                for name in rules.EVENT_TYPES
            ],
            "again_url": here + query_string(type=event_type, size=size_in_url(size)),
            "all_url": here + query_string(size=size_in_url(size)),
            "notices": notices,
            "pager": pager(
                page, lambda to: here + query_string(type=event_type, page=page_in_url(to), size=size_in_url(size))
            ),
            "read_at": clock.stamp(),
        }

    return answer_tab(request, device_id, "timeline", ask, show)


def _names_of_events(request: DeviceRequest, device_id: int, page: Page[TimelineEvent]) -> dict[int, str]:
    """The template's names for events. Both the template and its names are remembered from the pages before."""
    if all(event.name for event in page.items) or not judge("list_template_events", request.access).allowed:
        return {}
    template_id = template_of(request.gateway, request.access, device_id)
    return event_names(request.gateway, request.access, template_id) if template_id is not None else {}
