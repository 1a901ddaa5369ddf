"""An entry of the trail in words: what, who, from what to what, and what is known to have become of it."""

from __future__ import annotations

from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from devices.audit.log import (
    ACCEPTED,
    CONFIRMED,
    LOST,
    READ_BACK,
    REFUSED,
    REJECTED,
    REPLY_ONLY,
    EntryState,
    entry_state,
    in_progress,
    new_idempotency_key,
)
from devices.audit.models import AuditEntry, AuditPerson
from devices.changes.outcome_messages import said
from devices.changes.undo import can_undo, undone_by
from devices.changes.verification import WORD_IS_ENOUGH, TimelineExtent
from devices.core.formatting import Clock, When, Word, number
from devices.core.permissions import Access
from devices.core.text import clean, shorten
from devices.directory.names import Names

LABELS = {
    "create_device": gettext_lazy("Create device"),
    "rename_device": gettext_lazy("Rename"),
    "set_metafield": gettext_lazy("Edit metafield"),
    "transfer_to_owner": gettext_lazy("Transfer to another owner"),
    "transfer_to_organization": gettext_lazy("Transfer to another organization"),
    "remove_owner": gettext_lazy("Remove the owner"),
    "trigger_event": gettext_lazy("Trigger an event"),
    "reveal_token": gettext_lazy("Show the token"),
    "clear_device": gettext_lazy("Erase data"),
    "delete_device": gettext_lazy("Delete device"),
}
OWNERS = frozenset({"transfer_to_owner", "remove_owner"})
MOVES = OWNERS | {"transfer_to_organization"}
"""Operations whose values are ids, which have names, and after which somebody may no longer see the device."""
ERASING = frozenset({"delete_device", "clear_device"})
SHOWN = 120
"""Characters of a value in a row."""
SAID = 60
"""Characters of a name or a value in a sentence."""


class EntryView(NamedTuple):
    """`before` and `after` are words; empty where there is nothing to tell. `undo_url`: empty where it cannot be.

    `said`: what became of it, in a sentence. `told`: what that rests on.

    `idempotency_key`: of the form that undoes it from here. `undone`: that it was, or that this is not known, and its record.
    """

    id: int
    url: str
    label: str
    target: str
    device_id: int | None
    device_name: str
    before: str
    after: str
    secret: bool
    person: str
    email: str
    reason: str
    when: When | None
    outcome: Word
    said: str
    told: str
    final: bool
    undo_url: str
    receipt_url: str
    receipt_hash: str
    undoes: int | None
    request_id: str
    idempotency_key: str = ""
    under_way: bool = False
    undone: Word | None = None
    undone_url: str = ""


def entry_view(entry: AuditEntry, names: Names, clock: Clock, access: Access) -> EntryView:
    state = entry_state(entry)
    device_id = entry.device_id or state.created_device_id
    url = reverse("audit:entry", args=[entry.pk])
    undoable = can_undo(entry, state)
    undo = undone_by(entry) if undoable else None
    undoable = undoable and undo is None
    device_name = shorten(clean(entry.device_name), SHOWN) or (_("Device %d") % device_id if device_id else "")
    target = clean(entry.target_name or entry.target)
    after = value_words(entry, entry.after, names)
    return EntryView(
        id=entry.pk,
        url=url,
        label=str(LABELS.get(entry.operation, entry.operation)),
        target=target,
        device_id=device_id,
        device_name=device_name,
        before=value_words(entry, entry.before, names),
        after=after,
        secret=entry.secret,
        person=_("You") if entry.person.key == access.person else person_name(entry.person),
        email=clean(entry.person.email),
        reason=clean(entry.reason),
        when=clock.when(int(entry.created_at.timestamp() * 1000), seconds=True),
        outcome=outcome_word(state, under_way=in_progress(entry, state)),
        said=said(
            state,
            entry.operation,
            device=shorten(device_name, SAID),
            target=shorten(target, SAID),
            after=shorten(after, SAID),
            secret=entry.secret,
        ),
        told=outcome_explanation(entry, state, names, clock),
        final=state.final,
        undo_url=reverse("audit:undo", args=[entry.pk]) if undoable else "",
        receipt_url=reverse("audit:receipt", args=[entry.pk]) if entry.receipt_hash else "",
        receipt_hash=entry.receipt_hash,
        undoes=entry.undoes_id,
        request_id=entry.request_id,
        idempotency_key=new_idempotency_key() if undoable else "",
        under_way=in_progress(entry, state),
        undone=_undone_word(undo) if undo else None,
        undone_url=reverse("audit:entry", args=[undo.pk]) if undo else "",
    )


def person_name(person: AuditPerson) -> str:
    return clean(person.name or person.email) or _("Somebody erased")


def _undone_word(undo: AuditEntry) -> Word:
    if entry_state(undo).outcome == CONFIRMED:
        return Word("undo-2", _("Undone"), "muted")
    return Word("circle-question-mark", _("Undo: outcome unknown"), "caution")


def value_words(entry: AuditEntry, value: str, names: Names) -> str:
    """A value of the trail as people know it: an owner or an organization by name."""
    if entry.operation == "create_device" and value == entry.before:
        return ""  # the devices that had the name already (proof.names_before)
    if entry.operation in OWNERS:
        return names.owner(int(value)) if value.isdigit() else _("nobody")
    if entry.operation == "transfer_to_organization":
        return names.organization(int(value)) if value.isdigit() else ""
    if entry.operation == "clear_device" and (extent := TimelineExtent.read(value)):
        words = ngettext("%s event in the timeline", "%s events in the timeline", extent.total)
        return words % number(extent.total)
    return shorten(clean(value), SHOWN)


def outcome_word(state: EntryState, *, under_way: bool = False) -> Word:
    if under_way:
        return Word("hourglass", pgettext("state of a change", "Asked"), "muted")
    if state.outcome == CONFIRMED:
        return Word("check-check", _("Confirmed"), "good")
    if state.outcome == REJECTED:
        return Word("circle-x", _("Not made"), "danger")
    return Word("circle-question-mark", _("Outcome unknown"), "caution")


def outcome_explanation(entry: AuditEntry, state: EntryState, names: Names, clock: Clock) -> str:
    """What the outcome rests on, in a sentence."""
    found = (
        ""
        if entry.secret or state.evidence != READ_BACK
        else value_words(entry, state.observed_value, names) or _("nothing")
    )
    when = clock.when(int(state.at.timestamp() * 1000), seconds=True) if state.at else None
    told = {"time": when.text if when else "", "found": found}
    if state.outcome == CONFIRMED and state.evidence == REPLY_ONLY and entry.operation in MOVES:
        return _("The platform accepted it. The device left the view of whoever did it, so it cannot be read back.")
    if entry.operation in ERASING and (words := _erased_told(entry, state)):
        return words % told
    if state.outcome == CONFIRMED and state.evidence == REPLY_ONLY and entry.operation not in WORD_IS_ENOUGH:
        return _("The platform accepted it; the portal cannot read it back.")
    if state.outcome == CONFIRMED and state.evidence == REPLY_ONLY:
        return _("The platform accepted it; there is nothing to read back.")
    if state.outcome == CONFIRMED and state.api_result == LOST:
        return _("The platform’s answer was lost, but the change reads back at %(time)s.") % told
    if state.outcome == CONFIRMED:
        return _("Read back at %(time)s.") % told
    if state.outcome == REJECTED and state.api_result == LOST:
        return _("The platform’s answer was lost, and at %(time)s the device still holds what it held before.") % told
    if state.outcome == REJECTED and state.evidence == READ_BACK:
        return _("At %(time)s the device still holds what it held before.") % told
    if state.outcome == REJECTED and state.api_result == REFUSED:
        return _("The platform refused it. Nothing was changed.")
    if state.outcome == REJECTED:
        return _("It did not reach the platform. Nothing was changed.")
    if in_progress(entry, state):
        return _("It was asked a moment ago, and what became of it is not known yet.")
    if not state.has_outcome:
        return _("The portal was cut off before it knew the outcome. The next look at the device settles it.")
    words = _open_told(state)
    return f"{words} {_('At %(time)s it held: %(found)s.') % told}" if found else words


def _erased_told(entry: AuditEntry, state: EntryState) -> str:
    """What the outcome of a deletion or an erasing rests on; empty where it is as with every other change."""
    deleted = entry.operation == "delete_device"
    if state.outcome == REJECTED and deleted and state.error == "NotFound":
        return _("The device was gone already, or out of reach. There was nothing left to delete.")
    if state.outcome != CONFIRMED or state.evidence != READ_BACK:
        return ""
    if state.api_result == LOST and deleted:
        return _("The platform’s answer was lost, but the device reads back as gone at %(time)s.")
    if state.api_result == LOST:
        return _("The platform’s answer was lost, but the timeline reads back as erased at %(time)s.")
    return _("It reads back as gone at %(time)s.") if deleted else _("The timeline reads back as erased at %(time)s.")


def _open_told(state: EntryState) -> str:
    if state.api_result == ACCEPTED and state.evidence == READ_BACK:
        return _("The platform accepted it, but it does not read back so.")
    if state.api_result == ACCEPTED:
        return _("The platform accepted it, but it could not be read back.")
    if state.api_result == LOST and state.evidence == READ_BACK:
        return _("The platform’s answer was lost, and what the device holds does not tell what became of it.")
    if state.api_result == LOST:
        return _("The platform’s answer was lost, and the device could not be read back.")
    return _("The portal was cut off before it knew the outcome, and the device does not tell what became of it.")
