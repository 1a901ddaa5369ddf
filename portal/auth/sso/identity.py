"""A person's identity at the sign-on, and the permissions of their groups."""

from __future__ import annotations

import msgspec
from django.conf import settings

MAX_LENGTHS = {"subject": 320, "email": 254, "name": 200, "group": 200, "sid": 255}
"""Characters. A longer subject or sid is refused; other values are dropped or cut."""
MAX_GROUPS = 500


class Identity(msgspec.Struct, frozen=True):
    """A person at the sign-on. `subject` is `issuer|sub` and never changes; the other values can.

    `sid`: the session at the provider, for back-channel logout, or empty. `email_verified` is False only if the
    provider says so.
    """

    subject: str
    email: str
    name: str = ""
    groups: tuple[str, ...] = ()
    sid: str = ""
    email_verified: bool = True

    def is_email(self, email: str) -> bool:
        """Whether this is the person's e-mail, and the provider does not call it unverified."""
        return bool(self.email) and self.email_verified and self.email.casefold() == email.strip().casefold()


class LoginRefused(Exception):
    """The sign-on did not identify the person, or they have no access. `sentence` and `advice` are shown to them."""

    def __init__(self, sentence: str, advice: str = "", *, status: int = 403, retryable: bool = True) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.advice = advice
        self.status = status
        self.retryable = retryable


_decoder = msgspec.json.Decoder(Identity)


def pack(identity: Identity | None) -> str:
    return msgspec.json.encode(identity).decode() if identity else ""


def unpack(text: str) -> Identity | None:
    return _decoder.decode(text) if text else None


def granted(groups: tuple[str, ...]) -> frozenset[str]:
    """The permissions and rights that ACCESS_GROUPS grants to these groups."""
    names: frozenset[str] = frozenset()
    return names.union(*(settings.ACCESS_GROUPS.get(group, names) for group in groups))
