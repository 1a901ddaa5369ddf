"""The sandbox as a WSGI application: Django, its faults, and the record of what came in."""

from __future__ import annotations

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.settings"

from django.core.wsgi import get_wsgi_application

from sandbox.faults import guarded
from sandbox.requestlog import recorded

application = recorded(guarded(get_wsgi_application()))
