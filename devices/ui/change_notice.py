"""What a page says of a change that was just made, or whose outcome was open until now."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.translation import gettext as _

from devices.audit import log as audit_log
from devices.audit.log import visible_entries
from devices.audit.models import AuditEntry
from devices.changes import reconciliation
from devices.changes.context import change_context
from devices.core.requests import DeviceRequest, clock_for
from devices.directory.names import names_for
from devices.gateway.types import BaseInfo
from devices.ui.audit_entry import EntryView, entry_view, moves


def change_notice(request: DeviceRequest, info: BaseInfo | None = None) -> EntryView | None:
    """The change that `?change=` of this page names, if this person may read about it.

    `info`: the device, on its pages; elsewhere no way back is offered, since the device may be gone. What moves it may
    change its owner and its organization at once, so both are told as they are now.
    """
    wanted = request.GET.get("change", "")
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
        return None
    entry = audit_log.visible_entries(request.access).filter(pk=int(wanted)).first()
    if entry is None:
        return None
    view = view_of_entry(request, entry)
    if info is None:
        return view._replace(undo_url="")
    if view.device_id != info.id:
        return None
    if moves(entry):
        names = names_for(request.gateway, request.access)
        now = {"owner": names.owner(info.owner_user_id) or _("nobody"), "organization": names.organization(info.org_id)}
        return view._replace(
            explanation=f"{view.explanation} {_('Now: owner %(owner)s, organization %(organization)s.') % now}"
        )
    return view


def view_of_entry(request: DeviceRequest, entry: AuditEntry) -> EntryView:
    return entry_view(entry, names_for(request.gateway, request.access), clock_for(request), request.access)


TIME_LIMIT = 5.0
"""Seconds that a device's page may spend on it."""


class Reconciled(NamedTuple):
    """A change that was open a moment ago. `entry`: None where this person may not read about it."""

    operation: str
    unknown: bool
    entry: EntryView | None


def reconcile_device(request: DeviceRequest, device_id: int) -> list[Reconciled]:
    """One query where nothing is open; else the device is read again, a call or two for each open change."""
    context = change_context(request)
    within = context._replace(gateway=context.gateway.within(TIME_LIMIT))
    done = reconciliation.reconcile_pending(within, device_id)
    if not done:
        return []
    found = visible_entries(request.access).filter(pk__in=[one.entry.pk for one in done])
    readable = {entry.pk: view_of_entry(request, entry) for entry in found}
    return [Reconciled(one.entry.operation, one.unknown, readable.get(one.entry.pk)) for one in done]
