"""Whether a change was made: what the platform holds now, beside what was asked for and what it held before.

Each look is a read by id, which does not lag as search does. It needs nothing but the entry of the trail, so a change
whose process died can be proven as well as one that was just made.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple

from devices.gateway.api import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound
from devices.gateway.types import BaseInfo
from devices.metafields import view_of
from devices.models import AuditEntry


class Now(Enum):
    """What reads back. GONE: the device cannot be seen any more. UNREAD: nothing could be read, or nothing told."""

    ASKED = "asked"
    BEFORE = "before"
    OTHER = "other"
    GONE = "gone"
    UNREAD = "unread"


class Reading(NamedTuple):
    """`found`: the value that reads back, as the trail writes it. `info`: the device, where that was what was read."""

    now: Now
    found: str = ""
    info: BaseInfo | None = None
    made_id: int | None = None


Look = Callable[[Gateway, AuditEntry, str], Reading]


def look(gateway: Gateway, entry: AuditEntry, *, asked: str | None = None) -> Reading:
    """Read the thing back: one call, two at most. `asked`: what was sent, where the trail may not hold it (a secret).

    Raises nothing of the platform's: a failure is a Reading too.
    """
    take = LOOKS.get(entry.operation)
    if take is None or (entry.secret and asked is None):
        return Reading(Now.UNREAD)
    try:
        return take(gateway, entry, entry.after if asked is None else asked)
    except (NotFound, Forbidden):
        return Reading(Now.ASKED if entry.operation == "delete_device" else Now.GONE)
    except GatewayError:
        return Reading(Now.UNREAD)


def _compared(found: str, entry: AuditEntry, asked: str, info: BaseInfo | None = None) -> Reading:
    if found == asked:
        return Reading(Now.ASKED, found, info)
    return Reading(Now.BEFORE if found == entry.before else Now.OTHER, found, info)


def _name(gateway: Gateway, entry: AuditEntry, asked: str) -> Reading:
    info = gateway.get_base_info(entry.device_id or 0)
    return _compared(info.name, entry, asked, info)


def _owner(gateway: Gateway, entry: AuditEntry, asked: str) -> Reading:
    info = gateway.get_base_info(entry.device_id or 0)
    return _compared(str(info.owner_user_id or ""), entry, asked, info)


def _organization(gateway: Gateway, entry: AuditEntry, asked: str) -> Reading:
    info = gateway.get_base_info(entry.device_id or 0)
    return _compared(str(info.org_id), entry, asked, info)


def _existence(gateway: Gateway, entry: AuditEntry, asked: str) -> Reading:
    info = gateway.get_base_info(entry.device_id or 0)
    return Reading(Now.BEFORE, info.name, info)


def _metafield(gateway: Gateway, entry: AuditEntry, asked: str) -> Reading:
    for field in gateway.list_metafields(entry.device_id or 0):
        if str(field.id) == entry.target:
            view = view_of(field, likely=True)
            if view.holds(asked):
                return Reading(Now.ASKED, view.value)
            return Reading(Now.BEFORE if view.value == entry.before else Now.OTHER, view.value)
    return Reading(Now.OTHER)


def _emptied(gateway: Gateway, entry: AuditEntry, asked: str) -> Reading:
    """Of what is erased only the timeline can be looked at. New events may have come since, so some tell nothing."""
    page = gateway.list_timeline(entry.device_id or 0, size=1)
    if not page.items:
        return Reading(Now.ASKED)
    newest = datetime.fromtimestamp(page.items[0].ts / 1000, UTC)
    return Reading(Now.BEFORE if newest < entry.created_at else Now.UNREAD)


LOOKS: dict[str, Look] = {
    "rename_device": _name,
    "set_metafield": _metafield,
    "transfer_to_owner": _owner,
    "remove_owner": _owner,
    "transfer_to_organization": _organization,
    "delete_device": _existence,
    "clear_device": _emptied,
}
"""By operation. A token that was shown leaves nothing to read."""
WORD_IS_ENOUGH = frozenset({"create_device", "trigger_event", "reveal_token"})
"""Operations that the platform's answer proves: nothing by id holds them for sure (an event may be muted, a new device
be out of its maker's sight). A look can still confirm one whose answer was lost."""


def look_at_new(gateway: Gateway, device_id: int) -> Reading:
    """Read a device that was just created."""
    try:
        info = gateway.get_base_info(device_id)
    except (NotFound, Forbidden):
        return Reading(Now.GONE, made_id=device_id)
    except GatewayError:
        return Reading(Now.UNREAD, made_id=device_id)
    return Reading(Now.ASKED, info.name, info, device_id)
