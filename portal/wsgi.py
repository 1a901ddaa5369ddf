"""The entry for a WSGI server: `gunicorn -c python:portal.gunicorn portal.wsgi`."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = get_wsgi_application()


def warm_up() -> None:
    """Do before the first request what would slow each of them down.

    Templates are compiled. Everything that lives as long as the process is taken out of the collector's sight, and it
    looks less often: a page makes many small objects, nearly all of which go by themselves. A tenth of a list page's
    time was spent looking.
    """
    from portal.jinja import warm_up

    warm_up()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


warm_up()
