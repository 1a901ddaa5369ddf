"""The WSGI application: Django, with faults and the request log."""

from __future__ import annotations

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.settings"

from django.core.wsgi import get_wsgi_application

from sandbox.faults import with_faults
from sandbox.requestlog import with_request_log

application = with_request_log(with_faults(get_wsgi_application()))
