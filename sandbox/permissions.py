"""Permission names, and the caller: a user with a role, or an organization's client, which needs no permissions."""

from __future__ import annotations

from dataclasses import dataclass, field

ORG_DEVICES_VIEW = "ORG_DEVICES_VIEW"
OWN_DEVICES_VIEW = "OWN_DEVICES_VIEW"
ORG_DEVICES_EDIT = "ORG_DEVICES_EDIT"
ORG_DEVICES_DELETE = "ORG_DEVICES_DELETE"
ORG_DEVICES_CREATE = "ORG_DEVICES_CREATE"
ORG_DEVICES_CONTROL = "ORG_DEVICES_CONTROL"
ORG_DEVICE_DATA_DELETE = "ORG_DEVICE_DATA_DELETE"
ORG_DEVICE_VIEW_ACTION_LOG = "ORG_DEVICE_VIEW_ACTION_LOG"
VIEW_TIMELINE = "VIEW_TIMELINE"
TRANSFER_DEVICE = "TRANSFER_DEVICE"
VIEW_OWN_ORG_TAG = "VIEW_OWN_ORG_TAG"
ORG_VIEW = "ORG_VIEW"
ORG_VIEW_USERS = "ORG_VIEW_USERS"
PRODUCT_VIEW = "PRODUCT_VIEW"

EVERY = (
    ORG_DEVICES_VIEW,
    OWN_DEVICES_VIEW,
    ORG_DEVICES_EDIT,
    ORG_DEVICES_DELETE,
    ORG_DEVICES_CREATE,
    ORG_DEVICES_CONTROL,
    ORG_DEVICE_DATA_DELETE,
    ORG_DEVICE_VIEW_ACTION_LOG,
    VIEW_TIMELINE,
    TRANSFER_DEVICE,
    VIEW_OWN_ORG_TAG,
    ORG_VIEW,
    ORG_VIEW_USERS,
    PRODUCT_VIEW,
)


@dataclass(frozen=True)
class Caller:
    """The owner of a token. `user_id` is None for an organization's token, which needs no permissions."""

    org_id: int
    user_id: int | None = None
    email: str = ""
    permissions: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_client(self) -> bool:
        return self.user_id is None

    def has(self, permission: str) -> bool:
        return self.is_client or permission in self.permissions

    @property
    def sees_all(self) -> bool:
        """Whether the caller sees all devices in reach, not only their own."""
        return self.has(ORG_DEVICES_VIEW)

    @property
    def sees_any(self) -> bool:
        return self.sees_all or self.has(OWN_DEVICES_VIEW)
