"""The portal's settings for the race: those of a live portal, and the URLs of views.py.

Nothing is cached, since a cached response needs no token. One person sends more requests at once than the bulkhead
allows, and more than two processors serve before the queue times out: both limits are raised.
"""

from tests.live_settings import *  # noqa: F403
from tests.live_settings import PLATFORM_API_LIMITS

ROOT_URLCONF = "bench.race.urls"
PLATFORM_API_LIMITS = PLATFORM_API_LIMITS._replace(
    user_concurrency_share=1.0, max_queued_per_user=1000, queue_timeout=15.0
)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
