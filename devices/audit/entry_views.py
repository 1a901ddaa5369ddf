"""One audit entry: what was requested, its outcomes, and whether it can be undone."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from devices.audit import log as audit_log
from devices.audit.models import AuditEntry, AuditOutcome
from devices.changes.context import change_context
from devices.changes.kinds import kind_of
from devices.changes.reconciliation import reconcile
from devices.changes.undo import may_undo, undone_by
from devices.core.formatting import When, Word
from devices.core.permissions import Verdict
from devices.core.requests import DeviceRequest, clock_for
from devices.core.text import clean
from devices.directory.names import names_for
from devices.ui.audit_entry import outcome_explanation, outcome_word, person_name
from devices.ui.change_notice import view_of_entry


class OutcomeRow(NamedTuple):
    """One outcome as shown. `explanation`: the evidence in words. `person`: whose request recorded it."""

    when: When | None
    word: Word
    explanation: str
    person: str
    error: str
    final: bool


@require_safe
def entry_page(request: DeviceRequest, entry_id: int) -> HttpResponse:
    """One entry. If its outcome or that of its undo is open, it is reconciled first."""
    entry = get_visible_entry(request, entry_id)
    open_entries = [row for row in (entry, undone_by(entry)) if row and not audit_log.entry_state(row).final]
    for row in open_entries:
        reconcile(change_context(request), row)
    if open_entries:
        entry = get_visible_entry(request, entry_id)
    view = view_of_entry(request, entry)
    return render(request, "audit/entry.html", {"entry": view, **_entry_context(request, entry)})


def get_visible_entry(request: DeviceRequest, entry_id: int) -> AuditEntry:
    """Raises Http404 if there is no such entry or this person may not read it."""
    entry = audit_log.visible_entries(request.access).filter(pk=entry_id).first()
    if entry is None:
        raise Http404
    return entry


def _entry_context(request: DeviceRequest, entry: AuditEntry) -> dict[str, Any]:
    state = audit_log.entry_state(entry)
    names = names_for(request.gateway, request.access)
    clock = clock_for(request)
    device_id = entry.device_id or state.created_device_id
    verdict = may_undo(request.access, entry)
    original = audit_log.visible_entries(request.access).filter(pk=entry.undoes_id) if entry.undoes_id else None
    return {
        "outcome_rows": [
            _outcome_row(request, entry, row) for row in sorted(entry.outcomes.all(), key=lambda row: row.pk)
        ],
        "requested_when": clock.when(int(entry.created_at.timestamp() * 1000), seconds=True),
        "kept_until": clock.when(int(entry.keep_until.timestamp() * 1000)),
        "organization": names.organization(entry.org_id),
        "person_organization": names.organization(entry.person_org_id),
        "device_url": reverse("devices:device-detail", args=[device_id]) if device_id else "",
        "changes_url": reverse("devices:device-changes", args=[device_id]) if device_id else "",
        "undo_verdict": verdict,
        "no_undo_reason": _undo_unavailable_reason(entry, state, verdict),
        "original_visible": original is not None and original.exists(),
        "read_at": clock.stamp(),
    }


def _outcome_row(request: DeviceRequest, entry: AuditEntry, row: AuditOutcome) -> OutcomeRow:
    names, clock = names_for(request.gateway, request.access), clock_for(request)
    state = audit_log.state_of_outcome(row)
    person = row.person
    own = person is not None and person.key == request.access.person
    return OutcomeRow(
        when=clock.when(int(row.at.timestamp() * 1000), seconds=True),
        word=outcome_word(state),
        explanation=outcome_explanation(entry, state, names, clock),
        person=_("You") if own else person_name(person) if person else "",
        error=clean(row.error),
        final=row.final,
    )


def _undo_unavailable_reason(entry: AuditEntry, state: audit_log.EntryState, verdict: Verdict) -> str:
    """Why the entry cannot be undone; empty if it can be, or if it was already."""
    kind = kind_of(entry.operation)
    if kind is None or kind.undo is None:
        return _("The platform cannot undo this.")
    if entry.secret:
        return _("The audit does not store secret values, so there is nothing to restore.")
    if state.outcome == audit_log.REJECTED:
        return _("This change was not made, so there is nothing to undo.")
    if state.outcome == audit_log.UNKNOWN:
        return _("It is not known whether this change was made, so it cannot be undone.")
    if entry.before == entry.after or (kind.undo.needs_value and not entry.before):
        return _("This change left everything as it was, so there is nothing to restore.")
    return verdict.why if verdict.closed else ""
