"""The words in which the policy is spoken of: who asks, for what, within which figures, and how things stand."""

from __future__ import annotations

import enum
from typing import Literal, NamedTuple

Kind = Literal["token", "read", "write"]
KINDS: tuple[Kind, ...] = ("token", "read", "write")


class Priority(enum.Enum):
    """Whom a call is for: what is scarce goes to people first."""

    PERSON = "person"
    POLL = "poll"
    JOB = "job"


class CallContext(NamedTuple):
    """Whom a call is for, and what it asks."""

    priority: Priority
    person: str = ""
    operation: str = ""


class Limits(NamedTuple):
    """All figures of the policy. Seconds, counts, and shares of 1."""

    at_once: int = 32
    """Calls at the same time in this process, as many as gunicorn gives it threads; of these at most:"""
    polls_at_once: int = 8
    jobs_at_once: int = 8
    person_share: float = 0.5
    """Of these turns, for one person; but always so many:"""
    person_at_least: int = 4
    """Their requests that a process serves at the same time are no more than that either (portal/visits.py)."""
    person_waiting: int = 32
    """Calls of one person that wait for a turn: with their turns, ten devices opened in ten tabs at once. Who makes
    more hears so at once."""
    queue: float = 2.0

    retries: int = 2
    retry_pause: float = 0.2
    """Before the first retry between 0 and this, before the second up to twice as long: full jitter."""
    max_pause: float = 10.0
    """A longer Retry-After is not waited for within a request."""
    room_to_retry: float = 0.5
    """What the page must have left after the pause."""
    retry_share: float = 0.1
    retries_always: int = 5
    """A minute, however few calls there were."""

    per_minute: int = 6000
    """The API allows 10,000 to the organization, which has other programs too."""
    polls_share: float = 0.7
    jobs_share: float = 0.5
    backoff: float = 5.0
    """After a 429 that does not say how long, give or take a fifth."""
    max_backoff: float = 60.0

    failing: float = 0.5
    calls_to_judge: int = 20
    window: float = 30.0
    rest: float = 10.0
    """From a breaker's opening to its first probe, and from the start of one probe to the next."""
    shortest_rest: float = 1.0
    probe_lost: float = 17.0
    """A probe that has not been heard of for so long is over: longer than any call."""

    look: float = 0.5
    """How old what other processes tell may be, while calls are made."""
    unshared: int = 20
    """Calls that a process makes at most before it tells the others."""

    @property
    def of_one(self) -> int:
        """Turns that one person may have."""
        return max(int(self.at_once * self.person_share), self.person_at_least)


class PlatformStatus(NamedTuple):
    """How the platform stands, as far as this process knows. Seconds; 0 where there is nothing to wait for."""

    backoff: float = 0.0
    """Until the organization may ask again, after a 429."""
    reads_retry_after: float = 0.0
    """Until one reading is tried again, after too many have failed."""
    writes_retry_after: float = 0.0
    tokens_retry_after: float = 0.0
