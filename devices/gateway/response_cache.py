"""Answers of the API that are kept for a while: which, for whom, for how long, and what happens to them.

**Who.** A kept answer is given to the session (grant) that read it and to no other: its key is a digest of the address
of the API, the person, their user id and organization there, the session, the operation, its path and its query. Two
people never share one, nor do two sessions of one person, nor a session whose handle comes again for somebody else.

**How long.** `RULES` has two times for each operation. For `fresh_for` seconds after it was asked for, an answer is
given again without a call (for most operations 0: they always call). Until `keep_for` it is given only where a new one
could not be read (`HELPED`), and then `Gateway.stale` says so, with the time it was asked for. Older ones are never
given, nor is anything ever instead of a 401, 403 or 404: those delete what was kept.

**One's own changes.** No request that begins after a change of the same person ended (made, refused or unknown; in any
of their sessions and any process) is given an answer about devices that was asked for before it. A change counts
`generation` up in all grants of the person, before it is sent and again after; a request reads the count when it
begins, looks for answers of that count only, and keeps what it reads under it, however late that comes. The request
that makes the change reads nothing about devices from here, and keeps nothing once it has. What no change here can
touch (`word`: names of templates, organizations, people) hangs on a count of its own (`words`). A 401, 403 or 404
counts up too, so that no request that begins after it is given what another process has kept.

**Other people's changes** may be seen `fresh_for` seconds late, and never by `Gateway.fresh()`, which is given nothing
from here: whatever proves, confirms or precedes a change asks with it. Where it cannot read, it raises.

**At the same time** the threads of one process make one call of the same question of the same session (`Flights`).

Kept are the values of types.py in MessagePack, never what came over the wire: types.py has no place for a device's
credential. What is too large (`LARGEST`) or cannot be written down is not kept.
"""

from __future__ import annotations

import copy
import hashlib
import math
import threading
import time
from collections.abc import Callable
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
from devices.gateway.transport import Query
from devices.gateway.types import DeviceDetails, Metafield

T = TypeVar("T")
Clock = Callable[[], float]

LARGEST = 256 * 1024
"""Bytes of one kept answer."""
WAIT = 15.0
"""Seconds to wait for another thread's call where the page has no deadline."""


class CachePolicy(NamedTuple):
    """How long an answer is given again (`fresh_for`) and how long it may stand in for a new one (`keep_for`), in
    seconds. `word`: no change that the portal makes can touch it.
    """

    fresh_for: float = 0.0
    keep_for: float = 3600.0
    word: bool = False


LAST_GOOD = CachePolicy()
"""Lists, values, timelines, the online state: always asked for."""
WORDS = CachePolicy(fresh_for=600.0, word=True)
CACHE_POLICIES: dict[str, CachePolicy] = {
    "get_base_info": CachePolicy(fresh_for=15.0),
    "list_tags": CachePolicy(fresh_for=60.0),
    "get_user_profile": WORDS,
    "get_own_organization": WORDS,
    "get_organization": WORDS,
    "list_sub_organizations": WORDS,
    "list_users": WORDS,
    "list_templates": WORDS,
    "list_template_events": WORDS,
}

STALE_IF_ERROR_FOR = (Unreachable, TimedOut, ServerFault, BadReply, ConcurrencyExceeded, RateLimited)
"""What an old answer stands in for."""
REFUSED = (Unauthorized, Forbidden, NotFound)
ALIKE = (Unreachable, ServerFault, BadReply)
"""What befell one call and would befall another at the same moment. A time-out may be that of one page."""


class Stale(NamedTuple):
    """An old answer that was given because no new one could be read. `operation`: the name of the Gateway's method.
    `read_at`: when it was asked for (seconds since 1970). `why`: as in Answer.
    """

    operation: str
    read_at: float
    why: str = ""


class Owner(NamedTuple):
    """Whose answers they are. `session`: tells this sign-in from every other."""

    base_url: str
    person: str
    user_id: int
    org_id: int | None
    session: str


class Counts(NamedTuple):
    """As they stood when the request began."""

    generation: int
    words: int


class CacheKey(NamedTuple):
    """`shape`: the type of the answer."""

    operation: str
    path: str
    query: Query
    shape: Any


class CachedResponse(NamedTuple, Generic[T]):
    """`asked_at`: seconds since 1970. `old`: it stands in for one that could not be read. `why`: "share" or "busy"
    where the portal itself did not ask, because of this person's calls or of everybody's; else empty.
    """

    value: T
    asked_at: float
    old: bool = False
    why: str = ""


class Store(Protocol):
    """Where answers are kept: Django's cache. Whatever it has lost is asked for again."""

    def get(self, key: str) -> Any: ...
    def set(self, key: str, value: Any, timeout: float) -> Any: ...
    def delete(self, key: str) -> Any: ...


class _Flight:
    __slots__ = ("answer", "error", "landed", "over")

    def __init__(self) -> None:
        self.over = threading.Event()
        self.landed = False
        self.answer: Any = None
        self.error: GatewayError | None = None


class SingleFlight:
    """Calls that are under way in this process: whoever asks the same at the same time waits for the one answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _Flight] = {}

    def share(self, key: str, ask: Callable[[], T], wait: float, operation: str) -> T:
        """`ask()`, or what somebody else's `ask()` for this key gives within `wait` seconds; TimedOut after that.

        A call that fails by its own limits (its page's time, its session) is not the others' failure: they ask.
        """
        with self._lock:
            flight = self._open.get(key)
            first = flight is None
            if flight is None:
                flight = self._open[key] = _Flight()
        if first:
            return self._fly(key, flight, ask)
        if not flight.over.wait(max(wait, 0.0)):
            raise TimedOut(operation=operation, sent=False)
        if flight.landed:
            answer: T = flight.answer
            return answer
        if isinstance(flight.error, ALIKE):
            raise copy.copy(flight.error)
        return ask()

    def _fly(self, key: str, flight: _Flight, ask: Callable[[], T]) -> T:
        try:
            flight.answer = answer = ask()
            flight.landed = True
        except GatewayError as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                del self._open[key]
            flight.over.set()
        return answer


_flights = SingleFlight()


class ResponseCache:
    """The kept answers of one session, for one request and the threads it starts.

    `bump(words)` counts up in every grant of the person, for answers about devices or for words; it is called in the
    thread that made this object, and raises nothing. `changing`: the request may change something, so it is given
    nothing about devices and no old words.
    """

    def __init__(
        self,
        store: Store,
        owner: Owner,
        counts: Counts,
        bump: Callable[[bool], None],
        *,
        changing: bool = False,
        clock: Clock = time.time,
        flights: SingleFlight = _flights,
    ) -> None:
        self._store = store
        self._owner = owner
        self._group = group_of(owner.session)
        self._generation: int | None = counts.generation
        self._words: int | None = counts.words
        self._bump = bump
        self._changing = changing
        self._clock = clock
        self._flights = flights
        self._thread = threading.get_ident()
        self._owed: set[bool] = set()

    def read(self, question: CacheKey, ask: Callable[[], T], *, wait: float | None = None) -> CachedResponse[T]:
        """The answer, kept or asked for. Raises what `ask` raises, and TimedOut when another thread's call did not end
        within `wait` seconds."""
        rule = CACHE_POLICIES.get(question.operation, LAST_GOOD)
        key = self._key(question, rule) if rule.keep_for else None
        if key is None or (self._changing and not rule.word):
            return self._ask(question, rule, None, ask)
        if rule.fresh_for:
            kept = self._look(question, key, rule.fresh_for)
            if kept is not None:
                return kept
        try:
            if not rule.fresh_for:
                return self._ask(question, rule, key, ask)
            patience = WAIT if wait is None else wait
            return self._flights.share(key, lambda: self._ask(question, rule, key, ask), patience, question.operation)
        except STALE_IF_ERROR_FOR as error:
            kept = None if self._changing else self._look(question, key, rule.keep_for)
            if kept is None:
                raise
            return kept._replace(old=True, why=_why(error))

    def anew(self, question: CacheKey, ask: Callable[[], T]) -> CachedResponse[T]:
        """Asked for, whatever is kept. Of what is always asked for, nothing is kept here: no page will want it."""
        rule = CACHE_POLICIES.get(question.operation, LAST_GOOD)
        key = self._key(question, rule) if rule.fresh_for and (rule.word or not self._changing) else None
        return self._ask(question, rule, key, ask)

    def kept(self, question: CacheKey, within: float = math.inf) -> CachedResponse[Any] | None:
        """The last good answer as far as it is kept, less than `within` seconds old, without asking; None where there
        is none. What changes something may ask too: it is for words beside the change, and decides nothing."""
        rule = CACHE_POLICIES.get(question.operation, LAST_GOOD)
        key = self._key(question, rule) if rule.keep_for else None
        return None if key is None else self._look(question, key, min(within, rule.keep_for))

    def changed(self) -> None:
        """Something about devices changes now, or has: nothing that was asked for before is given after this."""
        self._generation = None
        self._count(words=False)

    def settle(self) -> None:
        """Count what threads of this request had to leave to the one that made it."""
        while self._owed:
            self._bump(self._owed.pop())

    def _ask(self, question: CacheKey, rule: CachePolicy, key: str | None, ask: Callable[[], T]) -> CachedResponse[T]:
        asked_at = self._clock()
        try:
            answer = ask()
        except REFUSED:
            self._refused(rule, key)
            raise
        if key is not None:
            self._keep(key, asked_at, answer, rule)
        return CachedResponse(answer, asked_at)

    def _refused(self, rule: CachePolicy, key: str | None) -> None:
        if rule.word:
            self._words = None
        else:
            self._generation = None
        if key is not None:
            self._store.delete(key)
        self._count(words=rule.word)

    def _count(self, *, words: bool) -> None:
        if threading.get_ident() == self._thread:
            self._bump(words)
        else:
            self._owed.add(words)

    def _key(self, question: CacheKey, rule: CachePolicy) -> str | None:
        count = self._words if rule.word else self._generation
        if count is None:
            return None
        query = sorted((name, value) for name, value in question.query.items() if value is not None)
        told = _encoder.encode((*self._owner, count, question.operation, question.path, query))
        return f"{self._group}:{hashlib.blake2b(told, digest_size=24).hexdigest()}"

    def _look(self, question: CacheKey, key: str, within: float) -> CachedResponse[Any] | None:
        """The kept answer and when it was asked for, if that is at most `within` seconds ago."""
        kept = self._store.get(key)
        if not isinstance(kept, tuple):
            return None
        asked_at, written = kept
        if not 0 <= self._clock() - asked_at < within:
            return None
        try:
            return CachedResponse(_decoder(question.shape).decode(written), asked_at)
        except (msgspec.MsgspecError, UnicodeError):  # another version of the portal has kept it
            return None

    def _keep(self, key: str, asked_at: float, answer: object, rule: CachePolicy) -> None:
        try:
            kept = _without_secrets(answer)
            written = b"" if kept is None else _encoder.encode(kept)
        except (msgspec.MsgspecError, UnicodeError, OverflowError, RecursionError, TypeError):
            return
        if 0 < len(written) <= LARGEST:
            keep_in(self._store, self._group, key, (asked_at, written), rule.keep_for)


def keep_in(store: Any, group: str, key: str, value: Any, seconds: float) -> None:
    """Into Django's cache, under a group that is deleted together where the cache knows groups (portal/cache.py)."""
    if hasattr(store, "keep"):
        store.keep(group, key, value, seconds)
    else:
        store.set(key, value, seconds)


def group_of(session: str) -> str:
    """How the keys of a session's answers begin, and what they are deleted by."""
    return f"answer:{hashlib.blake2b(session.encode(), digest_size=16).hexdigest()}"


def _why(error: GatewayError) -> str:
    if isinstance(error, UserRateExceeded | UserConcurrencyExceeded):
        return "share"
    return "busy" if isinstance(error, ConcurrencyExceeded | RateExceeded) else ""


def _without_secrets(answer: Any) -> Any:
    """What of an answer may be kept. Metafields can hold keys of other systems: those are left out, and a list of
    metafields that has one is not kept."""
    if isinstance(answer, DeviceDetails):
        return msgspec.structs.replace(answer, meta_field_values=None)
    if isinstance(answer, tuple) and any(isinstance(item, Metafield) and _is_key(item) for item in answer):
        return None
    return answer


def _is_key(field: Metafield) -> bool:
    return isinstance(field.value, dict) and "key" in str(field.value.get("type", "")).casefold()


_encoder = msgspec.msgpack.Encoder()


@cache
def _decoder(shape: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(shape)
