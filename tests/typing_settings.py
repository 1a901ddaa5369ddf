"""Both sites at once, for mypy alone: its Django plugin knows the models of one settings module only. Nothing runs on
this."""

from sandbox.settings import *  # noqa: F403
from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "sandbox"]
