"""The tabs of a device: each has its own address, asks only when opened, and fails alone."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from devices import rules
from devices.forms.listing import PageForm
from devices.http import DeviceRequest, answer, clock_for, query_string, require, wants_partial
from devices.names import names_for
from devices.presentation import log_row
from devices.text import clean
from devices.views.fields import field_views
from devices.views.paging import pager
from devices.views.shell import shell


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
        "again_url": here + query_string(size=size_in_url(size)),
        "rows": [log_row(entry, clock) for entry in page.items],
        "page": page,
        "pager": pager(page, lambda to: here + query_string(page=page_in_url(to), size=size_in_url(size))),
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
    return answer_tab(request, device_id, tab, around(request, device_id, tab) | context)


def around(request: DeviceRequest, device_id: int, tab: str) -> dict[str, Any]:
    return {} if wants_partial(request) else shell(request, device_id, tab=tab)


def answer_tab(request: DeviceRequest, device_id: int, tab: str, context: dict[str, Any]) -> HttpResponse:
    context |= {"device_id": device_id, "tab": tab}
    return answer(request, f"devices/device_{tab}.html", f"devices/_device_{tab}.html", context)


def page_in_url(number: int) -> int | str:
    return number if number > 1 else ""


def size_in_url(size: int) -> int | str:
    return size if size != rules.PAGE_SIZE else ""
