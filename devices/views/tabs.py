"""The tabs of a device: each has its own address, asks only when opened, and fails alone."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from devices import rules
from devices.forms.listing import PageForm, TimelineForm
from devices.gateway.pages import Page
from devices.gateway.types import TimelineEvent
from devices.http import DeviceRequest, answer, clock_for, query_string, require, wants_partial
from devices.names import event_names, names_for, template_of
from devices.permissions import judge
from devices.presentation import event_days, event_word, log_row
from devices.text import clean
from devices.views.fields import field_views
from devices.views.paging import pager
from devices.views.shell import shell


@require_safe
def device_timeline(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device/timeline`, newest first, by type, in pages. New entries may take up to a minute."""
    require(request, "list_timeline")
    form = TimelineForm(request.GET)
    number, size = form.settle()
    event_type = form.cleaned_data.get("type") or ""
    page = request.gateway.list_timeline(device_id, event_type=event_type or None, page=number - 1, size=size)
    clock = clock_for(request)
    here = reverse("devices:device-timeline", args=[device_id])
    around = _around(request, device_id, "timeline")
    context = {
        "days": event_days(page.items, clock, _names_of_events(request, device_id, page)),
        "page": page,
        "event_type": event_type,
        "event_word": event_word(event_type) if event_type else None,
        "types": [
            (event_word(name), here + query_string(type=name, size=_size(size)), name == event_type)
            for name in rules.EVENT_TYPES
        ],
        "again_url": here + query_string(type=event_type, size=_size(size)),
        "all_url": here + query_string(size=_size(size)),
        "notices": [_("The platform has no such event type. All types are shown.")] if "type" in form.errors else [],
        "pager": pager(page, lambda to: here + query_string(type=event_type, page=_page(to), size=_size(size))),
        "read_at": clock.stamp(),
    }
    return _answer(request, device_id, "timeline", around | context)


def _names_of_events(request: DeviceRequest, device_id: int, page: Page[TimelineEvent]) -> dict[int, str]:
    """The template's names for events. Both the template and its names are remembered from the pages before."""
    if all(event.name for event in page.items) or not judge("list_template_events", request.access).allowed:
        return {}
    template_id = template_of(request.gateway, request.access, device_id)
    return event_names(request.gateway, request.access, template_id) if template_id is not None else {}


@require_safe
def device_logs(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device/logs`: what users set, newest first, in pages whose total may be missing."""
    require(request, "list_logs")
    form = PageForm(request.GET)
    number, size = form.settle()
    page = request.gateway.list_logs(device_id, page=number - 1, size=size)
    clock = clock_for(request)
    here = reverse("devices:device-logs", args=[device_id])
    context = {
        "again_url": here + query_string(size=_size(size)),
        "rows": [log_row(entry, clock) for entry in page.items],
        "page": page,
        "pager": pager(page, lambda to: here + query_string(page=_page(to), size=_size(size))),
        "read_at": clock.stamp(),
    }
    return _tab(request, device_id, "logs", context)


@require_safe
def device_metafields(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device/metafield`: every metafield with its type, and what may be edited."""
    require(request, "list_metafields")
    return _tab(request, device_id, "metafields", field_views(request, device_id))


@require_safe
def device_tags(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device/tags`, each with the organization that made it. The API has no way to change them."""
    require(request, "list_tags")
    tags = request.gateway.list_tags(device_id)
    names = names_for(request.gateway, request.access)
    context = {
        "tags": [(clean(tag.name), names.organization(tag.tag_owner_org_id)) for tag in tags],
        "read_at": clock_for(request).stamp(),
    }
    return _tab(request, device_id, "tags", context)


def _tab(request: DeviceRequest, device_id: int, tab: str, context: dict[str, Any]) -> HttpResponse:
    """The panel for htmx; for everybody else the device's page around it (two more calls)."""
    return _answer(request, device_id, tab, _around(request, device_id, tab) | context)


def _around(request: DeviceRequest, device_id: int, tab: str) -> dict[str, Any]:
    return {} if wants_partial(request) else shell(request, device_id, tab=tab)


def _answer(request: DeviceRequest, device_id: int, tab: str, context: dict[str, Any]) -> HttpResponse:
    context |= {"device_id": device_id, "tab": tab}
    return answer(request, f"devices/device_{tab}.html", f"devices/_device_{tab}.html", context)


def _page(number: int) -> int | str:
    return number if number > 1 else ""


def _size(size: int) -> int | str:
    return size if size != rules.PAGE_SIZE else ""
