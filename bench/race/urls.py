"""The portal's addresses and those that the race needs."""

from bench.race.views import extra
from portal.urls import *  # noqa: F403
from portal.urls import urlpatterns

urlpatterns = [*urlpatterns, *extra]
