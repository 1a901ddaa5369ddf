"""Whether a change was made: what the platform holds now, beside what was asked for and what it held before.

Each look is a read by id, which does not lag as search does. It needs nothing but the entry of the trail, so a change
whose process died can be proven as well as one that was just made.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from typing import NamedTuple

from django.utils import timezone

from devices.audit import log as audit_log
from devices.audit.models import AuditEntry
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound
from devices.gateway.types import BaseInfo, Metafield
from devices.metafields import FieldView, view_of

NOT_LOOKED = "?"
"""`before` of a new device when nobody knows which devices had its name."""
SEARCH_LAGS = timedelta(seconds=60)
"""How long a new device may be missing there."""


class ObservedState(Enum):
    """What reads back. GONE: the device cannot be seen any more. UNREAD: nothing could be read now. SILENT: what can be
    read tells nothing, now or later.
    """

    REQUESTED = "asked"
    BEFORE = "before"
    OTHER = "other"
    GONE = "gone"
    UNREAD = "unread"
    INDETERMINATE = "silent"


class Observation(NamedTuple):
    """`found`: the value that reads back, as the trail writes it. `info`, `field`: what was read, where that was it."""

    now: ObservedState
    observed_value: str = ""
    info: BaseInfo | None = None
    created_device_id: int | None = None
    field: Metafield | None = None


Look = Callable[[Gateway, AuditEntry, str], Observation]


def observe(gateway: Gateway, entry: AuditEntry, *, asked: str | None = None, before: str | None = None) -> Observation:
    """Read the thing back: one call, two at most. `asked`, `before`: what was sent and what was there, where the trail
    may not hold them (a secret).

    Raises nothing of the platform's: a failure is a Reading too.
    """
    take = LOOKS.get(entry.operation)
    if take is None:
        return Observation(ObservedState.UNREAD)
    if entry.secret and asked is None:
        return Observation(ObservedState.INDETERMINATE)
    try:
        if entry.secret:
            return _secret(gateway, entry, asked or "", before)
        return take(gateway, entry, entry.after if asked is None else asked)
    except NotFound:
        return Observation(ObservedState.REQUESTED if entry.operation == "delete_device" else ObservedState.GONE)
    except Forbidden:
        return Observation(ObservedState.INDETERMINATE if entry.operation == "clear_device" else ObservedState.GONE)
    except GatewayError:
        return Observation(ObservedState.UNREAD)


def _compared(found: str, entry: AuditEntry, asked: str, info: BaseInfo | None = None) -> Observation:
    if found == asked:
        return Observation(ObservedState.REQUESTED, found, info)
    return Observation(ObservedState.BEFORE if found == entry.before else ObservedState.OTHER, found, info)


def _name(gateway: Gateway, entry: AuditEntry, asked: str) -> Observation:
    info = gateway.get_base_info(entry.device_id or 0)
    return _compared(info.name, entry, asked, info)


def _owner(gateway: Gateway, entry: AuditEntry, asked: str) -> Observation:
    info = gateway.get_base_info(entry.device_id or 0)
    return _compared(str(info.owner_user_id or ""), entry, asked, info)


def _organization(gateway: Gateway, entry: AuditEntry, asked: str) -> Observation:
    info = gateway.get_base_info(entry.device_id or 0)
    return _compared(str(info.org_id), entry, asked, info)


def _existence(gateway: Gateway, entry: AuditEntry, asked: str) -> Observation:
    info = gateway.get_base_info(entry.device_id or 0)
    return Observation(ObservedState.BEFORE, info.name, info)


def _metafield(gateway: Gateway, entry: AuditEntry, asked: str) -> Observation:
    field, view = _field(gateway, entry)
    if field is None or view is None:
        return Observation(ObservedState.OTHER)
    now = (
        ObservedState.REQUESTED
        if view.holds(asked)
        else ObservedState.BEFORE
        if view.value == entry.before
        else ObservedState.OTHER
    )
    return Observation(now, view.value, field=field)


def _secret(gateway: Gateway, entry: AuditEntry, asked: str, before: str | None) -> Observation:
    """A metafield whose value is compared here and goes nowhere."""
    field, view = _field(gateway, entry)
    if field is None or view is None:
        return Observation(ObservedState.OTHER)
    if view.masked:
        return Observation(ObservedState.INDETERMINATE, field=field)
    now = (
        ObservedState.REQUESTED
        if view.holds(asked)
        else ObservedState.BEFORE
        if view.present == before
        else ObservedState.OTHER
    )
    return Observation(now, field=field)


def _field(gateway: Gateway, entry: AuditEntry) -> tuple[Metafield, FieldView] | tuple[None, None]:
    for field in gateway.list_metafields(entry.device_id or 0):
        if str(field.id) == entry.target:
            return field, view_of(field, likely=True)
    return None, None


class TimelineExtent(NamedTuple):
    """How far a timeline reaches: how many events, the times of the oldest and the newest (ms; 0 for none)."""

    total: int
    oldest: int = 0
    newest: int = 0

    @classmethod
    def read(cls, written: str) -> TimelineExtent | None:
        """Out of what `str` made of it; None for anything else."""
        numbers = written.split()
        return cls(*map(int, numbers)) if len(numbers) == 3 and all(each.isdecimal() for each in numbers) else None

    def __str__(self) -> str:
        return f"{self.total} {self.oldest} {self.newest}"


def timeline_extent(gateway: Gateway, device_id: int) -> TimelineExtent | None:
    """One call, two where there are events. None where its end cannot be found: no total, or it changes right now.

    Raises the GatewayError of a timeline that cannot be read.
    """
    newest = gateway.list_timeline(device_id, size=1)
    if not newest.items:
        return TimelineExtent(0)
    if not newest.total:
        return None
    oldest = gateway.list_timeline(device_id, page=newest.total - 1, size=1)
    if not oldest.items:
        return None
    return TimelineExtent(newest.total, max(oldest.items[-1].ts, 0), max(newest.items[0].ts, 0))


def _emptied(gateway: Gateway, entry: AuditEntry, asked: str) -> Observation:
    """Of what is erased only the timeline can be looked at, and new events may have come since.

    So its ends are compared with those of before (`entry.before`), both in the platform's own times: whatever the
    portal's clock says. Where nothing was there before, or it could not be read then, nothing tells.
    """
    before = TimelineExtent.read(entry.before)
    if before is None or not before.total:
        return Observation(ObservedState.INDETERMINATE)
    now = timeline_extent(gateway, entry.device_id or 0)
    if now is None:
        return Observation(ObservedState.UNREAD)
    found = str(now)
    if not now.total or now.oldest > before.newest:
        return Observation(ObservedState.REQUESTED, found)
    return Observation(ObservedState.BEFORE if now.oldest <= before.oldest else ObservedState.UNREAD, found)


def _created(gateway: Gateway, entry: AuditEntry, asked: str) -> Observation:
    """A device of that name that was not there before (`names_before`). Search lags, so it is not missed at once."""
    if entry.before == NOT_LOOKED:
        return Observation(ObservedState.UNREAD)
    known = {int(id) for id in entry.before.split()} | audit_log.created_by_other_entries(entry)
    new = [id for id in ids_named(gateway, asked, entry.person.email) if id not in known]
    if new and audit_log.has_open_duplicate(entry):
        return Observation(ObservedState.UNREAD)  # whose it is cannot be told
    if len(new) == 1:
        return observe_new_device(gateway, new[0])
    if new:
        return Observation(ObservedState.OTHER, " ".join(str(id) for id in new))
    return Observation(
        ObservedState.BEFORE if timezone.now() - entry.created_at > SEARCH_LAGS else ObservedState.UNREAD
    )


def ids_named(gateway: Gateway, name: str, email: str) -> list[int]:
    """Ids of the devices of exactly this name that this person finds: by search, or among their own. At most 200."""
    try:
        found = gateway.search_devices(name, size=200).items
    except Forbidden:
        found = gateway.list_devices_by_owner(email, size=200).items
    return sorted(device.id for device in found if device.name == name)


def ids_named_before(gateway: Gateway, name: str, email: str) -> str:
    """What the trail holds as `before` of a new device: the ids that have its name already, so that a device whose
    maker got no answer can be told from them. Never a reason not to create it.
    """
    try:
        return " ".join(str(id) for id in ids_named(gateway, name, email))
    except GatewayError:
        return NOT_LOOKED


LOOKS: dict[str, Look] = {
    "create_device": _created,
    "rename_device": _name,
    "set_metafield": _metafield,
    "transfer_to_owner": _owner,
    "remove_owner": _owner,
    "transfer_to_organization": _organization,
    "delete_device": _existence,
    "clear_device": _emptied,
}
"""By operation. A token that was shown leaves nothing to read, and an event in the timeline may be the device's own or
somebody else's."""
WORD_IS_ENOUGH = frozenset({"create_device", "trigger_event", "reveal_token"})
"""Operations that the platform's answer proves: nothing by id holds them for sure (an event may be muted, a new device
be out of its maker's sight). A look can still confirm one whose answer was lost."""


def observe_new_device(gateway: Gateway, device_id: int) -> Observation:
    """Read a device that was just created."""
    try:
        info = gateway.get_base_info(device_id)
    except (NotFound, Forbidden):
        return Observation(ObservedState.GONE, created_device_id=device_id)
    except GatewayError:
        return Observation(ObservedState.UNREAD, created_device_id=device_id)
    return Observation(ObservedState.REQUESTED, info.name, info, device_id)
