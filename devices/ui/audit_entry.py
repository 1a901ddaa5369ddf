"""An audit entry in words: what, who, from what to what, and the outcome."""

from __future__ import annotations

from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

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
from devices.changes.kinds import kind_of
from devices.changes.undo import can_undo, undone_by
from devices.core.formatting import Clock, When, Word
from devices.core.permissions import Access
from devices.core.text import clean, shorten
from devices.directory.names import Names

SHOWN = 120
"""Characters of a value in a row."""
IN_SENTENCE = 60
"""Characters of a name or a value in a sentence."""


class EntryView(NamedTuple):
    """An audit entry for a page. `before` and `after` are words, empty where there is nothing to show. `undo_url`:
    empty where it cannot be undone.

    `summary`: the outcome, in a sentence; `explanation`: what that rests on. `idempotency_key`: of the form that undoes
    it from here. `undone`: that it was, or that this is unknown, and its entry.
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
    summary: str
    explanation: str
    final: bool
    undo_url: str
    receipt_url: str
    receipt_hash: str
    undoes: int | None
    request_id: str
    idempotency_key: str = ""
    in_progress: bool = False
    undone: Word | None = None
    undone_url: str = ""


def entry_view(entry: AuditEntry, names: Names, clock: Clock, access: Access) -> EntryView:
    state = entry_state(entry)
    device_id = entry.device_id or state.created_device_id
    undoable = can_undo(entry, state)
    undo = undone_by(entry) if undoable else None
    undoable = undoable and undo is None
    device_name = shorten(clean(entry.device_name), SHOWN) or (_("Device %d") % device_id if device_id else "")
    target = clean(entry.target_name or entry.target)
    after = value_words(entry, entry.after, names)
    return EntryView(
        id=entry.pk,
        url=reverse("audit:entry", args=[entry.pk]),
        label=label_of(entry.operation),
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
        outcome=outcome_word(state, in_progress=in_progress(entry, state)),
        summary=summary_of(
            state,
            entry.operation,
            device=shorten(device_name, IN_SENTENCE),
            target=shorten(target, IN_SENTENCE),
            after=shorten(after, IN_SENTENCE),
            secret=entry.secret,
        ),
        explanation=outcome_explanation(entry, state, names, clock),
        final=state.final,
        undo_url=reverse("audit:undo", args=[entry.pk]) if undoable else "",
        receipt_url=reverse("audit:receipt", args=[entry.pk]) if entry.receipt_hash else "",
        receipt_hash=entry.receipt_hash,
        undoes=entry.undoes_id,
        request_id=entry.request_id,
        idempotency_key=new_idempotency_key() if undoable else "",
        in_progress=in_progress(entry, state),
        undone=_undone_word(undo) if undo else None,
        undone_url=reverse("audit:entry", args=[undo.pk]) if undo else "",
    )


def moves(entry: AuditEntry) -> bool:
    """Whether its values are ids of people or organizations: afterwards somebody may no longer see the device."""
    kind = kind_of(entry.operation)
    return kind is not None and kind.values_are_ids


def person_name(person: AuditPerson) -> str:
    return clean(person.name or person.email) or _("Erased person")


def _undone_word(undo: AuditEntry) -> Word:
    if entry_state(undo).outcome == CONFIRMED:
        return Word("undo-2", _("Undone"), "muted")
    return Word("circle-question-mark", _("Undo: outcome unknown"), "caution")


def label_of(operation: str) -> str:
    """The change in words; the operation's name if an older version of the portal recorded it."""
    kind = kind_of(operation)
    return str(kind.words.label) if kind else operation


def value_words(entry: AuditEntry, value: str, names: Names) -> str:
    """A value of the audit as people know it: an owner or an organization by name."""
    kind = kind_of(entry.operation)
    return shorten(clean(kind.describe(value, names) if kind else value), SHOWN)


def summary_of(state: EntryState, operation: str, *, device: str, target: str, after: str, secret: bool = False) -> str:
    """What became of it, in a sentence. `device`, `target` and `after` are words, cut short by the caller."""
    kind = kind_of(operation)
    if kind is None:
        return _("The change %(operation)s was recorded.") % {"operation": operation}
    words = kind.words
    if state.outcome == CONFIRMED:
        sentence = (secret and words.done_secret) or (not after and words.done_empty) or words.done
    else:
        sentence = words.not_done if state.outcome == REJECTED else words.unknown
    return str(sentence) % {"device": device or _("The device"), "target": target, "after": after or _("nothing")}


def outcome_word(state: EntryState, *, in_progress: bool = False) -> Word:
    if in_progress:
        return Word("hourglass", pgettext("state of a change", "Asked"), "muted")
    if state.outcome == CONFIRMED:
        return Word("check-check", _("Confirmed"), "good")
    if state.outcome == REJECTED:
        return Word("circle-x", _("Not made"), "danger")
    return Word("circle-question-mark", _("Outcome unknown"), "caution")


def outcome_explanation(entry: AuditEntry, state: EntryState, names: Names, clock: Clock) -> str:
    """What the outcome rests on, in a sentence."""
    hidden = entry.secret or state.evidence != READ_BACK
    found = "" if hidden else value_words(entry, state.observed_value, names) or _("nothing")
    when = clock.when(int(state.at.timestamp() * 1000), seconds=True) if state.at else None
    values = {"time": when.text if when else "", "found": found}
    if state.outcome == CONFIRMED:
        return _confirmed(entry, state) % values
    if state.outcome == REJECTED:
        return _rejected(entry, state) % values
    if in_progress(entry, state):
        return _("It was sent a moment ago. The outcome is not known yet.")
    if not state.has_outcome:
        return _("The portal stopped before it knew the outcome. The next view of the device checks it.")
    words = _open_explanation(state)
    return f"{words} {_('At %(time)s it held: %(found)s.') % values}" if found else words


def _confirmed(entry: AuditEntry, state: EntryState) -> str:
    kind = kind_of(entry.operation)
    if state.evidence == REPLY_ONLY and moves(entry):
        return _("The platform accepted it. You can no longer see the device, so the portal cannot read it back.")
    if state.evidence == REPLY_ONLY and kind and not kind.proven_by_reply:
        return _("The platform accepted it; the portal cannot read it back.")
    if state.evidence == REPLY_ONLY:
        return _("The platform accepted it; there is nothing to read back.")
    if state.api_result == LOST:
        words = str(kind.words.verified_after_loss) if kind else ""
        return words or _("The platform’s reply was lost, but the change reads back at %(time)s.")
    return (str(kind.words.verified) if kind else "") or _("Read back at %(time)s.")


def _rejected(entry: AuditEntry, state: EntryState) -> str:
    kind = kind_of(entry.operation)
    if kind and kind.words.already_gone and state.error == "NotFound":
        return str(kind.words.already_gone)
    if state.api_result == LOST:
        return _("The platform’s reply was lost, and at %(time)s the device still holds what it held before.")
    if state.evidence == READ_BACK:
        return _("At %(time)s the device still holds what it held before.")
    if state.api_result == REFUSED:
        return _("The platform refused it. Nothing was changed.")
    return _("It did not reach the platform. Nothing was changed.")


def _open_explanation(state: EntryState) -> str:
    if state.api_result == ACCEPTED and state.evidence == READ_BACK:
        return _("The platform accepted it, but it does not read back so.")
    if state.api_result == ACCEPTED:
        return _("The platform accepted it, but it could not be read back.")
    if state.api_result == LOST and state.evidence == READ_BACK:
        return _("The platform’s reply was lost, and what the device holds does not tell the outcome.")
    if state.api_result == LOST:
        return _("The platform’s reply was lost, and the device could not be read back.")
    return _("The portal stopped before it knew the outcome, and the device does not tell it.")
