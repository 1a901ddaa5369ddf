"""Flash messages in a cookie, named like the other cookies."""

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpResponseBase


class MessageStorage(CookieStorage):
    """Signed but readable: a message must not hold anything secret."""

    cookie_name = f"{settings.COOKIE_PREFIX}messages"

    def _update_cookie(self, encoded_data: Any, response: HttpResponseBase) -> None:
        """Without this, Django sends a deletion after every page that reads messages, even if there is no cookie."""
        if encoded_data or self.cookie_name in self.request.COOKIES:
            super()._update_cookie(encoded_data, response)  # type: ignore[misc]
