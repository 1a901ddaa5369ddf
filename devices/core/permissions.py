"""What each operation of the Platform API asks of a user, so that the portal can say why something is open or closed.

The API enforces; the portal explains. What an operation asks for stands at its method of the gateway (`@needs`), after
the API document's permission matrix: every operation that touches one device also needs to *see* that device, by
`ORG_DEVICES_VIEW` or, for one's own devices, `OWN_DEVICES_VIEW`.
There are no OWN_ variants of editing, deleting or controlling.
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
"""Read the portal's own trail of changes."""
PORTAL_ADMIN = "PORTAL_ADMIN"
"""Look after the portal itself: end sessions, service pages."""
RIGHTS = (PORTAL_AUDIT, PORTAL_ADMIN)
"""What the portal itself grants, by role or group (settings), never the platform: kept apart from its permissions."""


class Access(msgspec.Struct, frozen=True):
    """Who is asking and what their role holds. `scope` keys this person's caches and changes with every sign-in.

    `user_id` is 0 for somebody whom the platform does not know: the organization's token does their calls, and what may
    be done comes from the groups of the company's sign-on. Nothing there is their own.

    `rights`: those of RIGHTS that they hold. `subject`: who they are to the company's sign-on, empty without one.
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
        """The same for one person over all their sign-ins: what the trail and unsent drafts know them by."""
        return self.subject or f"user:{self.user_id}"

    def has(self, *names: str) -> bool:
        return self.permissions.issuperset(names)

    @property
    def only_own(self) -> bool:
        """Sees the devices they own, and no other. Their one list is that of an owner's devices."""
        return bool(self.user_id) and self.has(OWN_VIEW) and not self.has(ORG_VIEW_DEVICES)


RULES = rules_of(Gateway)
"""Operation (name of a `Gateway` method) -> what it asks for."""

ORGANIZATION_WIDE = frozenset({ORG_VIEW_DEVICES}).union(*(rule.names + rule.other for rule in RULES.values()))
"""Every permission that some operation asks for, but for OWN_VIEW, which depends on whose the device is."""

ABOUT_ONE_DEVICE = frozenset(name for name, rule in RULES.items() if rule.visible) - {"list_devices_by_owner"}
"""Operations in which it matters whose the device is."""


@dataclass(frozen=True)
class Verdict:
    """`missing` permission names, in the order to ask for them, and why this case needs them.

    `closed`: no permission would help, `why` tells what would (a device without owner has none to remove).
    """

    missing: tuple[str, ...] = ()
    why: str = ""
    closed: bool = False

    @property
    def allowed(self) -> bool:
        return not self.missing and not self.closed


ALLOWED = Verdict()


def judge(operation: str, access: Access, *, owner_id: int | None = None, other: bool = False) -> Verdict:
    """Tell whether `access` may call `operation` (name of a `Gateway` method).

    `owner_id` is the device's owner where it is known (0 for none); None means not known, and is judged in the person's
    favour: the API decides. `other`: the call concerns a user who is not the caller.
    """
    rule = RULES.get(operation, PermissionRule())
    needed = [*rule.names, *(rule.other if other else ())]
    missing = [name for name in needed if not access.has(name)]
    why = _("The user concerned is not you.") if other and any(n in rule.other for n in missing) else ""
    if rule.visible and not access.has(ORG_VIEW_DEVICES) and ORG_VIEW_DEVICES not in missing:
        if not access.user_id or not access.has(OWN_VIEW):
            missing.append(OWN_VIEW if access.user_id else ORG_VIEW_DEVICES)
            why = _("Nothing can be done with a device that one may not see.")
        elif owner_id is not None and owner_id != access.user_id:
            missing.append(ORG_VIEW_DEVICES)
            why = _("You are not this device's owner, and your role sees only its own devices.")
    return Verdict(tuple(missing), why) if missing else ALLOWED


def judge_here(operation: str, access: Access, owner_id: int | None) -> Verdict:
    """Tell whether `access` may call `operation` on a device whose owner was just read (0 or None for none).

    Beside the permissions this knows what the operation would have to do there.
    """
    owner = owner_id or 0
    verdict = judge(operation, access, owner_id=owner)
    if operation == "remove_owner" and not owner:
        return Verdict(why=_("This device has no owner to remove."), closed=True)
    if operation == "transfer_to_owner" and owner and owner == access.user_id and verdict.allowed:
        other = judge(operation, access, owner_id=owner, other=True)
        if not other.allowed:
            return Verdict(other.missing, _("The device is yours, so its new owner would be somebody else."))
    return verdict
