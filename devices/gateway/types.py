"""What the Platform API sends, as frozen values.

Unknown members are ignored, which is also how the device credential (`token`, in most replies) is dropped: no type
here has a place for it. Optional members may be absent or null and read as None. Times are epoch milliseconds; 0 means
never.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

MAX_DEPTH = 32
"""Levels of a value of any shape. Known values have at most three; thousands are an attack."""


def _refuse_deep(value: Any) -> None:
    """The decoder turns it into a BadReply. Later code would fail on such a value with a RecursionError."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise ValueError("nested too deep")


class Wire(msgspec.Struct, frozen=True, rename="camel"):
    """Base: camelCase on the wire, snake_case here."""


class HardwareInfo(Wire, frozen=True):
    """As reported by the firmware. `template_id` is the text id built into it (TMPL...), not the numeric one."""

    version: str | None = None
    board_type: str | None = None
    build: str | None = None
    template_id: str | None = None


class Device(Wire, frozen=True):
    """A row of the lists, and the response to a rename."""

    id: Annotated[int, msgspec.Meta(ge=1)]
    name: str
    template_id: int
    org_id: int
    activated_at: int | None = None
    owner_user_id: int | None = None
    hardware_info: HardwareInfo | None = None


class LifecycleStatus(Wire, frozen=True):
    """A connection stage that the template defines; not live connectivity."""

    event_id: int | None = None
    name: str | None = None
    color: str | None = None


class BaseInfo(Device, frozen=True):
    """A device without its values and metafields."""

    lifecycle_status: LifecycleStatus | None = None
    first_connect_time: int | None = None
    connect_time: int | None = None
    disconnect_time: int | None = None
    firmware_updated_at: int | None = None
    last_received_event_at: int | None = None
    ip: str | None = None
    is_locked: bool | None = None


class DataStreamValue(Wire, frozen=True):
    """The current value of one datastream: text, a number, or [longitude, latitude]."""

    data_stream_id: int
    pin: str | None = None
    data_stream_label: str | None = None
    data_stream_alias: str | None = None
    value: Any = None
    updated_at: int | None = None

    def __post_init__(self) -> None:
        _refuse_deep(self.value)


class Metafield(Wire, frozen=True):
    """A metadata field. `value` is what was sent: an object with a `type`, a plain scalar, or None."""

    id: int | None = None
    name: str | None = None
    is_mandatory: bool | None = None
    include_in_provision: bool | None = None
    value: Any = None

    def __post_init__(self) -> None:
        _refuse_deep(self.value)


class DeviceDetails(BaseInfo, frozen=True):
    """One device with its values and metafields."""

    data_stream_values: tuple[DataStreamValue, ...] | None = None
    meta_field_values: tuple[Metafield, ...] | None = None


class Online(Wire, frozen=True):
    """`connected` None: the API does not know. That is not the same as offline."""

    connected: bool | None = None


class DeviceTag(Wire, frozen=True):
    id: int
    name: str
    tag_owner_org_id: int | None = None


class TimelineEvent(Wire, frozen=True):
    """An entry of the timeline. Every member but `ts` may be missing."""

    ts: int
    id: int | None = None
    event_id: int | None = None
    org_id: int | None = None
    event_type: str | None = None
    name: str | None = None
    description: str | None = None
    is_resolved: bool | None = None
    resolved_at: int | None = None
    resolved_comment: str | None = None
    resolved_by: str | None = None


class LogEntry(Wire, frozen=True):
    """A datastream write done by a user, never by the device. Every member but `created_at` may be missing."""

    created_at: int
    trigger_user_email: str | None = None
    value: Any = None
    pin: int | None = None
    pin_type: str | None = None
    is_online: bool | None = None

    def __post_init__(self) -> None:
        _refuse_deep(self.value)


class Activation(Wire, frozen=True):
    """A device activated within the last minutes; its name has to be looked up."""

    id: int
    org_id: int
    template_id: int
    activation_time: int
    owner_user_id: int | None = None


class Role(Wire, frozen=True):
    id: int
    name: str
    permissions: frozenset[str]


class UserProfile(Wire, frozen=True):
    """The person whose token it is: the only source of their permissions."""

    id: int
    email: str
    role: Role
    name: str | None = None
    org_id: int | None = None
    org_name: str | None = None
    tz: str | None = None
    locale: str | None = None
    status: str | None = None


class Organization(Wire, frozen=True):
    id: int
    name: str
    tz: str | None = None
    parent_organization_id: int | None = None


class UserSummary(Wire, frozen=True):
    id: int
    email: str
    name: str | None = None
    role_id: int | None = None
    org_id: int | None = None


class User(UserSummary, frozen=True):
    """`status` is Pending, Active, Inactive or Suspended; others may come."""

    tz: str | None = None
    status: str | None = None


class Template(Wire, frozen=True):
    """`template_ids` are the text ids that creating a device wants; `id` is the number that devices carry."""

    id: int
    name: str
    template_ids: tuple[str, ...] = ()
    org_id: int | None = None
    parent_id: int | None = None


class TemplateEvent(Wire, frozen=True):
    """An event that a template defines. Without `event_code` it cannot be triggered."""

    id: int
    name: str
    type: str
    event_code: str | None = None
