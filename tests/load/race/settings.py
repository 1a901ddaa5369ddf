"""The portal's settings for the race: those of a live portal, and three addresses more (views.py)."""

from tests.live_settings import *  # noqa: F403

ROOT_URLCONF = "tests.load.race.urls"
