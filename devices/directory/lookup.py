"""Who, and which organization, is meant by what somebody typed: an e-mail, an id, "me".

What answers here are look-ups that the platform offers beside its device calls. Where one fails by itself, the other
ways are tried, and an id counts as it was typed: the write that follows is the platform's to refuse.
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
"""What a look-up answers that the platform does not offer, or offers broken. Waiting for it would not help."""


class Person(NamedTuple):
    """A user of the platform. Whatever could not be read is empty; the id is always there."""

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
        """Why this person cannot own a device yet, and what has to happen first; empty where nothing is known."""
        if self.status == "Pending":
            return _("%s has not accepted the invitation yet: it has to be accepted first.") % self.label
        if self.status == "Suspended":
            return _("%s is suspended: an administrator has to lift that first.") % self.label
        return ""


class Unresolved(Exception):
    """Nobody was found. The text is a sentence for beside the field; `missing` names permissions that would help."""

    def __init__(self, sentence: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.missing = missing


def with_missing_permissions(sentence: str, missing: tuple[str, ...]) -> str:
    """A sentence that says why not, and the permissions that would help, if there are any."""
    if not missing:
        return sentence
    return _("%(sentence)s Your role needs %(names)s for that.") % {"sentence": sentence, "names": ", ".join(missing)}


def resolve_user(gateway: Gateway, access: Access, text: str) -> Person:
    """The user meant by an e-mail, an id or "me". Costs no call for oneself, else up to three.

    Raises Unresolved, and what the gateway raises when the platform cannot be asked at all.
    """
    typed = text.strip()
    if not typed:
        raise Unresolved(_("Enter an e-mail or a user ID."))
    if typed.casefold() == "me" and not access.user_id:
        typed = access.email  # there may be an account of theirs on the platform, though nobody signed in with it
    if access.user_id and typed.casefold() in ("me", access.email.casefold(), str(access.user_id)):
        return Person(access.user_id, access.email, access.name, org_id=access.org_id)
    if typed.isascii() and typed.isdigit():
        return _by_id(gateway, access, typed)
    return _by_email(gateway, access, typed)


def resolve_organization(gateway: Gateway, access: Access, org_id: int) -> str:
    """The name of an organization; empty where it may be right and only cannot be read. Raises Unresolved.

    For ids that the names at hand (`names.Names`) do not know.
    """
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
    person = _searched(gateway, email) or _owning(gateway, access, email)
    if person is None:
        raise Unresolved(_("No user with the e-mail %s was found. Their user ID would do as well.") % clean(email))
    return _read(gateway, access, person)


def _searched(gateway: Gateway, email: str) -> Person | None:
    """The search takes any part of a name or e-mail: only the very same address counts."""
    try:
        found = gateway.search_users(email).items
    except LOOKUP_ERRORS:
        return None
    return next((_person(user) for user in found if user.email.casefold() == email.casefold()), None)


def _owning(gateway: Gateway, access: Access, email: str) -> Person | None:
    """Whoever owns devices under this e-mail has their id on each of them."""
    if not judge("list_devices_by_owner", access, other=True).allowed:
        return None
    try:
        devices = gateway.list_devices_by_owner(email, size=1).items
    except LOOKUP_ERRORS:
        return None
    owner_id = devices[0].owner_user_id if devices else None
    return Person(owner_id, clean(email)) if owner_id else None


def _read(gateway: Gateway, access: Access, person: Person) -> Person:
    """The person with name and status, as far as they can be read."""
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
