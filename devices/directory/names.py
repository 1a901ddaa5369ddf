"""Names for the API's ids: templates, organizations, owners. Read once a person, at sign-in.

What cannot be read (no permission, a slow API) shows as its id, and no page fails or waits for it twice. The names are
cached for one sign-in, so nobody sees names that only another person may see. The gateway caches the responses too;
this cache is one read for all names of a page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec
from django.utils.translation import gettext as _

from devices.core import session_cache
from devices.core.permissions import Access, judge
from devices.core.text import clean, shorten
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, Unauthorized
from devices.gateway.types import Template, TemplateEvent

CACHE_FOR = 3600
"""Seconds."""
CACHE_PARTIAL_FOR = 300
"""Seconds until incomplete names are read again."""
TIME_LIMIT = 3.0
"""Seconds of a page for all its names together."""
OPERATIONS = {"templates": "list_templates", "organizations": "list_sub_organizations", "owners": "list_users"}
"""Kind of names -> the operation that reads them."""

T = TypeVar("T")


class Names(msgspec.Struct, frozen=True):
    """Names by id; an id without a name is shown as the id."""

    user_id: int
    templates: dict[int, str] = {}
    organizations: dict[int, str] = {}
    owners: dict[int, str] = {}

    def template(self, template_id: int) -> str:
        return self.templates.get(template_id) or _("Template %d") % template_id

    def organization(self, org_id: int | None) -> str:
        if org_id is None:
            return ""
        return self.organizations.get(org_id) or _("Organization %d") % org_id

    def owner(self, user_id: int | None) -> str:
        """Empty without an owner: the API sends nothing, null or 0 for that."""
        if not user_id:
            return ""
        if user_id == self.user_id:
            return _("You")
        return self.owners.get(user_id) or _("User %d") % user_id


def names_for(gateway: Gateway, access: Access) -> Names:
    """The names this person may read, cached or from the API (up to four calls the first time)."""
    names = session_cache.get(access, "names")
    return names if isinstance(names, Names) else warm_up(gateway.within(TIME_LIMIT), access)


def warm_up(gateway: Gateway, access: Access) -> Names:
    """Read the names and cache them. Raises Unauthorized; any other failure leaves that kind of name out."""
    stale_before, organizations = len(gateway.stale), _own_organization(gateway, access)
    found = {
        kind: _or_none(partial(_read, gateway, operation)) if judge(operation, access).allowed else {}
        for kind, operation in OPERATIONS.items()
    }
    names = Names(
        user_id=access.user_id,
        templates=found["templates"] or {},
        organizations=organizations | (found["organizations"] or {}),
        owners=found["owners"] or {},
    )
    complete = None not in found.values() and len(gateway.stale) == stale_before
    session_cache.put(access, "names", names, CACHE_FOR if complete else CACHE_PARTIAL_FOR)
    return names


def _own_organization(gateway: Gateway, access: Access) -> dict[int, str]:
    """The person's own organization, which always has a name: the profile may not have it."""
    if access.org_id is None:
        return {}
    name = access.org_name
    if not name:
        own = _or_none(gateway.get_own_organization)
        name = own.name if own else _("Your organization")
    return {access.org_id: shorten(clean(name), 60)}


def _or_none(read: Callable[[], T]) -> T | None:
    """None if the platform gives no reply. Raises Unauthorized."""
    try:
        return read()
    except Unauthorized:
        raise
    except GatewayError:
        return None


def event_names(gateway: Gateway, access: Access, template_id: int) -> dict[int, str]:
    """Names of a template's events by event id; empty if they cannot be read."""
    events = template_events(gateway, access, template_id) or ()
    return {event.id: clean(event.name) for event in events}


def template_events(gateway: Gateway, access: Access, template_id: int) -> tuple[TemplateEvent, ...] | None:
    """The events of a template, with their codes; None if they cannot be read."""
    if not judge("list_template_events", access).allowed:
        return None
    return _or_none(partial(gateway.list_template_events, template_id))


def cache_template_id(access: Access, device_id: int, template_id: int) -> None:
    """Cache the template of a device that was just read: its events are named by it."""
    session_cache.put(access, f"template-of:{device_id}", template_id, CACHE_FOR)


def device_template_id(gateway: Gateway, access: Access, device_id: int) -> int | None:
    """The template of a device, cached or from its base info; None if it cannot be read."""
    template_id = session_cache.get(access, f"template-of:{device_id}")
    if isinstance(template_id, int):
        return template_id
    info = _or_none(partial(gateway.get_base_info, device_id))
    if info is not None:
        cache_template_id(access, device_id, info.template_id)
    return info.template_id if info else None


def templates_for(gateway: Gateway, access: Access) -> tuple[Template, ...] | None:
    """The templates of this person's organization, with the text ids for new devices; None if they cannot be read."""
    templates = _or_none(gateway.list_templates) if judge("list_templates", access).allowed else None
    return templates.items if templates else None


def _read(gateway: Gateway, operation: str) -> dict[int, str]:
    if operation == "list_templates":
        return {template.id: shorten(clean(template.name), 60) for template in gateway.list_templates().items}
    if operation == "list_sub_organizations":
        return {org.id: shorten(clean(org.name), 60) for org in gateway.list_sub_organizations().items}
    return {user.id: shorten(clean(user.email), 80) for user in gateway.list_users(include_sub_orgs=True).items}


def organization_choices(names: Names) -> list[tuple[int, str]]:
    """The organizations with a name, sorted by it, as (id, name)."""
    return sorted(names.organizations.items(), key=lambda item: item[1].casefold())
