"""The portal's URLs, and the page for developers that it has in DEBUG."""

from django.urls import path

from portal import styleguide
from portal.urls import *  # noqa: F403
from portal.urls import urlpatterns

urlpatterns = [*urlpatterns, path("styleguide/", styleguide.styleguide)]
