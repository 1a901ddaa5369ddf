"""The portal's addresses and those that the race needs."""

from portal.urls import *  # noqa: F403
from portal.urls import urlpatterns
from tests.load.race.views import extra

urlpatterns = [*urlpatterns, *extra]
