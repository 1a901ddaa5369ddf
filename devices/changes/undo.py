"""Which changes can be undone, and what would undo them. The API has no undo: it is another change, the other way."""

from __future__ import annotations

from devices.audit.log import CONFIRMED, MAX_VALUE_LENGTH, ChangeIntent, EntryState, entry_state
from devices.audit.models import AuditEntry

UNDOABLE = frozenset({"rename_device", "set_metafield", "transfer_to_owner", "remove_owner"})


def can_undo(entry: AuditEntry, state: EntryState) -> bool:
    """Whether there is something to restore: a change that was made, and what it replaced is known, as it was."""
    known = entry.before != entry.after and (entry.operation != "rename_device" or entry.before != "")
    whole = len(entry.before) < MAX_VALUE_LENGTH and "\N{REPLACEMENT CHARACTER}" not in entry.before
    return state.outcome == CONFIRMED and entry.operation in UNDOABLE and not entry.secret and known and whole


def undone_by(entry: AuditEntry) -> AuditEntry | None:
    """What has undone it, or may turn out to have: while that is open, nothing else may try."""
    for undo in sorted(entry.undone_by.all(), key=lambda row: -row.pk):
        state = entry_state(undo)
        if state.outcome == CONFIRMED or not state.final:
            return undo
    return None


def inverse(entry: AuditEntry, reason: str) -> ChangeIntent:
    """The change that restores what was there before. Who had no owner gets none, which is another operation."""
    operation = entry.operation
    if operation in ("transfer_to_owner", "remove_owner"):
        operation = "transfer_to_owner" if entry.before else "remove_owner"
    return ChangeIntent(
        operation=operation,
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
