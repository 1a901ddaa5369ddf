"""One valid access token for a session, whatever happens at once: threads, processes, hosts, expiry, sign-out.

Refresh tokens are single-use and a second use may end the whole family, so a refresh is won by compare-and-set on the
grant's row: the winner holds a lease, calls the platform without any transaction or lock, and saves on the version it
used. This works the same on SQLite and PostgreSQL and needs no shared cache. Rows are only ever updated here, never
inserted again: a refresh that ends after a sign-out changes nothing.
"""

from __future__ import annotations

import hashlib
import logging
import random
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F, FloatField, Func, Q, QuerySet
from django.views.decorators.debug import sensitive_variables

from devices.core import preferences
from devices.core.permissions import RIGHTS, Access
from devices.core.preferences import Preferences
from devices.gateway.errors import GatewayError, OutOfTime, TimedOut, Unauthorized, Unreachable
from devices.gateway.timeouts import Deadline
from devices.gateway.types import UserProfile
from portal.auth import oauth
from portal.auth.crypto import Secret, Tokens, Unreadable, seal, unseal
from portal.auth.models import ApiGrant
from portal.auth.signals import forget_answers, scope_of
from portal.auth.sso.identity import Identity, held, pack, unpack

log = logging.getLogger(__name__)

TOKEN_CALL = 6.0
"""Seconds a refresh may take, from winning the lease to the last byte of the answer."""
LEASE = 8.0
"""Seconds nobody else may try. Longer than TOKEN_CALL (checked at start-up): a lease that ends during the call lets a
second request spend the same refresh token."""
WAIT = LEASE + TOKEN_CALL + 1
"""Seconds a request waits for somebody else's refresh: a dead holder's lease, then one whole call. Less where its page
has less left."""
EARLY = 300.0
"""Seconds before expiry at which a refresh is tried, or a fifth of the token's life where that is less."""
ORGANIZATION = "organization:"
"""How the handle of an organization's own token begins; no session's does, for the colon."""
NEVER_ENDS = 4_102_444_800.0
"""The year 2100, as the time when somebody was last seen."""
SESSION_KEY = "grant"
"""The one thing a session holds: the handle."""
MARK = 60.0
"""Seconds between two notes that a person is active, or a tenth of the idle limit where that is less."""
COUNT_TRIES = 3
PAUSE = (0.03, 0.25)
"""Seconds between two looks at the row, at random, so that the waiting do not march in step."""


class Row(NamedTuple):
    """A living grant as read from its row."""

    handle: str
    user: int
    profile: str
    blob: str
    expires_at: float
    refresh_at: float
    version: int
    lease_by: str
    lease_until: float
    last_seen: float
    subject: str
    identity: str
    device_cache_version: int
    directory_cache_version: int
    preferences: Preferences = Preferences()

    def access(self, identity: Identity | None = None) -> Access:
        """`identity`: the person as the sign-on describes them now; by default as it did when they signed in."""
        return access_for(_person.decode(self.profile), self.handle, identity or unpack(self.identity))


_person = msgspec.json.Decoder(UserProfile)

# Plain SQL for the one question of every request: building the same query with the ORM took 0.3 ms, this 0.02 ms.
# Quoted, because a bare `user` is the name of the database's own user in PostgreSQL.
GRANT_COLUMNS = [f'portal_auth_apigrant."{name}"' for name in Row._fields if name != "preferences"]
PREFERENCE_COLUMNS = [f'devices_preference."{name}"' for name in Preferences.__struct_fields__]
READ = (
    f"SELECT {', '.join(GRANT_COLUMNS + PREFERENCE_COLUMNS)} FROM portal_auth_apigrant"  # noqa: S608 - names of columns, from Row  # nosec B608
    " LEFT JOIN devices_preference ON devices_preference.person = portal_auth_apigrant.person"
    " WHERE handle = %s AND NOT revoked AND last_seen > %s AND created_at > %s"
)


def access_for(person: UserProfile, handle: str, identity: Identity | None = None) -> Access:
    """Who is asking, with a scope for their caches that changes at each sign-in and does not give the handle away.

    Whom the platform knows has what their role holds there. Whom only the sign-on knows (id 0) has what ACCESS_GROUPS
    gives to their groups. The portal's own rights come from both.
    """
    scope = scope_of(handle)
    given = held(identity.groups) if identity else frozenset()
    if not person.id:
        role = msgspec.structs.replace(person.role, permissions=given.difference(RIGHTS))
        person = msgspec.structs.replace(person, role=role)
    rights = settings.ACCESS_ROLES.get(person.role.name, frozenset()) if person.id else frozenset()
    subject = identity.subject if identity else ""
    return Access.of(person, scope, rights=rights | given.intersection(RIGHTS), subject=subject)


def read(handle: str) -> Row | None:
    """The living grant of this handle; None when it is gone, revoked, idle for too long, or too old."""
    now = time.time()
    with connection.cursor() as cursor:
        cursor.execute(READ, [handle, now - settings.SESSION_IDLE, now - settings.SESSION_COOKIE_AGE])
        found = cursor.fetchone()
    if not found:
        return None
    split = len(GRANT_COLUMNS)
    return Row._make([*found[:split], preferences.from_row(*found[split:])])


def seen(row: Row) -> None:
    """Note that the person is active. Most requests write nothing, and of those at once one does."""
    now = time.time()
    due = now - min(MARK, settings.SESSION_IDLE / 10)
    if row.last_seen <= due:
        ApiGrant.objects.filter(handle=row.handle, last_seen__lte=due).update(last_seen=now)


def idled(handle: str) -> bool:
    """Whether this grant has ended because its person did nothing for too long. Its tokens are forgotten by then."""
    return _forget(_idle().filter(handle=handle)) or _idle().filter(handle=handle).exists()


def living(rows: QuerySet[ApiGrant]) -> QuerySet[ApiGrant]:
    """Those of these grants that `read` would find."""
    now = time.time()
    return rows.filter(
        revoked=False, last_seen__gt=now - settings.SESSION_IDLE, created_at__gt=now - settings.SESSION_COOKIE_AGE
    )


def _idle() -> QuerySet[ApiGrant]:
    return ApiGrant.objects.filter(last_seen__lte=time.time() - settings.SESSION_IDLE)


def _forget(idle: QuerySet[ApiGrant]) -> bool:
    """Keep that these grants were, and no token. A refresh under way finds another version and saves nothing."""
    handles = list(idle.filter(revoked=False).values_list("handle", flat=True))
    ended = bool(handles) and idle.filter(revoked=False).update(revoked=True, blob="", version=F("version") + 1)
    forget_answers(handles)
    if ended:
        log.info("sessions ended: %s, without activity for %s seconds", ended, settings.SESSION_IDLE)
    return bool(ended)


@sensitive_variables("tokens")
def open_grant(tokens: Tokens | None, person: UserProfile, identity: Identity | None = None) -> str:
    """Store a new sign-in's tokens and return its handle. What is left of sessions that are over is cleared away.

    Without tokens, the organization's own are used (sso/service.py) and `identity` says what for.
    """
    now = time.time()
    ApiGrant.objects.filter(created_at__lte=now - settings.SESSION_COOKIE_AGE).delete()
    _forget(_idle())
    handle = secrets.token_urlsafe(32)
    ApiGrant.objects.create(
        handle=handle,
        user=person.id,
        profile=msgspec.json.encode(person).decode(),
        person=access_for(person, handle, identity).person,
        org=person.org_id,
        blob=seal(tokens, handle, person.id) if tokens else "",
        subject=identity.subject if identity else "",
        sid=identity.sid if identity else "",
        identity=pack(identity),
        last_seen=now,
        created_at=now,
        **(_times(tokens) if tokens else {"expires_at": 0.0, "refresh_at": 0.0}),
    )
    return handle


def close_grant(handle: str, by: str = "themselves") -> None:
    """Delete it. `by`: who ended this session, for the log."""
    row = ApiGrant.objects.filter(handle=handle)
    person = row.values_list("person", flat=True).first()
    if person and row.delete()[0]:
        log.info("a session of %s was ended by %s", person, by)


def bump_cache_version(person: str, user: int, *, directory: bool) -> None:
    """Invalidate this person's cached responses in all their sessions: those about devices, or the `directory`.

    `user`: their id at the platform, 0 if it does not know them. Raises nothing: a change may have been sent, and its
    outcome matters more. Two at once may lock rows in different order, so it is tried again.
    """
    column = "directory_cache_version" if directory else "device_cache_version"
    theirs = ApiGrant.objects.filter(Q(person=person) | Q(user=user) if user else Q(person=person))
    for _attempt in range(COUNT_TRIES):
        try:
            theirs.update(**{column: F(column) + 1})
        except DatabaseError as error:
            log.warning("the cached responses of %s could not be invalidated: %s", person, type(error).__name__)
        else:
            return


def last_begin(page: float) -> Deadline:
    """Until when a renewal may begin that is to end within the `page` seconds of a page."""
    return Deadline(page - min(TOKEN_CALL, page / 3))


class TokenSource:
    """What a Gateway asks for its access token: one of these a request, with the row the request was let in by.

    Whom only the company's sign-on knows has none of their own: the organization's does their calls. A renewal that
    failed is not tried again by the same request, however many parts of its page need a token. `begin`: `last_begin`.
    """

    def __init__(self, row: Row, deadline: Deadline | None = None, begin: Deadline | None = None) -> None:
        self._handle = row.handle
        self._row: Row | None = row
        self._shared = not row.user
        self._deadline = deadline
        self._begin = begin
        self._failed: Callable[[], GatewayError] | None = None

    def __call__(self, rejected: str | None = None) -> str:
        if self._failed is not None:
            raise self._failed()
        try:
            return self._token(rejected)
        except GatewayError as error:
            # Not the error itself: its traceback would keep the frames of this request, and the tokens in them.
            self._failed = partial(type(error), api_status=error.api_status, retry_after=error.retry_after, sent=False)
            raise

    def _token(self, rejected: str | None) -> str:
        if self._shared:
            return organization_token(rejected, deadline=self._deadline, begin=self._begin)
        row, self._row = self._row, None
        return token_for(self._handle, rejected, row=row, deadline=self._deadline, begin=self._begin)


def organization_token(
    rejected: str | None = None, *, deadline: Deadline | None = None, begin: Deadline | None = None
) -> str:
    """The token of this portal's own client, from a row that all processes share. Raises as `token_for`.

    It belongs to no session, so none of their limits ends it; whatever is wrong with it, another one is minted.
    """
    # Another client, or another platform, has another row.
    client = f"{settings.PLATFORM_API_URL} {settings.PLATFORM_API_CLIENT_ID}"
    handle = ORGANIZATION + hashlib.sha256(client.encode()).hexdigest()[:40]
    row = read(handle)
    if row is None:
        # Its profile is nobody's, and empty for whoever goes through them all.
        times = {"expires_at": 0.0, "refresh_at": 0.0, "last_seen": NEVER_ENDS, "created_at": NEVER_ENDS}
        ApiGrant.objects.get_or_create(handle=handle, defaults={"user": 0, "profile": "{}", "blob": "", **times})
    return token_for(handle, rejected, row=row, deadline=deadline, begin=begin)


@sensitive_variables("tokens", "rejected")
def token_for(
    handle: str,
    rejected: str | None = None,
    *,
    row: Row | None = None,
    deadline: Deadline | None = None,
    begin: Deadline | None = None,
) -> str:
    """A valid access token; `rejected` is one that just got a 401. `row`, when given, saves the first look.

    Others are waited for until `deadline`. A call of one's own is never cut short by it: its answer is needed by all.
    But it is not begun after `begin`: `last_begin` of the whole page, where a reading one has a shorter `deadline`.
    Raises Unauthorized when a new sign-in is needed, TimedOut when another request's refresh does not end, and the
    platform's own error when the refresh failed but may work later.
    """
    wait = Deadline(WAIT if deadline is None else min(WAIT, deadline.left()))
    known, holder = row, ""
    while True:
        current, known = known or read(handle), None
        if current is None:
            raise Unauthorized(operation="refresh_token")
        tokens = _open(current)
        now = time.time()
        usable = bool(tokens.life) and now < current.expires_at and not (rejected and tokens.access.matches(rejected))
        if usable and now < current.refresh_at:
            return tokens.access.reveal()
        if holder and not usable and not current.lease_by:
            # The one we waited for gave up. If every waiting request now tried in its turn, a failing endpoint would
            # be called once for each.
            raise Unreachable(operation="refresh_token")
        late = begin is not None and begin.left() <= 0
        if late and not usable:
            raise OutOfTime(operation="refresh_token")
        lease = _win(current) if current.lease_until <= now and not late else ""
        if lease:
            try:
                _refresh(current, tokens, lease, keep_lease=usable)
                continue
            except Unauthorized:
                raise
            except GatewayError:
                if not usable:
                    raise
        if usable:
            return tokens.access.reveal()
        if wait.left() < 0:
            raise TimedOut(operation="refresh_token")
        holder = current.lease_by
        time.sleep(random.uniform(*PAUSE))  # noqa: S311 - spreads load, guards nothing  # nosec B311


class _Now(Func):
    """Seconds since 1970 by the clock of the database, the one clock that all hosts share.

    By their own, a host a few seconds ahead would take a lease that is still held. And a lease begins when it is
    written: until then a busy SQLite may have kept the request waiting for longer than a lease lasts.
    """

    output_field = FloatField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[str | int, ...]]:
        return "EXTRACT(EPOCH FROM clock_timestamp())::float8", ()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[str | int, ...]]:
        return "((julianday('now') - 2440587.5) * 86400.0)", ()


def _win(row: Row) -> str:
    """Take the lease on exactly this version of the row; an empty string when somebody else was quicker."""
    lease = secrets.token_hex(16)
    won = ApiGrant.objects.filter(
        handle=row.handle, version=row.version, revoked=False, lease_until__lte=_Now()
    ).update(lease_by=lease, lease_until=_Now() + LEASE)
    return lease if won else ""


@sensitive_variables("tokens", "fresh")
def _refresh(row: Row, tokens: Tokens, lease: str, *, keep_lease: bool) -> None:
    """Spend the refresh token and save what came, before anybody uses it.

    After a failure that may pass, the lease is given back; with `keep_lease` it runs out by itself, so that an early
    refresh is not tried anew by every request while the present token still works.
    """
    try:
        fresh = _fresh(row, tokens)
    except oauth.WrongCredentials as error:
        _lose(row, lease)
        raise Unauthorized(operation="refresh_token", api_status=error.api_status) from None
    except GatewayError as error:
        log.warning("refresh of a grant of user %s failed: %s", row.user, type(error).__name__)
        if not keep_lease:
            ApiGrant.objects.filter(handle=row.handle, lease_by=lease).update(lease_by="", lease_until=0.0)
        raise
    # On the version alone: if our lease ran out meanwhile, the newest tokens still win over none.
    ApiGrant.objects.filter(handle=row.handle, version=row.version).update(
        blob=seal(fresh, row.handle, row.user),
        version=row.version + 1,
        lease_by="",
        lease_until=0.0,
        revoked=False,
        **_times(fresh),
    )


@sensitive_variables("tokens", "fresh")
def _fresh(row: Row, tokens: Tokens) -> Tokens:
    """The call itself. Raises WrongCredentials where only a new sign-in helps, and what the platform raises."""
    if row.handle.startswith(ORGANIZATION):
        return oauth.client_tokens(seconds=TOKEN_CALL)
    if tokens.refresh is None:
        raise oauth.WrongCredentials(operation="refresh_token")
    fresh = oauth.refresh(tokens.refresh, seconds=TOKEN_CALL)
    # RFC 6749 §6: no new refresh token means that the old one stays good.
    return Tokens(fresh.access, fresh.refresh or tokens.refresh, fresh.life)


def _lose(row: Row, lease: str) -> None:
    log.info("the grant of user %s has ended: the platform refused its refresh token", row.user)
    ApiGrant.objects.filter(handle=row.handle, version=row.version, lease_by=lease).update(revoked=True)


def _open(row: Row) -> Tokens:
    try:
        return unseal(row.blob, row.handle, row.user)
    except Unreadable as error:
        if row.handle.startswith(ORGANIZATION):
            return Tokens(Secret(""), None, 0.0)  # not minted yet, or sealed with a key that is gone
        log.warning("the grant of user %s is revoked: %s", row.user, error)
        ApiGrant.objects.filter(handle=row.handle, version=row.version).update(revoked=True)
        raise Unauthorized(operation="refresh_token") from None


def _times(tokens: Tokens) -> dict[str, float]:
    now = time.time()
    return {"expires_at": now + tokens.life, "refresh_at": now + tokens.life - min(tokens.life / 5, EARLY)}
