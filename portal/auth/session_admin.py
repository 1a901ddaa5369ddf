"""Lists who is signed in and ends their sessions, in every process: each request reads its grant."""

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

MAX_ID_DIGITS = 19
"""Digits of a 63-bit user id. Python raises on numbers with thousands of digits."""


class _Profile(msgspec.Struct, frozen=True):
    """The members of a stored profile that are needed here."""

    email: str = ""
    name: str | None = None


_decoder = msgspec.json.Decoder(_Profile)


class SignedIn(msgspec.Struct, frozen=True):
    """A person with active sessions. `since`: their oldest sign-in. Times in Unix seconds."""

    person: str
    name: str
    email: str
    sessions: int
    since: float
    last_seen: float


def list_signed_in(rows: QuerySet[ApiGrant]) -> list[SignedIn]:
    """The people with active grants among `rows`, the last active first."""
    found: dict[str, SignedIn] = {}
    living = grants.active(rows).order_by("-last_seen", "handle")
    for person, profile, since, seen in living.values_list("person", "profile", "created_at", "last_seen"):
        if known := found.get(person):
            found[person] = msgspec.structs.replace(known, sessions=known.sessions + 1, since=min(known.since, since))
        else:
            who = _decoder.decode(profile)
            found[person] = SignedIn(person, who.name or who.email, who.email, 1, since, seen)
    return list(found.values())


def grants_of_organization(org_id: int | None) -> QuerySet[ApiGrant]:
    """Empty without an organization: two people without one have nothing in common."""
    return ApiGrant.objects.none() if org_id is None else ApiGrant.objects.filter(org=org_id)


def grants_of_account(account: str) -> QuerySet[ApiGrant]:
    """By user id, by e-mail in any case, or by `Access.person`."""
    wanted = account.strip().casefold()
    if not wanted:
        return ApiGrant.objects.none()
    same_email = [
        handle
        for handle, profile in ApiGrant.objects.values_list("handle", "profile").iterator()
        if _decoder.decode(profile).email.casefold() == wanted
    ]
    query = Q(handle__in=same_email) | Q(person=account.strip())
    if len(wanted) <= MAX_ID_DIGITS and wanted.isascii() and wanted.isdigit() and 0 < int(wanted) < 2**63:
        query |= Q(user=int(wanted))
    return ApiGrant.objects.filter(query)


def end_grants(rows: QuerySet[ApiGrant], by: str) -> int:
    """Delete these grants, the sign-ons of their people, and their sessions. Returns how many were active.

    `by`: who did it, for the log, which gets a line for each ended session. A running refresh saves nothing.
    """
    found = list(rows.values_list("handle", "person", "subject"))
    living = set(grants.active(rows).values_list("handle", flat=True))
    ApiGrant.objects.filter(handle__in=[handle for handle, _, _ in found]).delete()
    SsoLogin.objects.filter(subject__in={subject for _, _, subject in found if subject}).delete()
    delete_sessions({handle for handle, _, _ in found})
    for handle, person, _ in found:
        if handle in living:
            log.info("a session of %s was ended by %s", person, by)
    return len(living)


def delete_sessions(handles: Collection[str]) -> None:
    """Delete the sessions of these grants and sign-ons. Reads every session, as only the content names the handle."""
    keys = [
        session.session_key
        for session in Session.objects.iterator(chunk_size=500)
        if (held := session.get_decoded()).get(grants.SESSION_KEY) in handles or held.get(logins.SESSION_KEY) in handles
    ]
    Session.objects.filter(session_key__in=keys).delete()
