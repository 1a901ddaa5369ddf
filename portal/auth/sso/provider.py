"""The OpenID provider: its metadata and keys, cached in this process, and calls over the platform's transport."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from devices.gateway.base_url import check_base_url
from devices.gateway.errors import GatewayError
from devices.gateway.response import Reply
from devices.gateway.timeouts import Timeouts
from devices.gateway.transport import Transport
from portal.auth.sso.identity import LoginRefused

log = logging.getLogger(__name__)

CACHE_FOR = 3600.0
"""Seconds for metadata and keys."""
KEY_REFETCH_INTERVAL = 10.0
"""Seconds between two fetches for an unknown key: anyone can send a token that names one."""
FAILURE_BACKOFF = 2.0
"""Seconds after a failed fetch until the next one."""
MAX_BYTES = 1024 * 1024
MAX_TOKEN_LENGTH = 32 * 1024
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Asymmetric signatures only: not `none`, and not HS*, whose key is the client secret."""
T = TypeVar("T")


class ProviderUnavailable(LoginRefused):
    """The provider cannot be reached, or its response is unusable."""

    def __init__(self) -> None:
        super().__init__(
            _("The sign-on service cannot be reached."),
            _("You are not signed in. The portal itself works; try again in a minute."),
            status=503,
        )


class InvalidToken(Exception):
    """An invalid token. The message is for the log and quotes nothing from the token."""


class Metadata(msgspec.Struct, frozen=True):
    """OpenID Connect Discovery 1.0 §3, the members used here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    authorization_response_iss_parameter_supported: bool = False

    def algorithms(self) -> list[str]:
        return sorted(ALGORITHMS.intersection(self.id_token_signing_alg_values_supported))


class _CacheEntry(NamedTuple):
    value: Any
    at: float
    """By time.monotonic()."""


_cache: dict[tuple[str, str], _CacheEntry] = {}
_lock = threading.RLock()
"""One thread fetches while the others wait. Reentrant: fetching the keys may fetch the metadata."""


def clear_cache() -> None:
    """For tests."""
    _cache.clear()
    _transport.cache_clear()


def metadata() -> Metadata:
    """The provider's metadata. Raises ProviderUnavailable."""
    return _cached("description", _fetch_metadata)


def verify_signature(token: str) -> jwt.Token:
    """Decode a token of the provider; the caller validates its claims. Raises InvalidToken, or ProviderUnavailable."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise InvalidToken("too long")
    registry = JWSRegistry(algorithms=metadata().algorithms(), strict_check_header=False)
    try:
        known = _cached("keys", _fetch_keys)
        try:
            return jwt.decode(token, known, registry=registry)
        except (InvalidKeyIdError, BadSignatureError):
            # A new key can have a new id, none, or the old one's.
            newer = _cached("keys", _fetch_keys, max_age=KEY_REFETCH_INTERVAL, wait=False)
            if newer is known:
                raise
            return jwt.decode(token, newer, registry=registry)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # Input that is no token at all raises many kinds of errors in the library.
        raise InvalidToken(type(error).__name__) from None


def call(
    method: str,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    bearer: str = "",
    basic: tuple[str, str] | None = None,
) -> Reply:
    """Call an endpoint of the provider. Raises ProviderUnavailable, also for 3xx and 5xx."""
    try:
        base, path = _split(url)
        reply = _transport(base).send(method, path, form=form, bearer=bearer, basic=basic, operation="sign-on")
    except (GatewayError, ValueError) as error:
        log.warning("the provider cannot be reached: %s, %s", error, url.partition("?")[0])
        raise ProviderUnavailable from None
    if reply.status >= 500 or 300 <= reply.status < 400:
        log.warning("the provider returned status %s, %s", reply.status, url.partition("?")[0])
        raise ProviderUnavailable
    return reply


def decode(reply: Reply, shape: type[T]) -> T:
    """The JSON body of a 200. Raises ProviderUnavailable for anything else."""
    try:
        if reply.status != 200:
            raise ValueError(f"status {reply.status}")
        return msgspec.json.decode(reply.body, type=shape)
    except (ValueError, RecursionError) as error:
        log.warning("the provider's response is unusable: %s", error)
        raise ProviderUnavailable from None


def _cached(name: str, fetch: Callable[[], T], *, max_age: float = CACHE_FOR, wait: bool = True) -> T:
    """The cached result of `fetch`, at most `max_age` seconds old. If `fetch` fails, the older value is used.

    Without `wait`, the older value is also used while another thread fetches, so that a stream of bad tokens does not
    block all threads behind a slow provider.
    """
    key = (settings.OIDC_ISSUER, name)
    if found := _fresh_entry(key, max_age):
        return found.value  # type: ignore[no-any-return]
    known = _cache.get(key, _CacheEntry(None, 0.0))
    if not _lock.acquire(blocking=wait or known.value is None):
        return known.value  # type: ignore[no-any-return]
    try:
        if found := _fresh_entry(key, max_age):
            return found.value  # type: ignore[no-any-return]
        known = _cache.get(key, _CacheEntry(None, 0.0))
        try:
            value = fetch()
        except ProviderUnavailable:
            if known.value is None:
                _cache[key] = _CacheEntry(None, time.monotonic())
                raise
            value = known.value
        _cache[key] = _CacheEntry(value, time.monotonic())
        return value
    finally:
        _lock.release()


def _fresh_entry(key: tuple[str, str], max_age: float) -> _CacheEntry | None:
    """The entry if young enough. Raises ProviderUnavailable just after a failure: waiting threads do not retry."""
    entry = _cache.get(key)
    if entry is None:
        return None
    age = time.monotonic() - entry.at
    if entry.value is None and age < FAILURE_BACKOFF:
        raise ProviderUnavailable
    return entry if entry.value is not None and age < max_age else None


def _fetch_metadata() -> Metadata:
    url = settings.OIDC_ISSUER.rstrip("/") + "/.well-known/openid-configuration"
    found = decode(call("GET", url), Metadata)
    endpoints = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
    try:
        for endpoint in filter(None, (*endpoints, found.userinfo_endpoint, found.end_session_endpoint)):
            _split(endpoint)
    except ValueError as error:
        log.error("the provider's metadata has an address that is not allowed: %s", error)
        raise ProviderUnavailable from None
    if found.issuer != settings.OIDC_ISSUER or not all(endpoints) or not found.algorithms():
        log.error(
            "the provider's metadata has the issuer %r, or lacks endpoints or signatures: check OIDC_ISSUER",
            found.issuer,
        )
        raise ProviderUnavailable
    return found


def _fetch_keys() -> KeySet:
    found = decode(call("GET", metadata().jwks_uri), dict[str, Any])
    keys = []
    for data in found.get("keys", []) if isinstance(found.get("keys"), list) else []:
        try:
            if data.get("kty") != "oct" and data.get("use", "sig") == "sig":
                keys.extend(KeySet.import_key_set({"keys": [data]}).keys)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue  # a kind of key that is not supported
    if not keys:
        log.error("the provider has no usable key")
        raise ProviderUnavailable
    return KeySet(keys)


def _split(url: str) -> tuple[str, str]:
    """Origin, and path with query. Raises ValueError unless it is https, or http to this machine."""
    parts = urlsplit(url)
    base = check_base_url(f"{parts.scheme}://{parts.netloc}")
    if parts.fragment:
        raise ValueError("an endpoint has no fragment")
    return base, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@lru_cache(maxsize=8)
def _transport(base: str) -> Transport:
    return Transport(base, timeouts=Timeouts(3.0, 5.0, 8.0, 16.0), max_bytes=MAX_BYTES)
