"""One entry of the trail: what was asked, what is known to have become of it, and what can still be done about it."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from devices.audit import log as audit_log
from devices.audit.models import AuditEntry, AuditOutcome
from devices.changes.pipeline import change_context
from devices.changes.reconciliation import reconcile
from devices.changes.undo import UNDOABLE, undone_by
from devices.changes.undo_views import may_undo
from devices.core.formatting import When, Word
from devices.core.permissions import Verdict
from devices.core.requests import DeviceRequest, clock_for
from devices.core.text import clean
from devices.directory.names import names_for
from devices.ui.audit_entry import outcome_explanation, outcome_word, person_name, value_words
from devices.ui.change_notice import view_of_entry


class OutcomeRow(NamedTuple):
    """One outcome row: what was known then. `person`: whose look it was."""

    when: When | None
    word: Word
    told: str
    found: str
    person: str
    error: str
    request_id: str
    final: bool


@require_safe
def entry_page(request: DeviceRequest, entry_id: int) -> HttpResponse:
    """One entry. Where its outcome is open, or that of its undoing, the device is read again, which may settle it."""
    entry = get_visible_entry(request, entry_id)
    open_ones = [row for row in (entry, undone_by(entry)) if row and not audit_log.entry_state(row).final]
    for row in open_ones:
        reconcile(change_context(request), row)
    if open_ones:
        entry = get_visible_entry(request, entry_id)
    view = view_of_entry(request, entry)
    return render(request, "audit/entry.html", {"entry": view, **_entry_context(request, entry)})


def get_visible_entry(request: DeviceRequest, entry_id: int) -> AuditEntry:
    """Raises Http404 where there is no such entry, or it is none of this person's business."""
    found = audit_log.visible_entries(request.access).filter(pk=entry_id).first()
    if found is None:
        raise Http404
    return found


def _entry_context(request: DeviceRequest, entry: AuditEntry) -> dict[str, Any]:
    state = audit_log.entry_state(entry)
    names = names_for(request.gateway, request.access)
    clock = clock_for(request)
    device_id = entry.device_id or state.created_device_id
    verdict = may_undo(request.access, entry)
    return {
        "state": state,
        "looks": [_outcome_row(request, entry, row) for row in sorted(entry.outcomes.all(), key=lambda row: row.pk)],
        "asked_when": clock.when(int(entry.created_at.timestamp() * 1000), seconds=True),
        "kept_until": clock.when(int(entry.keep_until.timestamp() * 1000)),
        "organization": names.organization(entry.org_id),
        "person_organization": names.organization(entry.person_org_id),
        "device_url": reverse("devices:device-detail", args=[device_id]) if device_id else "",
        "changes_url": reverse("devices:device-changes", args=[device_id]) if device_id else "",
        "undo_verdict": verdict,
        "why_no_undo": _undo_unavailable_reason(entry, state, verdict),
        "undoes": audit_log.visible_entries(request.access).filter(pk=entry.undoes_id).exists()
        if entry.undoes_id
        else False,
        "read_at": clock.stamp(),
    }


def _outcome_row(request: DeviceRequest, entry: AuditEntry, row: AuditOutcome) -> OutcomeRow:
    names, clock = names_for(request.gateway, request.access), clock_for(request)
    state = audit_log.state_of_outcome(row)
    person = row.person
    mine = person is not None and person.key == request.access.person
    return OutcomeRow(
        when=clock.when(int(row.at.timestamp() * 1000), seconds=True),
        word=outcome_word(state),
        told=outcome_explanation(entry, state, names, clock),
        found=value_words(entry, row.observed_value, names) if row.observed_value else "",
        person=_("You") if mine else person_name(person) if person else "",
        error=clean(row.error),
        request_id=row.request_id,
        final=row.final,
    )


def _undo_unavailable_reason(entry: AuditEntry, state: audit_log.EntryState, verdict: Verdict) -> str:
    """Why there is no button that undoes it; empty where there is one, or where it is another entry that tells."""
    if entry.operation not in UNDOABLE:
        return _("The platform has no way back from this.")
    if entry.secret:
        return _("The values are secrets, which the trail does not keep: there is nothing to restore.")
    if state.outcome == audit_log.REJECTED:
        return _("It was not made, so there is nothing to undo.")
    if state.outcome == audit_log.UNKNOWN:
        return _("Whether it was made is not known, so it cannot be undone.")
    if entry.before == entry.after or (entry.operation == "rename_device" and not entry.before):
        return _("It left everything as it was: there is nothing to restore.")
    return verdict.why if verdict.closed else ""
