"""The entry for a WSGI server: `gunicorn -c python:portal.gunicorn portal.wsgi`."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = get_wsgi_application()


def prepare_process() -> None:
    """Compile the templates, and tune the garbage collector, which took a tenth of a list page's time.

    Objects that live as long as the process are frozen. Collections are rarer, as reference counting frees nearly all
    objects of a page.
    """
    from portal.jinja import warm_up

    warm_up()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


prepare_process()
