"""Permission names, and who is calling: a person with a role, or an organization's client that no permission binds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from sandbox.models import Organization

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
    """Who a token stands for. `user_id` is None for an organization's token: permissions are not checked for it."""

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
        """Sees every device in reach, not only their own."""
        return self.has(ORG_DEVICES_VIEW)

    @property
    def sees_any(self) -> bool:
        return self.sees_all or self.has(OWN_DEVICES_VIEW)


@cache
def _parents() -> dict[int, int | None]:
    # No endpoint changes an organization, and a newly seeded database has the same tree: read once, right for good.
    return dict(Organization.objects.values_list("id", "parent_id"))


@cache
def subtree(org_id: int) -> tuple[int, ...]:
    """The organization and all below it, by id."""
    parents = _parents()
    found = {org_id}
    grown = True
    while grown:
        below = {child for child, parent in parents.items() if parent in found} - found
        found |= below
        grown = bool(below)
    return tuple(sorted(found))


@cache
def ancestors(org_id: int) -> tuple[int, ...]:
    """The organization and all above it, nearest first."""
    line: list[int] = []
    here: int | None = org_id
    while here is not None:
        line.append(here)
        here = _parents().get(here)
    return tuple(line)
