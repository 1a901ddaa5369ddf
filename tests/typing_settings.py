"""Portal and sandbox in one process, for mypy and tests/contract/table.py: mypy's Django plugin knows the models of one
settings module only."""

from sandbox.settings import *  # noqa: F403
from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "sandbox"]
