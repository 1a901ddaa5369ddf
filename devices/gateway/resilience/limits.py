"""The figures of the resilience policy, and the values it takes and gives: priority, call context, platform status."""

from __future__ import annotations

import enum
from typing import Literal, NamedTuple

Kind = Literal["token", "read", "write"]
KINDS: tuple[Kind, ...] = ("token", "read", "write")


class Priority(enum.Enum):
    """Who waits for a call. Where capacity is scarce, people go before polls, and polls before jobs."""

    PERSON = "person"
    POLL = "poll"
    JOB = "job"


class CallContext(NamedTuple):
    """Who a call is for ("": nobody in particular), and the name of the `Gateway` method."""

    priority: Priority
    person: str = ""
    operation: str = ""


class Limits(NamedTuple):
    """All figures of the policy: seconds, counts, and shares between 0 and 1."""

    # Bulkhead: calls at the same time in one process
    max_concurrency: int = 32
    """As many as gunicorn gives the process threads."""
    max_concurrent_polls: int = 8
    max_concurrent_jobs: int = 8
    user_concurrency_share: float = 0.5
    """The part of `max_concurrency` that one person may use, but never less than:"""
    min_user_concurrency: int = 4
    max_queued_per_user: int = 32
    """Calls of one person that may wait for a slot. With the running ones: ten devices opened in ten tabs."""
    queue_timeout: float = 2.0

    # Retry
    max_retries: int = 2
    retry_base_delay: float = 0.2
    """Full jitter: before the first retry between 0 and this, before the second up to twice as long."""
    max_retry_delay: float = 10.0
    """A longer Retry-After is not waited for within a request."""
    min_time_to_retry: float = 0.5
    """What the page must have left after the delay."""
    retry_budget: float = 0.1
    """The part of the calls of a minute that may be retries, but always:"""
    min_retry_budget: int = 5

    # Rate limit
    rate_limit: int = 6000
    """Calls a minute, all processes together. The API allows 10,000 to the organization, which has other programs."""
    poll_rate_share: float = 0.7
    job_rate_share: float = 0.5
    backoff: float = 5.0
    """After a 429 without Retry-After, plus or minus a fifth."""
    max_backoff: float = 60.0

    # Circuit breaker
    failure_threshold: float = 0.5
    min_calls_to_open: int = 20
    failure_window: float = 30.0
    reset_timeout: float = 10.0
    """From opening to the first probe, and from the start of one probe to the next."""
    min_reset_timeout: float = 1.0
    probe_timeout: float = 17.0
    """A probe without a result counts as lost after this. Longer than any call."""

    # State shared between processes
    sync_interval: float = 0.5
    sync_after_calls: int = 20
    """A process that has made this many calls since the last synchronisation does the next one early."""

    @property
    def user_concurrency(self) -> int:
        """Calls of one person at the same time in one process, and requests of theirs that it serves."""
        return max(int(self.max_concurrency * self.user_concurrency_share), self.min_user_concurrency)


class PlatformStatus(NamedTuple):
    """What this process knows about the platform: seconds to wait, 0 where there is nothing to wait for."""

    backoff: float = 0.0
    """After a 429: no calls at all."""
    reads_retry_after: float = 0.0
    """Until the open circuit breaker lets one read through as a probe. The same for writes and token calls below."""
    writes_retry_after: float = 0.0
    tokens_retry_after: float = 0.0
