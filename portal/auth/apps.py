"""Sign-in as a Django app, which owns the grants table."""

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured


class AuthConfig(AppConfig):
    name = "portal.auth"
    label = "portal_auth"
    verbose_name = "Sign-in"

    def ready(self) -> None:
        from portal.auth import grants, signals

        signals.connect()
        if grants.REFRESH_LEASE <= grants.REFRESH_TIMEOUT:
            raise ImproperlyConfigured(
                "REFRESH_LEASE must be longer than REFRESH_TIMEOUT, or two requests can spend one refresh token."
            )
