"""The portal's settings for the race: those of a live portal, and three addresses more (views.py).

Nothing is kept: a page that is given an answer read before needs no token, and the race is for tokens. They are those
of one person, who asks for more pages at once than one is given turns for: here they have them all. Nor is it about the
queue, which says "busy" after two seconds: over two hundred pages at once are more than two processors serve in those.
"""

from tests.live_settings import *  # noqa: F403
from tests.live_settings import PLATFORM_API_LIMITS

ROOT_URLCONF = "bench.race.urls"
PLATFORM_API_LIMITS = PLATFORM_API_LIMITS._replace(
    user_concurrency_share=1.0, max_queued_per_user=1000, queue_timeout=15.0
)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
