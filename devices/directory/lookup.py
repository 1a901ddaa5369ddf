"""The user or organization that a typed e-mail, id or "me" stands for.

These are optional look-ups of the platform. If one fails, the others are tried, and an id is taken as typed: the
platform can still refuse the write that follows.
"""

from __future__ import annotations

from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from devices.core import api_rules
from devices.core.permissions import Access, judge
from devices.core.text import clean, shorten
from devices.gateway.client import Gateway
from devices.gateway.errors import BadReply, Forbidden, NotFound, Rejected, ServerFault
from devices.gateway.types import User, UserSummary

LOOKUP_ERRORS = (Forbidden, NotFound, Rejected, ServerFault, BadReply)
"""Errors of a look-up that the platform does not offer, or that does not work. Waiting would not help."""


class Person(NamedTuple):
    """A user of the platform. Only the id is always known; what could not be read is empty."""

    id: int
    email: str = ""
    name: str = ""
    status: str = ""
    org_id: int | None = None

    @property
    def label(self) -> str:
        return self.name or self.email or _("User %d") % self.id

    @property
    def obstacle(self) -> str:
        """Why this person cannot own a device yet, and what to do first; empty if nothing is known."""
        if self.status == "Pending":
            return _("%s has not accepted the invitation yet: it has to be accepted first.") % self.label
        if self.status == "Suspended":
            return _("%s is suspended: an administrator has to lift that first.") % self.label
        return ""


class Unresolved(Exception):
    """Nobody was found. The message is for the field; `missing` permissions would help."""

    def __init__(self, sentence: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.missing = missing


def with_missing_permissions(sentence: str, missing: tuple[str, ...]) -> str:
    """`sentence`, and the permissions that would help, if there are any."""
    if not missing:
        return sentence
    return _("%(sentence)s Your role needs %(names)s for that.") % {"sentence": sentence, "names": ", ".join(missing)}


def resolve_user(gateway: Gateway, access: Access, text: str) -> Person:
    """The user with this e-mail or id, or "me". No call for the person themselves, else up to three.

    Raises Unresolved, and GatewayError if the platform cannot be reached.
    """
    typed = text.strip()
    if not typed:
        raise Unresolved(_("Enter an e-mail or a user ID."))
    if typed.casefold() == "me" and not access.user_id:
        typed = access.email  # they may have an account of the platform and not use it to sign in
    if access.user_id and typed.casefold() in ("me", access.email.casefold(), str(access.user_id)):
        return Person(access.user_id, access.email, access.name, org_id=access.org_id)
    if typed.isascii() and typed.isdigit():
        return _by_id(gateway, access, typed)
    return _by_email(gateway, access, typed)


def resolve_organization(gateway: Gateway, access: Access, org_id: int) -> str:
    """The name of an organization not in `Names`; empty if it cannot be read. Raises Unresolved if there is none."""
    if not judge("get_organization", access).allowed:
        return ""
    try:
        return shorten(clean(gateway.get_organization(org_id).name), 60)
    except NotFound:
        raise Unresolved(_("There is no organization %d within your reach.") % org_id) from None
    except LOOKUP_ERRORS:
        return ""


def _by_id(gateway: Gateway, access: Access, digits: str) -> Person:
    digits = digits.lstrip("0")
    if not digits or len(digits) > len(str(api_rules.INT64_MAX)) or int(digits) > api_rules.INT64_MAX:
        raise Unresolved(_("No user has that ID: it is a number from 1 to %d.") % api_rules.INT64_MAX)
    return _read(gateway, access, Person(int(digits)))


def _by_email(gateway: Gateway, access: Access, email: str) -> Person:
    try:
        validate_email(email)
    except ValidationError:
        raise Unresolved(
            _("Enter a whole e-mail, such as ana.lund@example.org, or a user ID, which is a number.")
        ) from None
    if len(email) > api_rules.QUERY_MAX:
        raise Unresolved(_("An e-mail has at most %d characters.") % api_rules.QUERY_MAX)
    verdict = judge("search_users", access)
    if not verdict.allowed:
        raise Unresolved(_("Your role may look up only yourself."), verdict.missing)
    person = _by_search(gateway, email) or _by_device(gateway, access, email)
    if person is None:
        raise Unresolved(_("No user with the e-mail %s was found. Their user ID would do as well.") % clean(email))
    return _read(gateway, access, person)


def _by_search(gateway: Gateway, email: str) -> Person | None:
    """The search matches any part of a name or e-mail: only the same e-mail counts."""
    try:
        found = gateway.search_users(email).items
    except LOOKUP_ERRORS:
        return None
    return next((_person(user) for user in found if user.email.casefold() == email.casefold()), None)


def _by_device(gateway: Gateway, access: Access, email: str) -> Person | None:
    """The owner's id is on each of their devices."""
    if not judge("list_devices_by_owner", access, other=True).allowed:
        return None
    try:
        devices = gateway.list_devices_by_owner(email, size=1).items
    except LOOKUP_ERRORS:
        return None
    owner_id = devices[0].owner_user_id if devices else None
    return Person(owner_id, clean(email)) if owner_id else None


def _read(gateway: Gateway, access: Access, person: Person) -> Person:
    """The person with name and status, if they can be read."""
    if not judge("get_user", access).allowed:
        return person
    try:
        return _person(gateway.get_user(person.id))
    except NotFound:
        if person.email:
            return person
        raise Unresolved(_("There is no user %d within your reach.") % person.id) from None
    except LOOKUP_ERRORS:
        return person


def _person(user: UserSummary) -> Person:
    status = user.status if isinstance(user, User) else None
    return Person(user.id, clean(user.email), shorten(clean(user.name or ""), 80), status or "", user.org_id)
