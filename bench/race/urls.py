"""The portal's URLs and those of the race."""

from bench.race.views import extra
from portal.urls import *  # noqa: F403
from portal.urls import urlpatterns

urlpatterns = [*urlpatterns, *extra]
