"""The portal's settings for the matrix, whose faults each have to reach the platform: see `limits`."""

from tests.live_settings import *  # noqa: F403
