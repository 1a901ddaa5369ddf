"""Tokens at rest, and the wrapper that keeps secrets out of logs, pages and pickles."""

from __future__ import annotations

from functools import lru_cache
from hmac import compare_digest
from typing import Any, NoReturn

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """The blob does not decrypt with any key, or belongs to another row."""


class Secret:
    """A text that shows as `***` wherever it is printed and refuses to be pickled, copied or turned into JSON."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def matches(self, text: str) -> bool:
        return compare_digest(self._text.encode(), text.encode())

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a secret is not pickled or copied")


class Tokens(msgspec.Struct, frozen=True):
    """What a token call brought. `life`: seconds from then until the access token expires."""

    access: Secret
    refresh: Secret | None
    life: float


class _Sealed(msgspec.Struct, frozen=True):
    """The plaintext of a blob. Fernet authenticates nothing beside it, so it carries the row it belongs to."""

    handle: str
    user: int
    access: str
    refresh: str | None
    life: float


_decoder = msgspec.json.Decoder(_Sealed)


def seal(tokens: Tokens, handle: str, user: int) -> str:
    refresh = tokens.refresh.reveal() if tokens.refresh else None
    plain = _Sealed(handle, user, tokens.access.reveal(), refresh, tokens.life)
    return lock(msgspec.json.encode(plain))


def unseal(blob: str, handle: str, user: int) -> Tokens:
    """Raises Unreadable, also for a blob that was moved here from another row."""
    try:
        plain = _decoder.decode(unlock(blob))
    except msgspec.DecodeError as error:
        raise Unreadable("this is no grant") from error
    if plain.handle != handle or plain.user != user:
        raise Unreadable("this grant belongs to another row")
    return Tokens(Secret(plain.access), Secret(plain.refresh) if plain.refresh else None, plain.life)


def lock(plain: bytes) -> str:
    """Encrypt with the first key. Nothing ties the result to its row: the plaintext has to name it."""
    return _fernet(tuple(settings.TOKEN_KEYS)).encrypt(plain).decode()


def unlock(blob: str) -> bytes:
    """Raises Unreadable for what no key opens."""
    try:
        return _fernet(tuple(settings.TOKEN_KEYS)).decrypt(blob)
    except InvalidToken as error:
        raise Unreadable("no key opens this") from error


def relock(blob: str) -> str | None:
    """The same, encrypted with the first key; None if it is already. Raises Unreadable for what no key opens."""
    keys = tuple(settings.TOKEN_KEYS)
    try:
        _fernet(keys[:1]).decrypt(blob)
    except InvalidToken:
        pass
    else:
        return None
    try:
        return _fernet(keys).rotate(blob).decode()
    except InvalidToken as error:
        raise Unreadable("no key opens this") from error


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
