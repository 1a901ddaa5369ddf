"""Verification: read back what a change was to make, and compare it with what was requested and what was there before.

Each observation is a read by id, which does not lag as search does. It needs nothing but the audit entry, so a change
whose process died can be verified like one that was just made.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from devices.audit.models import AuditEntry
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound
from devices.gateway.types import BaseInfo, Metafield


class ObservedState(Enum):
    """What reads back. GONE: the device can no longer be seen. UNREAD: nothing could be read now. INDETERMINATE: what
    can be read tells nothing, now or later."""

    REQUESTED = "requested"
    BEFORE = "before"
    OTHER = "other"
    GONE = "gone"
    UNREAD = "unread"
    INDETERMINATE = "indeterminate"


class Observation(NamedTuple):
    """`observed_value`: as the audit stores it. `info`, `field`: what was read, where it was that."""

    state: ObservedState
    observed_value: str = ""
    info: BaseInfo | None = None
    created_device_id: int | None = None
    field: Metafield | None = None


UNREAD = Observation(ObservedState.UNREAD)
CONTRADICTS = (ObservedState.BEFORE, ObservedState.OTHER)

Observe = Callable[[Gateway, AuditEntry, str, str], Observation]
"""(gateway, entry, requested, before): at most two calls. `requested` and `before` are the entry's values, or what the
entry may not hold (a secret). May raise a GatewayError."""


def observe(
    how: Observe | None,
    gateway: Gateway,
    entry: AuditEntry,
    *,
    requested: str | None = None,
    before: str | None = None,
) -> Observation:
    """Read it back. `requested`, `before`: for a secret, of which the entry holds neither. Raises no GatewayError: a
    failure is an observation too."""
    if how is None:
        return UNREAD
    if entry.secret and requested is None:
        return Observation(ObservedState.INDETERMINATE)
    try:
        return how(
            gateway,
            entry,
            entry.after if requested is None else requested,
            entry.before if before is None else before,
        )
    except (NotFound, Forbidden):
        return Observation(ObservedState.GONE)
    except GatewayError:
        return UNREAD


def compare(found: str, requested: str, before: str, info: BaseInfo | None = None) -> Observation:
    """The observation of a value that reads back as `found`."""
    if found == requested:
        return Observation(ObservedState.REQUESTED, found, info)
    return Observation(ObservedState.BEFORE if found == before else ObservedState.OTHER, found, info)


def reads_back(value_of: Callable[[BaseInfo], str]) -> Observe:
    """How a change of the base info is verified: `value_of` gives the value as the audit stores it."""

    def read(gateway: Gateway, entry: AuditEntry, requested: str, before: str) -> Observation:
        info = gateway.get_base_info(entry.device_id or 0)
        return compare(value_of(info), requested, before, info)

    return read


def observe_new_device(gateway: Gateway, device_id: int) -> Observation:
    """Read a device that was just created."""
    try:
        info = gateway.get_base_info(device_id)
    except (NotFound, Forbidden):
        return Observation(ObservedState.GONE, created_device_id=device_id)
    except GatewayError:
        return Observation(ObservedState.UNREAD, created_device_id=device_id)
    return Observation(ObservedState.REQUESTED, info.name, info, device_id)
