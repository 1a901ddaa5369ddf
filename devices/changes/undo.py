"""Which changes can be undone, and by which change. The API has no undo: it is another change, the other way."""

from __future__ import annotations

from devices.audit.log import CONFIRMED, MAX_VALUE_LENGTH, ChangeIntent, EntryState, entry_state
from devices.audit.models import AuditEntry
from devices.changes.kinds import kind_of, kinds
from devices.core.permissions import Access, Verdict, judge, judge_here


def can_undo(entry: AuditEntry, state: EntryState) -> bool:
    """Whether there is something to restore: a confirmed change whose former value is known and whole."""
    kind = kind_of(entry.operation)
    if kind is None or kind.undo is None or entry.secret or state.outcome != CONFIRMED:
        return False
    known = entry.before != entry.after and bool(entry.before or not kind.undo.needs_value)
    return known and len(entry.before) < MAX_VALUE_LENGTH and "\N{REPLACEMENT CHARACTER}" not in entry.before


def undone_by(entry: AuditEntry) -> AuditEntry | None:
    """The change that undid it, or may have: while its outcome is open, nothing else may try."""
    for undo in sorted(entry.undone_by.all(), key=lambda row: -row.pk):
        state = entry_state(undo)
        if state.outcome == CONFIRMED or not state.final:
            return undo
    return None


def competing_operations(entry: AuditEntry) -> list[str]:
    """Operations that change what this entry changed."""
    kind = kind_of(entry.operation)
    target = kind.undo.target if kind and kind.undo else None
    return [other.operation for other in kinds() if other.undo and other.undo.target == target]


def inverse(entry: AuditEntry, reason: str = "") -> ChangeIntent:
    """The change that restores what was there before. Requires a kind with `undo`."""
    kind = kind_of(entry.operation)
    return ChangeIntent(
        operation=kind.undo.operation(entry) if kind and kind.undo else entry.operation,
        device_id=entry.device_id,
        device_name=entry.device_name,
        org_id=entry.org_id,
        target=entry.target,
        target_name=entry.target_name,
        before=entry.after,
        after=entry.before,
        reason=reason,
        undoes=entry.pk,
    )


def may_undo(access: Access, entry: AuditEntry, owner_id: int | None = None) -> Verdict:
    """Whether this person may make the change that undoes it. `owner_id`: of the device, where it was just read."""
    operation = inverse(entry).operation
    if operation == "transfer_to_owner":
        other = entry.before != str(access.user_id)
        return judge(operation, access, owner_id=owner_id, other=other)
    verdict = judge(operation, access, owner_id=owner_id)
    return judge_here(operation, access, owner_id) if verdict.allowed and owner_id is not None else verdict
