"""The trail of changes: its list, one entry, the undoing of a change, and the receipt of what was erased."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from devices import audit
from devices.changes import look_again
from devices.http import DeviceRequest
from devices.models import AuditEntry
from devices.views.changing import desk_of, view_of_entry


@require_safe
def entry_page(request: DeviceRequest, entry_id: int) -> HttpResponse:
    """One entry. Where its outcome is open, the device is read again, which may settle it."""
    entry = _entry(request, entry_id)
    if not audit.state_of(entry).final:
        look_again(desk_of(request), entry)
        entry = _entry(request, entry_id)
    return render(request, "audit/entry.html", {"entry": view_of_entry(request, entry)})


def _entry(request: DeviceRequest, entry_id: int) -> AuditEntry:
    found = audit.visible_to(request.access).filter(pk=entry_id).first()
    if found is None:
        raise Http404
    return found
