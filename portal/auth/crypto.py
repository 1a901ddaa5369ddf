"""Encryption of tokens at rest, and a wrapper that keeps secrets out of logs, pages and pickles."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from hmac import compare_digest
from typing import Any, NoReturn

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class DecryptionError(Exception):
    """No key decrypts the blob, or it belongs to another row."""


class Secret:
    """A string that prints as `***` and cannot be pickled, copied or encoded as JSON."""

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
    """The result of a token call. `expires_in`: seconds from the call until the access token expires."""

    access: Secret
    refresh: Secret | None
    expires_in: float


class _SealedTokens(msgspec.Struct, frozen=True):
    """The plaintext of a blob. Fernet has no associated data, so the plaintext names its row."""

    handle: str
    user: int
    access: str
    refresh: str | None
    expires_in: float


_decoder = msgspec.json.Decoder(_SealedTokens)


def seal(tokens: Tokens, handle: str, user: int) -> str:
    refresh = tokens.refresh.reveal() if tokens.refresh else None
    plain = _SealedTokens(handle, user, tokens.access.reveal(), refresh, tokens.expires_in)
    return encrypt(msgspec.json.encode(plain))


def unseal(blob: str, handle: str, user: int) -> Tokens:
    """Raises DecryptionError, also for a blob that was copied from another row."""
    try:
        plain = _decoder.decode(decrypt(blob))
    except msgspec.DecodeError as error:
        raise DecryptionError("this is not a grant") from error
    if plain.handle != handle or plain.user != user:
        raise DecryptionError("this grant belongs to another row")
    return Tokens(Secret(plain.access), Secret(plain.refresh) if plain.refresh else None, plain.expires_in)


def encrypt(plain: bytes) -> str:
    """Encrypt with the first key. The plaintext has to name its row: nothing else ties them together."""
    return _fernet(tuple(settings.TOKEN_KEYS)).encrypt(plain).decode()


def decrypt(blob: str) -> bytes:
    """Raises DecryptionError if no key decrypts it."""
    try:
        return _fernet(tuple(settings.TOKEN_KEYS)).decrypt(blob)
    except InvalidToken as error:
        raise DecryptionError("no key decrypts it") from error


def reencrypt(blob: str) -> str | None:
    """The blob encrypted with the first key; None if it already is. Raises DecryptionError if no key decrypts it."""
    keys = tuple(settings.TOKEN_KEYS)
    with suppress(InvalidToken):
        _fernet(keys[:1]).decrypt(blob)
        return None
    try:
        return _fernet(keys).rotate(blob).decode()
    except InvalidToken as error:
        raise DecryptionError("no key decrypts it") from error


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
