"""The OpenID provider: what it says of itself, its keys, and the calls to it.

The calls go through the same transport as those to the platform: time and size are bounded, redirects are not followed.
What was read is kept in this process.
"""

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
from portal.auth.sso.identity import Refused

log = logging.getLogger(__name__)

KEEP = 3600.0
"""Seconds that the provider's description and keys are kept."""
REFETCH = 10.0
"""Seconds between two looks for another key than those known: anybody can send a token that needs one."""
SULK = 2.0
"""Seconds after a failure in which nobody asks again."""
LARGEST = 1024 * 1024
LONGEST_TOKEN = 32 * 1024
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures by a key of the provider's own. Neither `none` nor HS*, whose key would be our client secret."""
T = TypeVar("T")


class Down(Refused):
    """The provider cannot be reached, or what it answers cannot be read."""

    def __init__(self) -> None:
        super().__init__(
            _("The sign-on service cannot be reached."),
            _("You are not signed in. The portal itself works; try again in a minute."),
            status=503,
        )


class NotValid(Exception):
    """A token that does not hold. The text is for the log and quotes nothing of it."""


class Description(msgspec.Struct, frozen=True):
    """OpenID Connect Discovery 1.0 §3, as far as it is used here."""

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


class _Kept(NamedTuple):
    what: Any
    at: float


_kept: dict[tuple[str, str], _Kept] = {}
_lock = threading.RLock()
"""One thread reads while the others wait for it. Reading the keys may read the description."""


def forget() -> None:
    """Forget everything that was read, for tests."""
    _kept.clear()
    _transport.cache_clear()


def description() -> Description:
    """What the provider says of itself. Raises Down."""
    return _remembered("description", _read_description)


def verified(token: str) -> jwt.Token:
    """A token whose signature is by one of the provider's keys; its claims are still to be checked.

    Raises NotValid, or Down where the keys cannot be read.
    """
    if len(token) > LONGEST_TOKEN:
        raise NotValid("too long")
    registry = JWSRegistry(algorithms=description().algorithms(), strict_check_header=False)
    try:
        known = _remembered("keys", _read_keys)
        try:
            return jwt.decode(token, known, registry=registry)
        except (InvalidKeyIdError, BadSignatureError):
            # A new key may have a new name, none, or the old one's.
            newer = _remembered("keys", _read_keys, at_most=REFETCH, wait=False)
            if newer is known:
                raise
            return jwt.decode(token, newer, registry=registry)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # What is not a token at all makes the library stumble in many ways.
        raise NotValid(type(error).__name__) from None


def call(
    method: str,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    bearer: str = "",
    basic: tuple[str, str] | None = None,
) -> Reply:
    """One call to an endpoint of the provider, whatever status it answers. Raises Down."""
    try:
        base, path = _split(url)
        reply = _transport(base).send(method, path, form=form, bearer=bearer, basic=basic, operation="sign-on")
    except (GatewayError, ValueError) as error:
        log.warning("the sign-on service cannot be asked: %s, %s", error, url.partition("?")[0])
        raise Down from None
    if reply.status >= 500 or 300 <= reply.status < 400:
        log.warning("the sign-on service answers with status %s, %s", reply.status, url.partition("?")[0])
        raise Down
    return reply


def read(reply: Reply, shape: type[T]) -> T:
    """The JSON of a success. Raises Down for anything else."""
    try:
        if reply.status != 200:
            raise ValueError(f"status {reply.status}")
        return msgspec.json.decode(reply.body, type=shape)
    except (ValueError, RecursionError) as error:
        log.warning("the sign-on service's answer cannot be used: %s", error)
        raise Down from None


def _remembered(name: str, fetch: Callable[[], T], *, at_most: float = KEEP, wait: bool = True) -> T:
    """What `fetch` gives, not older than `at_most` seconds. Where it fails, what is known goes on being used.

    Without `wait`, what is known is also used while another thread reads: a stream of bad tokens must not have all
    threads queue behind a slow provider.
    """
    key = (settings.OIDC_ISSUER, name)
    if found := _recent(key, at_most):
        return found.what  # type: ignore[no-any-return]
    known = _kept.get(key, _Kept(None, 0.0))
    if not _lock.acquire(blocking=wait or known.what is None):
        return known.what  # type: ignore[no-any-return]
    try:
        if found := _recent(key, at_most):
            return found.what  # type: ignore[no-any-return]
        known = _kept.get(key, _Kept(None, 0.0))
        try:
            what = fetch()
        except Down:
            if known.what is None:
                _kept[key] = _Kept(None, time.monotonic())
                raise
            what = known.what
        _kept[key] = _Kept(what, time.monotonic())
        return what
    finally:
        _lock.release()


def _recent(key: tuple[str, str], at_most: float) -> _Kept | None:
    """What is kept and young enough. Raises Down for a failure of just now: who waited for it does not ask again."""
    kept = _kept.get(key)
    if kept is None:
        return None
    age = time.monotonic() - kept.at
    if kept.what is None and age < SULK:
        raise Down
    return kept if kept.what is not None and age < at_most else None


def _read_description() -> Description:
    url = settings.OIDC_ISSUER.rstrip("/") + "/.well-known/openid-configuration"
    found = read(call("GET", url), Description)
    endpoints = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
    try:
        for endpoint in filter(None, (*endpoints, found.userinfo_endpoint, found.end_session_endpoint)):
            _split(endpoint)
    except ValueError as error:
        log.error("the sign-on service names an address that may not be used: %s", error)
        raise Down from None
    if found.issuer != settings.OIDC_ISSUER or not all(endpoints) or not found.algorithms():
        log.error(
            "the sign-on service calls itself %r, or lacks endpoints or signatures: see OIDC_ISSUER", found.issuer
        )
        raise Down
    return found


def _read_keys() -> KeySet:
    found = read(call("GET", description().jwks_uri), dict[str, Any])
    keys = []
    for data in found.get("keys", []) if isinstance(found.get("keys"), list) else []:
        try:
            if data.get("kty") != "oct" and data.get("use", "sig") == "sig":
                keys.extend(KeySet.import_key_set({"keys": [data]}).keys)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue  # a key of a kind that we cannot read is nobody's loss
    if not keys:
        log.error("the sign-on service has no key that can be used")
        raise Down
    return KeySet(keys)


def _split(url: str) -> tuple[str, str]:
    """Origin, and path with query. Raises ValueError for what is neither https nor plain http to this machine."""
    parts = urlsplit(url)
    base = check_base_url(f"{parts.scheme}://{parts.netloc}")
    if parts.fragment:
        raise ValueError("an endpoint has no fragment")
    return base, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@lru_cache(maxsize=8)
def _transport(base: str) -> Transport:
    return Transport(base, timeouts=Timeouts(3.0, 5.0, 8.0, 16.0), max_bytes=LARGEST)
