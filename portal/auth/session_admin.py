"""Who is signed in, and ending their sessions: at once, in every process, since each request asks for its grant."""

from __future__ import annotations

import logging
from collections.abc import Collection

import msgspec
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet

from portal.auth import grants
from portal.auth.models import ApiGrant, SsoLogin
from portal.auth.sso import logins

log = logging.getLogger(__name__)

LONGEST_ID = 19
"""Digits of a user id, which has 63 bits. Python refuses to read a number of thousands of digits."""


class _Named(msgspec.Struct, frozen=True):
    """What is wanted of a stored profile."""

    email: str = ""
    name: str | None = None


_decoder = msgspec.json.Decoder(_Named)


class SignedIn(msgspec.Struct, frozen=True):
    """A person with living sessions. Times in seconds since 1970: of the oldest sign-in, and of the last activity."""

    person: str
    name: str
    email: str
    sessions: int
    since: float
    last_seen: float


def signed_in(rows: QuerySet[ApiGrant]) -> list[SignedIn]:
    """The people of these grants that live, the last active first."""
    found: dict[str, SignedIn] = {}
    living = grants.living(rows).order_by("-last_seen", "handle")
    for person, profile, since, seen in living.values_list("person", "profile", "created_at", "last_seen"):
        if known := found.get(person):
            found[person] = msgspec.structs.replace(known, sessions=known.sessions + 1, since=min(known.since, since))
        else:
            who = _decoder.decode(profile)
            found[person] = SignedIn(person, who.name or who.email, who.email, 1, since, seen)
    return list(found.values())


def of_organization(org_id: int | None) -> QuerySet[ApiGrant]:
    """Nobody's for a person without an organization: two such have nothing in common."""
    return ApiGrant.objects.none() if org_id is None else ApiGrant.objects.filter(org=org_id)


def of_account(words: str) -> QuerySet[ApiGrant]:
    """By user id, by e-mail in any case, or by `Access.person`."""
    wanted = words.strip().casefold()
    if not wanted:
        return ApiGrant.objects.none()
    alike = [
        handle
        for handle, profile in ApiGrant.objects.values_list("handle", "profile").iterator()
        if _decoder.decode(profile).email.casefold() == wanted
    ]
    query = Q(handle__in=alike) | Q(person=words.strip())
    if len(wanted) <= LONGEST_ID and wanted.isascii() and wanted.isdigit() and 0 < int(wanted) < 2**63:
        query |= Q(user=int(wanted))
    return ApiGrant.objects.filter(query)


def end(rows: QuerySet[ApiGrant], by: str) -> int:
    """Delete these grants, what the sign-on keeps of their people, and their sessions. Tells how many were living.

    `by`: who did it, for the log, where each ended session has a line. A refresh that is under way saves nothing.
    """
    found = list(rows.values_list("handle", "person", "subject"))
    living = set(grants.living(rows).values_list("handle", flat=True))
    ApiGrant.objects.filter(handle__in=[handle for handle, _, _ in found]).delete()
    SsoLogin.objects.filter(subject__in={subject for _, _, subject in found if subject}).delete()
    delete_sessions({handle for handle, _, _ in found})
    for handle, person, _ in found:
        if handle in living:
            log.info("a session of %s was ended by %s", person, by)
    return len(living)


def delete_sessions(handles: Collection[str]) -> None:
    """Without its grant a session opens nothing; this leaves none behind. Only its own content tells whose it is.

    `handles`: of grants, and of sign-ons whose account is not connected yet.
    """
    keys = [
        session.session_key
        for session in Session.objects.iterator(chunk_size=500)
        if (held := session.get_decoded()).get(grants.SESSION_KEY) in handles or held.get(logins.SESSION_KEY) in handles
    ]
    Session.objects.filter(session_key__in=keys).delete()
