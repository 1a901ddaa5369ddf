"""Response cache: which responses of the API are given again, to whom and for how long (stale-if-error, RFC 5861).
And single flight: threads that want the same at the same time make one call.

**Who.** A cached response belongs to the session (grant) that read it. Its key is a digest of the API's address, the
person, their user id and organization, the session, the operation, its path and its query. It is never given to another
person, nor to another session of the same person, nor to a session whose handle comes again for somebody else.

**How long.** `CACHE_POLICIES` has two times for each operation. Until `max_age` a response is given again without a
call (for most operations 0: they always call). Until `stale_if_error` it is given only where a new one could not be
read (`STALE_IF_ERROR_FOR`), and then `Gateway.stale` lists it with the time of its request. It never replaces a 401,
403 or 404: those delete it.

**After a person's own change** (made, refused or unknown; in any of their sessions and any process), no request that
begins later gets a response about devices that was requested before. A change raises `device_cache_version` in all
grants of the person, before it is sent and again after. A request reads the version when it begins, looks up responses
of that version only, and stores what it reads under it, however late that arrives. The request that makes the change
gets nothing about devices from the cache, and stores nothing after it. Reference data (names of templates,
organizations, people), which no change of the portal touches, has its own version (`directory_cache_version`). A
401, 403 or 404 raises the version too, so that later requests do not get what another process has stored.

**Changes by other people** may be seen `max_age` seconds late, and never through `Gateway.fresh()`, which bypasses the
cache: whatever verifies, confirms or precedes a change uses it. Where it cannot read, it raises.

Stored are the values of types.py in MessagePack, never the bytes of the API: types.py has no place for a device's
credential. What is larger than `MAX_BYTES` or cannot be encoded is not stored.
"""

from __future__ import annotations

import copy
import hashlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from devices.gateway.errors import (
    BadReply,
    ConcurrencyExceeded,
    Forbidden,
    GatewayError,
    NotFound,
    RateExceeded,
    RateLimited,
    ServerFault,
    TimedOut,
    Unauthorized,
    Unreachable,
    UserConcurrencyExceeded,
    UserRateExceeded,
)
from devices.gateway.timeouts import Clock
from devices.gateway.transport import Query
from devices.gateway.types import DeviceDetails, Metafield

T = TypeVar("T")

MAX_BYTES = 256 * 1024
"""Of one cached response."""
FLIGHT_TIMEOUT = 15.0
"""Seconds to wait for another thread's call where the page has no deadline."""


class CachePolicy(NamedTuple):
    """Seconds, as in RFC 5861. `reference_data`: no change that the portal makes touches it."""

    max_age: float = 0.0
    stale_if_error: float = 3600.0
    reference_data: bool = False


ALWAYS_FETCH = CachePolicy()
"""Lists, values, timelines, the online state."""
REFERENCE_DATA = CachePolicy(max_age=600.0, reference_data=True)
CACHE_POLICIES: dict[str, CachePolicy] = {
    "get_base_info": CachePolicy(max_age=15.0),
    "list_tags": CachePolicy(max_age=60.0),
    "get_user_profile": REFERENCE_DATA,
    "get_own_organization": REFERENCE_DATA,
    "get_organization": REFERENCE_DATA,
    "list_sub_organizations": REFERENCE_DATA,
    "list_users": REFERENCE_DATA,
    "list_templates": REFERENCE_DATA,
    "list_template_events": REFERENCE_DATA,
}

STALE_IF_ERROR_FOR = (Unreachable, TimedOut, ServerFault, BadReply, ConcurrencyExceeded, RateLimited)
DENIED_ERRORS = (Unauthorized, Forbidden, NotFound)
SHARED_ERRORS = (Unreachable, ServerFault, BadReply)
"""What would befall another call at the same moment too. A time-out may be due to the deadline of one page."""


class Stale(NamedTuple):
    """Given as no new one could be read. `read_at`: when it was requested (seconds since 1970). `why`: see below."""

    operation: str
    read_at: float
    why: str = ""


class CacheOwner(NamedTuple):
    """Whose responses they are. `session`: differs for each sign-in."""

    base_url: str
    person: str
    user_id: int
    org_id: int | None
    session: str


class CacheVersions(NamedTuple):
    """Of the grant, as they were when the request began."""

    device: int
    directory: int


class CacheKey(NamedTuple):
    """`shape`: the type of the response."""

    operation: str
    path: str
    query: Query
    shape: Any


class CachedResponse(NamedTuple, Generic[T]):
    """`read_at`: when it was requested, in seconds since 1970. `stale`: it replaces one that could not be read. `why`:
    "share" or "busy" where the portal itself sent nothing, because of this person's calls or of everybody's; else
    empty.
    """

    value: T
    read_at: float
    stale: bool = False
    why: str = ""


class Store(Protocol):
    """Django's cache. What it has lost is read from the API again."""

    def get(self, key: str) -> Any: ...
    def set(self, key: str, value: Any, timeout: float) -> Any: ...
    def delete(self, key: str) -> Any: ...


@dataclass(slots=True)
class _Flight:
    done: threading.Event = field(default_factory=threading.Event)
    succeeded: bool = False
    result: Any = None
    error: GatewayError | None = None


class SingleFlight:
    """Calls running in this process: a thread that wants the same at the same time waits for the one result."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight] = {}

    def share(self, key: str, call: Callable[[], T], wait: float, operation: str) -> T:
        """`call()`, or the result of another thread's for this key within `wait` seconds; TimedOut after that.

        A call that fails by its own limits (its page's deadline, its session) does not fail for the others: they call.
        """
        with self._lock:
            flight = self._flights.get(key)
            first = flight is None
            if flight is None:
                flight = self._flights[key] = _Flight()
        if first:
            return self._lead(key, flight, call)
        if not flight.done.wait(max(wait, 0.0)):
            raise TimedOut(operation=operation, sent=False)
        if flight.succeeded:
            result: T = flight.result
            return result
        if isinstance(flight.error, SHARED_ERRORS):
            raise copy.copy(flight.error)
        return call()

    def _lead(self, key: str, flight: _Flight, call: Callable[[], T]) -> T:
        try:
            flight.result = result = call()
            flight.succeeded = True
        except GatewayError as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                del self._flights[key]
            flight.done.set()
        return result


_single_flight = SingleFlight()


class ResponseCache:
    """The cached responses of one session, for one request and the threads it starts.

    `bump(directory)` raises the directory's or the devices' cache version in every grant of the person. It is called in
    the thread that made this object, and raises nothing. `changing`: the request may change something, so it gets
    nothing about devices and no stale reference data.
    """

    def __init__(
        self,
        store: Store,
        owner: CacheOwner,
        versions: CacheVersions,
        bump: Callable[[bool], None],
        *,
        changing: bool = False,
        clock: Clock = time.time,
        single_flight: SingleFlight = _single_flight,
    ) -> None:
        self._store = store
        self._owner = owner
        self._group = cache_group(owner.session)
        self._device_version: int | None = versions.device
        self._directory_version: int | None = versions.directory
        self._bump = bump
        self._changing = changing
        self._clock = clock
        self._single_flight = single_flight
        self._thread = threading.get_ident()
        self._pending: set[bool] = set()

    def read(self, key: CacheKey, fetch: Callable[[], T], *, wait: float | None = None) -> CachedResponse[T]:
        """Cached or fetched. Raises as `fetch`, and TimedOut after `wait` seconds for another thread's call."""
        policy = CACHE_POLICIES.get(key.operation, ALWAYS_FETCH)
        digest = self._digest(key, policy)
        if digest is None or (self._changing and not policy.reference_data):
            return self._fetch(policy, None, fetch)
        if policy.max_age:
            cached = self._load(key, digest, policy.max_age)
            if cached is not None:
                return cached
        try:
            if not policy.max_age:
                return self._fetch(policy, digest, fetch)
            timeout = FLIGHT_TIMEOUT if wait is None else wait
            return self._single_flight.share(digest, lambda: self._fetch(policy, digest, fetch), timeout, key.operation)
        except STALE_IF_ERROR_FOR as error:
            cached = None if self._changing else self._load(key, digest, policy.stale_if_error)
            if cached is None:
                raise
            return cached._replace(stale=True, why=_why(error))

    def bypass(self, key: CacheKey, fetch: Callable[[], T]) -> CachedResponse[T]:
        """Fetched, whatever is cached. Stored only where later pages would use it: they fetch the rest anyway."""
        policy = CACHE_POLICIES.get(key.operation, ALWAYS_FETCH)
        stored = policy.max_age and (policy.reference_data or not self._changing)
        return self._fetch(policy, self._digest(key, policy) if stored else None, fetch)

    def peek(self, key: CacheKey, within: float = math.inf) -> CachedResponse[Any] | None:
        """What is cached, under `within` seconds old; no call. A change may use it for texts, not to decide."""
        policy = CACHE_POLICIES.get(key.operation, ALWAYS_FETCH)
        digest = self._digest(key, policy)
        return None if digest is None else self._load(key, digest, min(within, policy.stale_if_error))

    def invalidate(self) -> None:
        """A device changes now, or has changed: nothing that was requested before is given after this."""
        self._device_version = None
        self._bump_or_defer(directory=False)

    def flush(self) -> None:
        """Raise the versions that threads of this request had to leave to the thread that made this object."""
        while self._pending:
            self._bump(self._pending.pop())

    def _fetch(self, policy: CachePolicy, digest: str | None, fetch: Callable[[], T]) -> CachedResponse[T]:
        """`digest`: where the response is stored; None: nowhere."""
        read_at = self._clock()
        try:
            value = fetch()
        except DENIED_ERRORS:
            self._delete(policy, digest)
            raise
        if digest is not None:
            self._save(digest, read_at, value, policy)
        return CachedResponse(value, read_at)

    def _delete(self, policy: CachePolicy, digest: str | None) -> None:
        if policy.reference_data:
            self._directory_version = None
        else:
            self._device_version = None
        if digest is not None:
            self._store.delete(digest)
        self._bump_or_defer(directory=policy.reference_data)

    def _bump_or_defer(self, *, directory: bool) -> None:
        if threading.get_ident() == self._thread:
            self._bump(directory)
        else:
            self._pending.add(directory)

    def _digest(self, key: CacheKey, policy: CachePolicy) -> str | None:
        """The key in the store; None where this request has invalidated that version."""
        version = self._directory_version if policy.reference_data else self._device_version
        if version is None:
            return None
        query = sorted((name, value) for name, value in key.query.items() if value is not None)
        parts = _encoder.encode((*self._owner, version, key.operation, key.path, query))
        return f"{self._group}:{hashlib.blake2b(parts, digest_size=24).hexdigest()}"

    def _load(self, key: CacheKey, digest: str, max_age: float) -> CachedResponse[Any] | None:
        entry = self._store.get(digest)
        if not isinstance(entry, tuple):
            return None
        read_at, encoded = entry
        if not 0 <= self._clock() - read_at < max_age:
            return None
        try:
            return CachedResponse(_decoder(key.shape).decode(encoded), read_at)
        except (msgspec.MsgspecError, UnicodeError):  # stored by another version of the portal
            return None

    def _save(self, digest: str, read_at: float, value: object, policy: CachePolicy) -> None:
        try:
            cacheable = _without_secrets(value)
            encoded = b"" if cacheable is None else _encoder.encode(cacheable)
        except (msgspec.MsgspecError, UnicodeError, OverflowError, RecursionError, TypeError):
            return
        if 0 < len(encoded) <= MAX_BYTES:
            set_in_group(self._store, self._group, digest, (read_at, encoded), policy.stale_if_error)


def set_in_group(store: Any, group: str, key: str, value: Any, seconds: float) -> None:
    """Set a key of Django's cache, in a group to be deleted as a whole if the backend has groups (portal/cache.py)."""
    if hasattr(store, "set_in_group"):
        store.set_in_group(group, key, value, seconds)
    else:
        store.set(key, value, seconds)


def cache_group(session: str) -> str:
    """The prefix of all keys of a session, by which they are deleted."""
    return f"response:{hashlib.blake2b(session.encode(), digest_size=16).hexdigest()}"


def _why(error: GatewayError) -> str:
    if isinstance(error, UserRateExceeded | UserConcurrencyExceeded):
        return "share"
    return "busy" if isinstance(error, ConcurrencyExceeded | RateExceeded) else ""


def _without_secrets(value: Any) -> Any:
    """What of a value may be stored. Metafields can hold keys of other systems: a device is stored without them, and a
    list that has one is not stored."""
    if isinstance(value, DeviceDetails):
        return msgspec.structs.replace(value, meta_field_values=None)
    if isinstance(value, tuple) and any(isinstance(item, Metafield) and _is_key(item) for item in value):
        return None
    return value


def _is_key(metafield: Metafield) -> bool:
    return isinstance(metafield.value, dict) and "key" in str(metafield.value.get("type", "")).casefold()


_encoder = msgspec.msgpack.Encoder()


@cache
def _decoder(shape: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(shape)
