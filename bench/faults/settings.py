"""The portal's settings for the matrix, in which each fault has to reach the platform again and again.

What would keep calls back after the first failures (breakers, cool-down) is made too patient to act, and readings are
always tried again, which is the harder thing for "sent once". The storm and the outage show the usual figures.
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
