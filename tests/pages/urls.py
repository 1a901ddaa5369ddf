"""The portal's addresses, and the page for developers that it has in DEBUG."""

from django.urls import path

from portal import styleguide
from portal.urls import (
    handler400,
    handler403,
    handler404,
    handler500,
)
from portal.urls import (
    urlpatterns as portal_patterns,
)

__all__ = ["handler400", "handler403", "handler404", "handler500"]

urlpatterns = [*portal_patterns, path("styleguide/", styleguide.styleguide)]
