"""One-time notices in a cookie, named like the other cookies."""

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpResponseBase


class MessageStorage(CookieStorage):
    """Signed, not secret: no notice may hold what its reader may not know."""

    cookie_name = f"{settings.COOKIE_PREFIX}messages"

    def _update_cookie(self, encoded_data: Any, response: HttpResponseBase) -> None:
        """Django deletes the cookie after every page that looked for notices, also where there is none."""
        if encoded_data or self.cookie_name in self.request.COOKIES:
            super()._update_cookie(encoded_data, response)  # type: ignore[misc]
