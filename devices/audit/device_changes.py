"""What was changed at one device through the portal: its tab, and what its page says of changes of unknown outcome."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from devices.audit import log as audit_log
from devices.audit import search as audit_search
from devices.core import api_rules
from devices.core.fanout import ask_together
from devices.core.permissions import PORTAL_AUDIT
from devices.core.requests import DeviceRequest, clock_for, wants_partial
from devices.core.responses import answer, query_string
from devices.core.text import clean, shorten
from devices.directory.names import names_for
from devices.gateway.errors import Forbidden, NotFound
from devices.ui.audit_entry import entry_view
from devices.ui.change_notice import reconcile_device
from devices.ui.device_layout import device_layout_context, layout_reads
from devices.ui.pagination import pager
from devices.ui.query_forms import PageForm
from devices.ui.read_errors import try_read


@require_safe
def device_changes(request: DeviceRequest, device_id: int) -> HttpResponse:
    """The changes of this device, newest first. A device that is gone or out of reach still has its history."""
    settled = reconcile_device(request, device_id)
    form = PageForm(request.GET)
    number, size = form.settle()
    entries = audit_log.of_device(audit_log.visible_to(request.access), device_id)
    page = audit_search.page_of(entries, number, size)
    clock = clock_for(request)
    names = names_for(request.gateway, request.access)
    here = reverse("devices:device-changes", args=[device_id])
    kept_size = size if size != api_rules.PAGE_SIZE else ""
    context: dict[str, Any] = {
        "rows": [entry_view(entry, names, clock, request.access) for entry in page.items],
        "pager": pager(page, lambda to: here + query_string(page=to if to > 1 else "", size=kept_size)),
        "again_url": here + query_string(size=kept_size),
        "may_all": PORTAL_AUDIT in request.access.rights,
        "right": PORTAL_AUDIT,
        "read_at": clock.stamp(),
        "device_id": device_id,
        "tab": "changes",
        "of_device": True,
    }
    if wants_partial(request):
        if page.total == 0:
            # "No changes" is not said of a device that is known not to be there to be seen.
            try_read(request.gateway, lambda gateway: gateway.get_base_info(device_id))
    else:
        try:
            reads = ask_together(request.gateway, layout_reads(device_id))
            context = (
                device_layout_context(request, device_id, tab="changes", reconciled=settled, reads=reads) | context
            )
        except (NotFound, Forbidden):
            if not page.total:
                raise
            named = entries.exclude(device_name="").prefetch_related(None).order_by("-pk")
            newest = named.values_list("device_name", flat=True).first() or ""
            context["device_name"] = shorten(clean(newest).strip()) or _("Device %d") % device_id
            return answer(request, "audit/device_gone.html", "audit/_device_changes.html", context)
    context["panel_template"] = "audit/_device_changes.html"
    return answer(request, "ui/device_tab.html", "audit/_device_changes.html", context)
