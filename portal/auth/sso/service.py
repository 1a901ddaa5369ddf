"""SIGN_IN=service: the organization's own token does the calls, and groups of the sign-on say who may do what.

With that token the platform checks no permission, so the portal must. One place does, before anything is sent: each
operation is held against the same table that the pages explain themselves with (devices/permissions.py). Everybody is a
stranger to the platform there: what would need a permission "of one's own" needs that for others.
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
from portal.auth.sso.identity import Identity, Refused, held
from portal.platform import transport

log = logging.getLogger(__name__)

OPEN = frozenset({"get_own_organization"})
"""What everybody who came in may ask: its name stands at the top of each of their pages."""
MOST_SHOWN = 20


def guard(access: Access, request_id: str) -> Guard:
    """Refuses (Denied) every operation that this person's groups do not give them, and those that nobody ruled on.

    For every gateway that uses the organization's token in somebody's name, in a worker too.
    """

    def check(operation: str, sent: Mapping[str, object]) -> None:
        if operation in OPEN:
            return
        # Only creating a device may concern nobody; where a rule speaks of another user, it is always another.
        other = operation != "create_device" or sent.get("ownerId") is not None
        verdict = judge(operation, access, other=other) if operation in RULES else Verdict(closed=True)
        if not verdict.allowed:
            raise Denied(verdict, operation=operation, request_id=request_id)

    return check


def open_person(request: HttpRequest, identity: Identity) -> str:
    """Let somebody in by their groups, and return the handle of their grant. Raises Refused."""
    require_groups(identity)
    request_id: str = request.request_id  # type: ignore[attr-defined]
    page = settings.PLATFORM_API_TIMEOUTS.page
    deadline, begin = Deadline(page), grants.last_begin(page)
    gateway = Gateway(
        transport(),
        lambda rejected: grants.organization_token(rejected, deadline=deadline, begin=begin),
        request_id=request_id,
        deadline=deadline,
    )
    try:
        organization = gateway.get_own_organization()
    except GatewayError as error:
        log.warning("sign-in with the organization's token failed: %s, request %s", error, request_id)
        kind = oauth.ClientRefused if isinstance(error, Forbidden | Unauthorized) else type(error)
        raise Refused(_(kind.sentence), _("You are not signed in."), status=kind.status) from None
    known = [group for group in identity.groups if group in settings.ACCESS_GROUPS]
    email = known_as(identity)
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
        log.info("names were not read at sign-in: %s", error)
    return handle


def require_groups(identity: Identity) -> None:
    """Raises Refused for somebody to whose groups nothing was given, naming those groups."""
    if held(identity.groups):
        return
    told = {"who": known_as(identity), "groups": ", ".join(identity.groups[:MOST_SHOWN])}
    if identity.groups:
        advice = _(
            "You are signed on as %(who)s, in these groups: %(groups)s. "
            "Ask the portal's administrator to give one of them access."
        )
    else:
        advice = _(
            "You are signed on as %(who)s, but the sign-on told no groups of yours. "
            "Ask its administrator for one that opens the portal."
        )
    raise Refused(_("None of your groups opens this portal."), advice % told)


def known_as(identity: Identity) -> str:
    """What to call somebody: their e-mail, or else what the sign-on knows them by."""
    return identity.email or identity.subject.rpartition("|")[2]
