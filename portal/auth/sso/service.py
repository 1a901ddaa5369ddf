"""SIGN_IN=service: calls use the organization's token, and the groups from the sign-on decide who may do what.

With that token the platform checks no personal permissions, so the portal does, before each call and by the same table
as the pages (devices/core/permissions.py). The platform does not know the person, so permissions for "own" devices
never apply: the permission for other people's devices is required.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from devices.core.permissions import RULES, Access, Verdict, judge
from devices.core.requests import Denied
from devices.directory import names
from devices.gateway.client import Gateway, Guard
from devices.gateway.errors import Forbidden, GatewayError, Unauthorized
from devices.gateway.timeouts import Deadline
from devices.gateway.types import Role, UserProfile
from portal.auth import grants, oauth
from portal.auth.sso.identity import Identity, LoginRefused, granted
from portal.platform import transport

log = logging.getLogger(__name__)

ALWAYS_ALLOWED = frozenset({"get_own_organization"})
"""Operations without a permission: every page shows the organization's name."""
MAX_GROUPS_SHOWN = 20


def permission_guard(access: Access, request_id: str) -> Guard:
    """Raises Denied for what their groups do not allow: for every gateway with the organization's token."""

    def check(operation: str, sent: Mapping[str, object]) -> None:
        if operation in ALWAYS_ALLOWED:
            return
        # Only creating a device can concern no user. Where a rule mentions another user, it is always another.
        other = operation != "create_device" or sent.get("ownerId") is not None
        verdict = judge(operation, access, other=other) if operation in RULES else Verdict(closed=True)
        if not verdict.allowed:
            raise Denied(verdict, operation=operation, request_id=request_id)

    return check


def open_session(request: HttpRequest, identity: Identity) -> str:
    """Admit a person by their groups, and return the handle of their grant. Raises LoginRefused."""
    require_groups(identity)
    request_id: str = request.request_id  # type: ignore[attr-defined]
    page = settings.PLATFORM_API_TIMEOUTS.page
    deadline, cutoff = Deadline(page), grants.refresh_cutoff(page)
    gateway = Gateway(
        transport(),
        lambda rejected: grants.organization_token(rejected, deadline=deadline, cutoff=cutoff),
        request_id=request_id,
        deadline=deadline,
    )
    try:
        organization = gateway.get_own_organization()
    except GatewayError as error:
        log.warning("sign-in with the organization's token failed: %s, request %s", error, request_id)
        kind = oauth.ClientRefused if isinstance(error, Forbidden | Unauthorized) else type(error)
        raise LoginRefused(_(kind.sentence), _("You are not signed in."), status=kind.status) from None
    known = [group for group in identity.groups if group in settings.ACCESS_GROUPS]
    email = display_name(identity)
    person = UserProfile(
        id=0,
        email=email,
        name=identity.name or email,
        role=Role(0, ", ".join(known), frozenset()),
        org_id=organization.id,
        org_name=organization.name,
        tz=organization.tz,
    )
    handle = grants.open_grant(None, person, identity)
    try:
        names.warm_up(gateway, grants.access_for(person, handle, identity))
    except GatewayError as error:
        log.info("could not load names at sign-in: %s", error)
    return handle


def require_groups(identity: Identity) -> None:
    """Raises LoginRefused, naming the groups, if they grant nothing."""
    if granted(identity.groups):
        return
    names_for = {"who": display_name(identity), "groups": ", ".join(identity.groups[:MAX_GROUPS_SHOWN])}
    if identity.groups:
        advice = _(
            "You are signed on as %(who)s, in these groups: %(groups)s. "
            "Ask the portal's administrator to give one of them access."
        )
    else:
        advice = _(
            "You are signed on as %(who)s, but the sign-on sent no groups for you. "
            "Ask its administrator to add you to a group that has access to the portal."
        )
    raise LoginRefused(_("None of your groups has access to this portal."), advice % names_for)


def display_name(identity: Identity) -> str:
    """The person's e-mail, or else their id at the sign-on."""
    return identity.email or identity.subject.rpartition("|")[2]
