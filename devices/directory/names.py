"""People's words for the API's ids: templates, organizations, owners. Put together once a person, at sign-in.

Names are a courtesy. Whatever cannot be read (no permission, the API slow) shows as its id, and no page fails or waits
for it twice: what was read, or not, is kept under the person's scope, so nobody sees names that another may see. The
gateway keeps the answers they are made of too (gateway/response_cache.py); here it is one look for all names of a page.
"""

from __future__ import annotations

import msgspec
from django.utils.translation import gettext as _

from devices.core.permissions import Access, judge
from devices.core.session_cache import get, put
from devices.core.text import clean, shorten
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, Unauthorized
from devices.gateway.types import Template, TemplateEvent

CACHE_FOR = 3600
"""Seconds that names are kept."""
CACHE_PARTIAL_FOR = 300
"""Seconds until an incomplete reading is tried again."""
TIME_LIMIT = 3.0
"""Seconds that a page may spend on names, all of them together."""


class Names(msgspec.Struct, frozen=True):
    """Looked up by id; an id without a known name is shown as such."""

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
        """Empty where there is no owner: the API sends nothing, null or 0 for that."""
        if not user_id:
            return ""
        if user_id == self.user_id:
            return _("You")
        return self.owners.get(user_id) or _("User %d") % user_id


def names_for(gateway: Gateway, access: Access) -> Names:
    """The names this person may read, from their cache or from the API (up to three calls, the first time)."""
    names = get(access, "names")
    return names if isinstance(names, Names) else warm_up(gateway.within(TIME_LIMIT), access)


def warm_up(gateway: Gateway, access: Access) -> Names:
    """Read the names and keep them. Called at sign-in, so that the first page costs what every other page costs.

    Raises Unauthorized; every other failure leaves that kind of name out.
    """
    complete, old = True, len(gateway.stale)
    organizations = _own_organization(gateway, access)
    found: dict[str, dict[int, str]] = {"templates": {}, "organizations": {}, "owners": {}}
    for kind, operation in (
        ("templates", "list_templates"),
        ("organizations", "list_sub_organizations"),
        ("owners", "list_users"),
    ):
        if not judge(operation, access).allowed:
            continue
        try:
            found[kind] = _read(gateway, operation)
        except Unauthorized:
            raise
        except GatewayError:
            complete = False
    names = Names(
        user_id=access.user_id,
        templates=found["templates"],
        organizations=organizations | found["organizations"],
        owners=found["owners"],
    )
    put(access, "names", names, CACHE_FOR if complete and len(gateway.stale) == old else CACHE_PARTIAL_FOR)
    return names


def _own_organization(gateway: Gateway, access: Access) -> dict[int, str]:
    """One's own organization is always among the names: the profile may leave its name out."""
    if access.org_id is None:
        return {}
    name = access.org_name
    try:
        name = name or gateway.get_own_organization().name
    except Unauthorized:
        raise
    except GatewayError:
        name = _("Your organization")
    return {access.org_id: shorten(clean(name), 60)}


def event_names(gateway: Gateway, access: Access, template_id: int) -> dict[int, str]:
    """Names of a template's events by event id; empty where they cannot be read."""
    events = template_events(gateway, access, template_id) or ()
    return {event.id: clean(event.name) for event in events}


def template_events(gateway: Gateway, access: Access, template_id: int) -> tuple[TemplateEvent, ...] | None:
    """The events that a template defines, with their codes; None where they cannot be read."""
    if not judge("list_template_events", access).allowed:
        return None
    try:
        return gateway.list_template_events(template_id)
    except Unauthorized:
        raise
    except GatewayError:
        return None


def cache_template_id(access: Access, device_id: int, template_id: int) -> None:
    """Keep which template a device that was just read is made by: its events are named by that."""
    put(access, f"template-of:{device_id}", template_id, CACHE_FOR)


def device_template_id(gateway: Gateway, access: Access, device_id: int) -> int | None:
    """The template of a device, as remembered or from its base info; None where that cannot be read."""
    template_id = get(access, f"template-of:{device_id}")
    if isinstance(template_id, int):
        return template_id
    try:
        template_id = gateway.get_base_info(device_id).template_id
    except Unauthorized:
        raise
    except GatewayError:
        return None
    cache_template_id(access, device_id, template_id)
    return template_id


def templates_for(gateway: Gateway, access: Access) -> tuple[Template, ...] | None:
    """The templates of this person's organization, with the text ids for new devices; None if they cannot be read."""
    if not judge("list_templates", access).allowed:
        return None
    try:
        return gateway.list_templates().items
    except Unauthorized:
        raise
    except GatewayError:
        return None


def _read(gateway: Gateway, operation: str) -> dict[int, str]:
    if operation == "list_templates":
        return {template.id: shorten(clean(template.name), 60) for template in gateway.list_templates().items}
    if operation == "list_sub_organizations":
        return {org.id: shorten(clean(org.name), 60) for org in gateway.list_sub_organizations().items}
    return {user.id: shorten(clean(user.email), 80) for user in gateway.list_users(include_sub_orgs=True).items}


def organization_choices(names: Names) -> list[tuple[int, str]]:
    """The organizations this person can name, by name."""
    return sorted(names.organizations.items(), key=lambda item: item[1].casefold())
