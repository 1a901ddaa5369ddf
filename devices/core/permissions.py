"""The permissions that each operation of the Platform API needs, so that the portal can say why something is closed.

The API enforces; the portal explains. Each gateway method declares its permissions (`@requires`), from the permission
matrix of the API document: every operation on one device also needs to *see* that device, by `ORG_DEVICES_VIEW` or, for
the person's own devices, `OWN_DEVICES_VIEW`. Editing, deleting and controlling have no OWN_ variant.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from django.utils.translation import gettext as _

from devices.gateway.client import Gateway
from devices.gateway.required_permissions import PermissionRule, rules_of
from devices.gateway.types import UserProfile

OWN_VIEW = "OWN_DEVICES_VIEW"
ORG_VIEW_DEVICES = "ORG_DEVICES_VIEW"
VIEW_USERS = "ORG_VIEW_USERS"

PORTAL_AUDIT = "PORTAL_AUDIT"
"""Read the portal's audit trail."""
PORTAL_ADMIN = "PORTAL_ADMIN"
"""Administer the portal: end sessions, service pages."""
RIGHTS = (PORTAL_AUDIT, PORTAL_ADMIN)
"""Rights that the portal grants by role or group (settings). They are no permissions of the platform."""


class Access(msgspec.Struct, frozen=True):
    """The signed-in person and the permissions of their role. `scope` keys their caches and changes with every sign-in.

    `user_id` is 0 for a person without an account of the platform: their calls use the organization's token, their
    permissions come from their groups at the company's sign-on, and they own nothing there.

    `rights`: which of RIGHTS they have. `subject`: their subject at the company's sign-on, empty without one.
    """

    user_id: int
    email: str
    name: str
    role_name: str
    permissions: frozenset[str]
    org_id: int | None
    org_name: str
    tz: str
    scope: str = ""
    rights: frozenset[str] = frozenset()
    subject: str = ""

    @classmethod
    def of(cls, profile: UserProfile, scope: str, *, rights: frozenset[str] = frozenset(), subject: str = "") -> Access:
        return cls(
            user_id=profile.id,
            email=profile.email,
            name=profile.name or profile.email,
            role_name=profile.role.name,
            permissions=profile.role.permissions,
            org_id=profile.org_id,
            org_name=profile.org_name or "",
            tz=profile.tz or "UTC",
            scope=scope,
            rights=rights,
            subject=subject,
        )

    @property
    def person(self) -> str:
        """The person's key in the audit trail, preferences and drafts: the same for all their sign-ins."""
        return self.subject or f"user:{self.user_id}"

    def has(self, *names: str) -> bool:
        return self.permissions.issuperset(names)

    @property
    def only_own(self) -> bool:
        """Whether they see only the devices they own. Their only list is by owner."""
        return bool(self.user_id) and self.has(OWN_VIEW) and not self.has(ORG_VIEW_DEVICES)


RULES = rules_of(Gateway)
"""Operation (name of a `Gateway` method) -> the permissions it needs."""

ORGANIZATION_WIDE = frozenset({ORG_VIEW_DEVICES}).union(*(rule.names + rule.other for rule in RULES.values()))
"""Every permission that an operation needs, except OWN_VIEW, which depends on the device's owner."""

ABOUT_ONE_DEVICE = frozenset(name for name, rule in RULES.items() if rule.visible) - {"list_devices_by_owner"}
"""Operations that depend on the device's owner."""


@dataclass(frozen=True)
class Verdict:
    """The `missing` permissions, in the order to ask for them, and `why` this case needs them.

    `closed`: no permission would help; `why` says what would (a device without an owner has none to remove).
    """

    missing: tuple[str, ...] = ()
    why: str = ""
    closed: bool = False

    @property
    def allowed(self) -> bool:
        return not self.missing and not self.closed


ALLOWED = Verdict()


def judge(operation: str, access: Access, *, owner_id: int | None = None, other: bool = False) -> Verdict:
    """Whether `access` may call `operation` (name of a `Gateway` method).

    `owner_id`: the device's owner (0 for none); None if not known, then allowed where an owner would be: the API
    decides. `other`: the call concerns another user.
    """
    rule = RULES.get(operation, PermissionRule())
    needed = [*rule.names, *(rule.other if other else ())]
    missing = [name for name in needed if not access.has(name)]
    why = _("The user concerned is not you.") if other and any(n in rule.other for n in missing) else ""
    if rule.visible and not access.has(ORG_VIEW_DEVICES) and ORG_VIEW_DEVICES not in missing:
        if not access.user_id or not access.has(OWN_VIEW):
            missing.append(OWN_VIEW if access.user_id else ORG_VIEW_DEVICES)
            why = _("You can only use devices that you can see.")
        elif owner_id is not None and owner_id != access.user_id:
            missing.append(ORG_VIEW_DEVICES)
            why = _("You are not this device's owner, and your role sees only its own devices.")
    return Verdict(tuple(missing), why) if missing else ALLOWED


def judge_here(operation: str, access: Access, owner_id: int | None) -> Verdict:
    """As `judge`, for the owner just read (0 or None: none), and whether there is anything to do on this device."""
    owner = owner_id or 0
    verdict = judge(operation, access, owner_id=owner)
    if operation == "remove_owner" and not owner:
        return Verdict(why=_("This device has no owner to remove."), closed=True)
    if operation == "transfer_to_owner" and owner and owner == access.user_id and verdict.allowed:
        other = judge(operation, access, owner_id=owner, other=True)
        if not other.allowed:
            return Verdict(other.missing, _("The device is yours, so its new owner would be somebody else."))
    return verdict
