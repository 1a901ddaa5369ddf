"""Who somebody is to the company's sign-on, and what that gives them here."""

from __future__ import annotations

import msgspec
from django.conf import settings

LONGEST = {"subject": 320, "email": 254, "name": 200, "group": 200, "sid": 255}
"""Characters. What is longer is refused (subject, sid) or left out (the rest)."""
MOST_GROUPS = 500


class Identity(msgspec.Struct, frozen=True):
    """A person as the sign-on describes them. `subject` is `issuer|sub` and never changes; the rest may.

    `sid`: the session at the provider, for signing out from there; empty where it tells none. `email_verified` is False
    only where the provider says so.
    """

    subject: str
    email: str
    name: str = ""
    groups: tuple[str, ...] = ()
    sid: str = ""
    email_verified: bool = True

    def is_email(self, email: str) -> bool:
        """Whether this is the person's own address, as far as the provider vouches for it."""
        return bool(self.email) and self.email_verified and self.email.casefold() == email.strip().casefold()


class Refused(Exception):
    """The sign-on could not say who this is, or what it said is not believed. `sentence` is for the person."""

    def __init__(self, sentence: str, advice: str = "", *, status: int = 403, again: bool = True) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.advice = advice
        self.status = status
        self.again = again
        """Whether another try makes sense."""


_decoder = msgspec.json.Decoder(Identity)


def pack(identity: Identity | None) -> str:
    return msgspec.json.encode(identity).decode() if identity else ""


def unpack(text: str) -> Identity | None:
    return _decoder.decode(text) if text else None


def held(groups: tuple[str, ...]) -> frozenset[str]:
    """Everything that ACCESS_GROUPS gives to these groups; nothing for a group it does not name."""
    names: frozenset[str] = frozenset()
    return names.union(*(settings.ACCESS_GROUPS.get(group, names) for group in groups))
