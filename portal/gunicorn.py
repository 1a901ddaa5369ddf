"""gunicorn for the portal: `gunicorn -c python:portal.gunicorn`. Flags on the command line win.

Threads, not processes, carry the load: a request mostly waits for the API. `keepalive` must outlast the idle time of
the proxy in front, or the proxy re-uses a connection that is just being closed.
"""

import os
import sys
from typing import Any

wsgi_app = "portal.wsgi:application"
bind = "127.0.0.1:8080"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
threads = 32
keepalive = 75
timeout = 60
graceful_timeout = 45  # a change may be under way for 40 s (portal/environment.py): a restart is not to cut it off
# A socket under the home directory, on by default: a read-only container has no place for it.
control_socket_disable = True
# Heartbeats go to memory, not to a disk that may stall.
memory = "/dev/shm"  # noqa: S108 - gunicorn makes a private, unlinked file in it  # nosec B108
worker_tmp_dir = memory if os.path.isdir(memory) else None


# `X_Forwarded_User` reads like `X-Forwarded-User` to an application. Such names are dropped (also gunicorn's default).
header_map = "drop"
# Else SCRIPT_NAME and PATH_INFO are taken from whatever comes through a proxy, which may only have passed them on: the
# prefix of every link would be the client's choice.
forwarder_headers = ""


def on_starting(server: Any) -> None:
    """Refuse to start with the sentence alone: from a worker it would come at the end of a page of traceback."""
    from django.core.exceptions import ImproperlyConfigured

    if server.cfg.header_map == "dangerous":
        sys.exit("The portal does not start: header_map=dangerous lets a browser forge the headers of a proxy.")
    try:
        import portal.settings  # noqa: F401
    except ImproperlyConfigured as error:
        sys.exit(str(error))
