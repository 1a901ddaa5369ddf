"""The changes made to one device through the portal: its tab "Changes here"."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from devices.audit import log as audit_log
from devices.audit import search as audit_search
from devices.audit.models import AuditEntry
from devices.core import api_rules
from devices.core.fanout import fan_out_named
from devices.core.permissions import PORTAL_AUDIT
from devices.core.requests import DeviceRequest, clock_for, wants_partial
from devices.core.responses import answer, query_string
from devices.core.text import clean, shorten
from devices.directory.names import names_for
from devices.gateway.errors import Forbidden, NotFound
from devices.gateway.pagination import Page
from devices.ui.audit_entry import entry_view
from devices.ui.change_notice import reconcile_device
from devices.ui.device_layout import device_layout_context, layout_reads
from devices.ui.pagination import pager
from devices.ui.query_forms import PageForm
from devices.ui.read_errors import try_read


@require_safe
def device_changes(request: DeviceRequest, device_id: int) -> HttpResponse:
    """Newest first, in pages. Also for a device that was deleted or is out of reach, if the person may read entries."""
    reconciled = reconcile_device(request, device_id)
    entries = audit_log.filter_by_device(audit_log.visible_entries(request.access), device_id)
    page = audit_search.entries_page(entries, *PageForm(request.GET).clean_with_defaults())
    context = _list_context(request, device_id, page)
    if wants_partial(request):
        if page.total == 0:
            # "No changes" would be wrong for a device that does not exist: this raises NotFound.
            try_read(request.gateway, lambda gateway: gateway.get_base_info(device_id))
        return answer(request, "ui/device_tab.html", "audit/_device_changes.html", context)
    try:
        reads = fan_out_named(request.gateway, layout_reads(device_id))
        layout = device_layout_context(request, device_id, tab="changes", reconciled=reconciled, reads=reads)
    except (NotFound, Forbidden):
        if not page.total:
            raise
        context["device_name"] = _last_name(entries, device_id)
        return answer(request, "audit/device_gone.html", "audit/_device_changes.html", context)
    return answer(request, "ui/device_tab.html", "audit/_device_changes.html", layout | context)


def _list_context(request: DeviceRequest, device_id: int, page: Page[AuditEntry]) -> dict[str, Any]:
    clock = clock_for(request)
    names = names_for(request.gateway, request.access)
    here = reverse("devices:device-changes", args=[device_id])
    size = page.size if page.size != api_rules.PAGE_SIZE else ""
    return {
        "rows": [entry_view(entry, names, clock, request.access) for entry in page.items],
        "pager": pager(page, lambda to: here + query_string(page=to if to > 1 else "", size=size)),
        "again_url": here + query_string(size=size),
        "may_all": PORTAL_AUDIT in request.access.rights,
        "right": PORTAL_AUDIT,
        "read_at": clock.stamp(),
        "device_id": device_id,
        "tab": "changes",
        "of_device": True,
        "panel_template": "audit/_device_changes.html",
    }


def _last_name(entries: QuerySet[AuditEntry], device_id: int) -> str:
    """The device's name in the newest entry that has one."""
    named = entries.exclude(device_name="").prefetch_related(None).order_by("-pk")
    name = named.values_list("device_name", flat=True).first() or ""
    return shorten(clean(name).strip()) or _("Device %d") % device_id
