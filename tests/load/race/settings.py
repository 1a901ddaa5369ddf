"""The portal's settings for the race: those of a live portal, and three addresses more (views.py).

Nothing is kept: a page that is given an answer read before needs no token, and the race is for tokens.
"""

from tests.live_settings import *  # noqa: F403

ROOT_URLCONF = "tests.load.race.urls"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
