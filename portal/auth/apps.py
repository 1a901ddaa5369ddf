"""Sign-in as a Django app: the home of the grants' table."""

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured


class AuthConfig(AppConfig):
    name = "portal.auth"
    label = "portal_auth"
    verbose_name = "Sign-in"

    def ready(self) -> None:
        from portal.auth import grants, signals

        signals.begin()

        if grants.LEASE <= grants.TOKEN_CALL:
            raise ImproperlyConfigured(
                "A lease must outlast the token call it covers, or two requests spend one refresh token."
            )
