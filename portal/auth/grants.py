"""The API grant of a session: a valid access token for concurrent threads, processes and hosts.

Refresh tokens are single-use, and a second use can revoke the whole family. So a request first takes a lease on the
grant's row by compare-and-set, then calls the platform without a transaction or lock, and saves on the version it read.
It never inserts the row again, so a refresh that ends after a sign-out changes nothing.
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
from portal.auth.crypto import DecryptionError, Secret, Tokens, seal, unseal
from portal.auth.models import ApiGrant
from portal.auth.signals import cache_scope, drop_cached_responses
from portal.auth.sso.identity import Identity, granted, pack, unpack

log = logging.getLogger(__name__)

REFRESH_TIMEOUT = 6.0
"""Seconds for a refresh, from taking the lease to the last byte of the response."""
REFRESH_LEASE = 8.0
"""Seconds. Longer than REFRESH_TIMEOUT (checked at start-up), or two requests could spend one refresh token."""
MAX_WAIT = REFRESH_LEASE + REFRESH_TIMEOUT + 1
"""Seconds, at most, to wait for another request's refresh: the lease of a dead holder, then one whole call."""
REFRESH_EARLY = 300.0
"""Seconds before expiry at which a refresh starts, or a fifth of `expires_in` if that is less."""
ORGANIZATION_PREFIX = "organization:"
"""Prefix of the organization token's handle. A session's handle has no colon."""
NEVER_ENDS = 4_102_444_800.0
"""The year 2100, as `last_seen` and `created_at` of the organization's token."""
SESSION_KEY = "grant"
ACTIVITY_INTERVAL = 60.0
"""Seconds between two writes of `last_seen`, or a tenth of the idle limit if that is less."""
MAX_TRIES = 3
POLL_DELAYS = (0.03, 0.25)
"""Seconds between two reads of the row, random so that waiting requests do not run in step."""


class GrantRow(NamedTuple):
    """An active grant as read from its row."""

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
        """`identity`: the person as the sign-on describes them now; by default, as it did at sign-in."""
        return access_for(_person.decode(self.profile), self.handle, identity or unpack(self.identity))


_person = msgspec.json.Decoder(UserProfile)

# Plain SQL, because every request runs it: building the query with the ORM took 0.3 ms, this takes 0.02 ms.
# Quoted, because in PostgreSQL an unquoted `user` is the database user.
GRANT_COLUMNS = [f'portal_auth_apigrant."{name}"' for name in GrantRow._fields if name != "preferences"]
PREFERENCE_COLUMNS = [f'devices_preference."{name}"' for name in Preferences.__struct_fields__]
SELECT_GRANT = (
    f"SELECT {', '.join(GRANT_COLUMNS + PREFERENCE_COLUMNS)} FROM portal_auth_apigrant"  # noqa: S608 - column names, from GrantRow  # nosec B608
    " LEFT JOIN devices_preference ON devices_preference.person = portal_auth_apigrant.person"
    " WHERE handle = %s AND NOT revoked AND last_seen > %s AND created_at > %s"
)


def access_for(person: UserProfile, handle: str, identity: Identity | None = None) -> Access:
    """The person's permissions, and a cache scope that differs for each sign-in.

    A person with a platform account has the permissions of their role. A person known only to the sign-on (id 0) has
    what ACCESS_GROUPS grants to their groups. The portal's own rights come from both.
    """
    scope = cache_scope(handle)
    by_group = granted(identity.groups) if identity else frozenset()
    if not person.id:
        role = msgspec.structs.replace(person.role, permissions=by_group.difference(RIGHTS))
        person = msgspec.structs.replace(person, role=role)
    rights = settings.ACCESS_ROLES.get(person.role.name, frozenset()) if person.id else frozenset()
    subject = identity.subject if identity else ""
    return Access.of(person, scope, rights=rights | by_group.intersection(RIGHTS), subject=subject)


def read(handle: str) -> GrantRow | None:
    """The active grant of this handle; None if it is gone, revoked, idle for too long, or too old."""
    now = time.time()
    with connection.cursor() as cursor:
        cursor.execute(SELECT_GRANT, [handle, now - settings.SESSION_IDLE, now - settings.SESSION_COOKIE_AGE])
        found = cursor.fetchone()
    if not found:
        return None
    split = len(GRANT_COLUMNS)
    return GrantRow._make([*found[:split], preferences.from_row(*found[split:])])


def record_activity(row: GrantRow) -> None:
    """Update `last_seen`. Most requests write nothing, and only one of several concurrent requests does."""
    now = time.time()
    due = now - min(ACTIVITY_INTERVAL, settings.SESSION_IDLE / 10)
    if row.last_seen <= due:
        ApiGrant.objects.filter(handle=row.handle, last_seen__lte=due).update(last_seen=now)


def timed_out(handle: str) -> bool:
    """Whether this grant ended by inactivity. Its tokens are deleted by then."""
    return _revoke(_idle().filter(handle=handle)) or _idle().filter(handle=handle).exists()


def active(rows: QuerySet[ApiGrant]) -> QuerySet[ApiGrant]:
    """The grants among `rows` that `read` would find."""
    now = time.time()
    return rows.filter(
        revoked=False, last_seen__gt=now - settings.SESSION_IDLE, created_at__gt=now - settings.SESSION_COOKIE_AGE
    )


def _idle() -> QuerySet[ApiGrant]:
    return ApiGrant.objects.filter(last_seen__lte=time.time() - settings.SESSION_IDLE)


def _revoke(idle: QuerySet[ApiGrant]) -> bool:
    """Delete the tokens and keep the rows. A running refresh finds another version and saves nothing."""
    handles = list(idle.filter(revoked=False).values_list("handle", flat=True))
    ended = bool(handles) and idle.filter(revoked=False).update(revoked=True, blob="", version=F("version") + 1)
    drop_cached_responses(handles)
    if ended:
        log.info("ended %s sessions after %s seconds without activity", ended, settings.SESSION_IDLE)
    return bool(ended)


@sensitive_variables("tokens")
def open_grant(tokens: Tokens | None, person: UserProfile, identity: Identity | None = None) -> str:
    """Store the tokens of a new sign-in and return its handle. Also deletes what is left of ended sessions.

    Without tokens, the organization's token makes the calls (sso/service.py), with the permissions of `identity`.
    """
    now = time.time()
    ApiGrant.objects.filter(created_at__lte=now - settings.SESSION_COOKIE_AGE).delete()
    _revoke(_idle())
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


def close_grant(handle: str, by: str = "the user") -> None:
    """Delete the grant. `by`: who ended the session, for the log."""
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
    for _attempt in range(MAX_TRIES):
        try:
            theirs.update(**{column: F(column) + 1})
        except DatabaseError as error:
            log.warning("the cached responses of %s could not be invalidated: %s", person, type(error).__name__)
        else:
            return


def refresh_cutoff(page: float) -> Deadline:
    """Until when a refresh may start that must end within the `page` seconds of a page."""
    return Deadline(page - min(REFRESH_TIMEOUT, page / 3))


class TokenSource:
    """Gives a Gateway its access token: one object a request, with the grant that admitted the request.

    A person without a platform account uses the organization's token. A failed refresh is not repeated within the
    request, however many calls need a token. `cutoff`: `refresh_cutoff`.
    """

    def __init__(self, row: GrantRow, deadline: Deadline | None = None, cutoff: Deadline | None = None) -> None:
        self._handle = row.handle
        self._row: GrantRow | None = row
        self._shared = not row.user
        self._deadline = deadline
        self._cutoff = cutoff
        self._failed: Callable[[], GatewayError] | None = None

    def __call__(self, rejected: str | None = None) -> str:
        if self._failed is not None:
            raise self._failed()
        try:
            return self._token(rejected)
        except GatewayError as error:
            # Not the error itself: its traceback would keep this request's frames, and the tokens in them.
            self._failed = partial(type(error), api_status=error.api_status, retry_after=error.retry_after, sent=False)
            raise

    def _token(self, rejected: str | None) -> str:
        if self._shared:
            return organization_token(rejected, deadline=self._deadline, cutoff=self._cutoff)
        row, self._row = self._row, None
        return token_for(self._handle, rejected, row=row, deadline=self._deadline, cutoff=self._cutoff)


def organization_token(
    rejected: str | None = None, *, deadline: Deadline | None = None, cutoff: Deadline | None = None
) -> str:
    """The organization's token, from a row shared by all processes. No session limit applies. Raises as `token_for`."""
    # One row for each client and platform.
    client = f"{settings.PLATFORM_API_URL} {settings.PLATFORM_API_CLIENT_ID}"
    handle = ORGANIZATION_PREFIX + hashlib.sha256(client.encode()).hexdigest()[:40]
    row = read(handle)
    if row is None:
        # An empty profile, for code that reads all rows.
        times = {"expires_at": 0.0, "refresh_at": 0.0, "last_seen": NEVER_ENDS, "created_at": NEVER_ENDS}
        ApiGrant.objects.get_or_create(handle=handle, defaults={"user": 0, "profile": "{}", "blob": "", **times})
    return token_for(handle, rejected, row=row, deadline=deadline, cutoff=cutoff)


@sensitive_variables("tokens", "rejected")
def token_for(
    handle: str,
    rejected: str | None = None,
    *,
    row: GrantRow | None = None,
    deadline: Deadline | None = None,
    cutoff: Deadline | None = None,
) -> str:
    """A valid access token. `rejected`: one that just got a 401. `row`: the grant, if it was just read.

    Waits for another request's refresh until `deadline`. The deadline does not cut short this request's own refresh,
    as all requests need its response, but no refresh starts after `cutoff` (`refresh_cutoff` of the whole page).
    Raises Unauthorized when a new sign-in is needed, TimedOut when another request's refresh takes too long, and the
    platform's own error when the refresh failed but may work later.
    """
    wait = Deadline(MAX_WAIT if deadline is None else min(MAX_WAIT, deadline.left()))
    known, holder = row, ""
    while True:
        current, known = known or read(handle), None
        if current is None:
            raise Unauthorized(operation="refresh_token")
        tokens = _decrypt(current)
        now = time.time()
        usable = (
            bool(tokens.expires_in) and now < current.expires_at and not (rejected and tokens.access.matches(rejected))
        )
        if usable and now < current.refresh_at:
            return tokens.access.reveal()
        if holder and not usable and not current.lease_by:
            # The refresh we waited for failed. Trying again would make one call a waiting request.
            raise Unreachable(operation="refresh_token")
        late = cutoff is not None and cutoff.left() <= 0
        if late and not usable:
            raise OutOfTime(operation="refresh_token")
        lease = _acquire_lease(current) if current.lease_until <= now and not late else ""
        if lease:
            try:
                _refresh(current, tokens, lease, keep_lease=usable)
                continue
            except GatewayError as error:
                if not usable or isinstance(error, Unauthorized):
                    raise
        if usable:
            return tokens.access.reveal()
        if wait.left() < 0:
            raise TimedOut(operation="refresh_token")
        holder = current.lease_by
        time.sleep(random.uniform(*POLL_DELAYS))  # noqa: S311 - spreads load, guards nothing  # nosec B311


class DatabaseNow(Func):
    """Unix seconds by the database's clock at the write: hosts' clocks differ, and a busy SQLite can delay a write."""

    output_field = FloatField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[str | int, ...]]:
        return "EXTRACT(EPOCH FROM clock_timestamp())::float8", ()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[str | int, ...]]:
        return "((julianday('now') - 2440587.5) * 86400.0)", ()


def _acquire_lease(row: GrantRow) -> str:
    """Take the lease on exactly this version of the row; an empty string if another request was first."""
    lease = secrets.token_hex(16)
    won = ApiGrant.objects.filter(
        handle=row.handle, version=row.version, revoked=False, lease_until__lte=DatabaseNow()
    ).update(lease_by=lease, lease_until=DatabaseNow() + REFRESH_LEASE)
    return lease if won else ""


@sensitive_variables("tokens", "fresh")
def _refresh(row: GrantRow, tokens: Tokens, lease: str, *, keep_lease: bool) -> None:
    """Refresh the tokens, and save the new ones before anyone uses them.

    A temporary failure releases the lease, except with `keep_lease`: then an early refresh is not repeated at once.
    """
    try:
        fresh = _request_tokens(row, tokens)
    except oauth.WrongCredentials as error:
        log.info("the grant of user %s ended: the platform rejected its refresh token", row.user)
        ApiGrant.objects.filter(handle=row.handle, version=row.version, lease_by=lease).update(revoked=True)
        raise Unauthorized(operation="refresh_token", api_status=error.api_status) from None
    except GatewayError as error:
        log.warning("refreshing the tokens of user %s failed: %s", row.user, type(error).__name__)
        if not keep_lease:
            ApiGrant.objects.filter(handle=row.handle, lease_by=lease).update(lease_by="", lease_until=0.0)
        raise
    # On the version only: even if the lease expired in the meantime, these are the newest tokens.
    ApiGrant.objects.filter(handle=row.handle, version=row.version).update(
        blob=seal(fresh, row.handle, row.user),
        version=row.version + 1,
        lease_by="",
        lease_until=0.0,
        revoked=False,
        **_times(fresh),
    )


@sensitive_variables("tokens", "fresh")
def _request_tokens(row: GrantRow, tokens: Tokens) -> Tokens:
    """The token call. Raises WrongCredentials if only a new sign-in helps, or the platform's GatewayError."""
    if row.handle.startswith(ORGANIZATION_PREFIX):
        return oauth.client_tokens(seconds=REFRESH_TIMEOUT)
    if tokens.refresh is None:
        raise oauth.WrongCredentials(operation="refresh_token")
    fresh = oauth.refresh(tokens.refresh, seconds=REFRESH_TIMEOUT)
    # RFC 6749 §6: without a new refresh token the old one stays valid.
    return Tokens(fresh.access, fresh.refresh or tokens.refresh, fresh.expires_in)


def _decrypt(row: GrantRow) -> Tokens:
    try:
        return unseal(row.blob, row.handle, row.user)
    except DecryptionError as error:
        if row.handle.startswith(ORGANIZATION_PREFIX):
            return Tokens(Secret(""), None, 0.0)  # none yet, or encrypted with a removed key
        log.warning("the grant of user %s cannot be decrypted: %s", row.user, error)
        ApiGrant.objects.filter(handle=row.handle, version=row.version).update(revoked=True)
        raise Unauthorized(operation="refresh_token") from None


def _times(tokens: Tokens) -> dict[str, float]:
    now = time.time()
    return {
        "expires_at": now + tokens.expires_in,
        "refresh_at": now + tokens.expires_in - min(tokens.expires_in / 5, REFRESH_EARLY),
    }
