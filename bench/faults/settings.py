"""The portal's settings for the fault matrix, in which every request has to reach the platform.

Circuit breakers and backoff never act, and reads are always retried, which makes idempotency harder. The storm and the
outage use the real figures.
"""

from tests.live_settings import *  # noqa: F403
from tests.live_settings import PLATFORM_API_LIMITS

PLATFORM_API_LIMITS = PLATFORM_API_LIMITS._replace(
    min_calls_to_open=1_000_000,
    backoff=0.01,
    max_backoff=0.01,
    retry_budget=2.0,
    rate_limit=1_000_000,
)
