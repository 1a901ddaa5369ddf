"""The tabs of a device: each has its own address, reads only when opened, and fails alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from devices.core import api_rules
from devices.core.fanout import fan_out_named
from devices.core.formatting import log_row
from devices.core.permissions import judge
from devices.core.requests import DeviceRequest, clock_for, require, wants_partial
from devices.core.responses import answer, query_string
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError
from devices.gateway.pagination import Page
from devices.gateway.types import LogEntry, Metafield
from devices.metafields import present
from devices.ui.change_notice import reconcile_device
from devices.ui.device_actions import change_url_names
from devices.ui.device_layout import device_layout_context, layout_reads, set_tab_count, tab_label
from devices.ui.pagination import pager
from devices.ui.query_forms import PageForm
from devices.ui.read_errors import is_panel_local, panel_error, try_read, with_retry_after
from devices.ui.status_banner import gate_write, read_stamp
from devices.ui.tabs import Tab

T = TypeVar("T")


@require_safe
def device_logs(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device/logs`: values that users set, newest first. The total may be missing."""
    require(request, "list_logs")
    form = PageForm(request.GET)
    number, size = form.clean_with_defaults()
    here = reverse("devices:device-logs", args=[device_id])

    def show(page: Page[LogEntry]) -> dict[str, Any]:
        clock = clock_for(request)
        return {
            "again_url": here + query_string(size=size_in_url(size)),
            "rows": [log_row(entry, clock) for entry in page.items],
            "page": page,
            "count": page.total,
            "pager": pager(page, lambda to: here + query_string(page=page_in_url(to), size=size_in_url(size))),
            "read_at": read_stamp(request, "list_logs"),
        }

    return answer_tab(
        request, device_id, "logs", lambda gateway: gateway.list_logs(device_id, page=number - 1, size=size), show
    )


@require_safe
def device_metafields(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`GET /device/metafield`: every metafield with its type, and what may be edited."""
    require(request, "list_metafields")

    def show(found: Iterable[Metafield]) -> dict[str, Any]:
        fields = [present(each) for each in found]
        return {
            "fields": fields,
            "count": len(fields),
            "missing_count": sum(each.missing for each in fields),
            "edit": gate_write(request, judge("set_metafield", request.access)),
            "ways": change_url_names(request),
            "read_at": read_stamp(request, "list_metafields"),
        }

    return answer_tab(request, device_id, "metafields", lambda gateway: gateway.list_metafields(device_id), show)


@require_safe
def device_tab(request: DeviceRequest, device_id: int, tab: Tab[Any]) -> HttpResponse:
    """A tab that shows what one call reads: `tab.ask`, then `tab.show`."""
    ask, show = tab.ask, tab.show
    if ask is None or show is None:
        raise ValueError(f"the tab {tab.name} needs its own view")
    require(request, tab.operation)
    return answer_tab(
        request,
        device_id,
        tab.name,
        lambda gateway: ask(gateway, device_id),
        lambda found: {
            "read_at": read_stamp(request, tab.operation),
            "tab_label": str(tab.label),
            **show(request, found),
        },
        fragment=tab.panel,
    )


def answer_tab(
    request: DeviceRequest,
    device_id: int,
    tab: str,
    ask: Callable[[Gateway], T],
    show: Callable[[T], dict[str, Any]],
    *,
    page: str = "",
    fragment: str = "",
    target: str = "#panel",
    title: str = "",
) -> HttpResponse:
    """The panel for htmx, else the device's page with it. The page's own two reads run in parallel with the panel's.

    `ask` reads the panel's data (in a thread: no Django), `show` makes the panel's context from it, with the tab's
    `count`. If the read fails, the panel shows the error, with the true status, and the page around it stays.
    For a part of a panel: `page` and `fragment` are its templates, `target` its selector, `title` its name.
    """
    found: Any
    if wants_partial(request):
        found, context = try_read(request.gateway, ask), {}
    else:
        reconciled = reconcile_device(request, device_id)
        reads = fan_out_named(request.gateway, {"panel": ask, **layout_reads(device_id)})
        found = reads["panel"]
        context = device_layout_context(request, device_id, tab=tab, reconciled=reconciled, reads=reads)
    context |= {"device_id": device_id, "tab": tab}
    if isinstance(found, GatewayError):
        if not is_panel_local(found):
            raise found
        fragment = "ui/_read_error_panel.html"
        error = panel_error(request, found, title or tab_label(tab))
        context |= {"read_error": error, "target": target, "panel_template": fragment}
        return with_retry_after(answer(request, "ui/device_tab.html", fragment, context, status=found.status), found)
    context |= show(found)
    set_tab_count(context, tab, context.get("count"))
    fragment = fragment or f"device_page/_{tab}.html"
    return answer(request, page or "ui/device_tab.html", fragment, context | {"panel_template": fragment})


def page_in_url(number: int) -> int | str:
    return number if number > 1 else ""


def size_in_url(size: int) -> int | str:
    return size if size != api_rules.PAGE_SIZE else ""
