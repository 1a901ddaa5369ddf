"""The portal's settings for the fault matrix, in which every request has to reach the platform.

Circuit breakers and backoff never act, and reads are always retried, which makes idempotency harder. The storm and the
outage use the real figures.
"""

from tests.live_settings import *  # noqa: F403
from tests.live_settings import PLATFORM_API_LIMITS

PLATFORM_API_LIMITS = PLATFORM_API_LIMITS._replace(
    calls_to_judge=1_000_000,
    backoff=0.01,
    max_backoff=0.01,
    retry_share=2.0,
    per_minute=1_000_000,
)
