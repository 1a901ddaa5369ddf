"""The portal's settings for a server that tests start: everything from its environment, static files not collected."""

from portal.settings import *  # noqa: F403
from portal.settings import STORAGES

STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
STATIC_ROOT = None  # type: ignore[assignment]
WHITENOISE_AUTOREFRESH = False
WHITENOISE_USE_FINDERS = True
