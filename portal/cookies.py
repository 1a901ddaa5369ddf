"""One-time notices in a cookie, named like the other cookies."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage


class MessageStorage(CookieStorage):
    """Signed, not secret: no notice may hold what its reader may not know."""

    cookie_name = f"{settings.COOKIE_PREFIX}messages"
