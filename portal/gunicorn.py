"""gunicorn for the portal: `gunicorn -c python:portal.gunicorn`. Flags on the command line win.

Threads carry the load, because a request mostly waits for the API. `keepalive` must be longer than the idle timeout of
the proxy in front, or the proxy reuses a connection that is being closed.
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
graceful_timeout = 45  # longer than MAX_WRITE_SECONDS (portal/environment.py), so that a restart cuts off no write
# The socket would be in the home directory, which a read-only container cannot write.
control_socket_disable = True
# Heartbeats go to memory, as a disk can stall.
memory = "/dev/shm"  # noqa: S108 - gunicorn creates a private, unlinked file in it  # nosec B108
worker_tmp_dir = memory if os.path.isdir(memory) else None

# To an application `X_Forwarded_User` equals `X-Forwarded-User`. Drop such names (also gunicorn's default).
header_map = "drop"
# Ignore SCRIPT_NAME and PATH_INFO headers: a proxy can pass them on from the client, who would choose the prefix of
# every link.
forwarder_headers = ""


def on_starting(server: Any) -> None:
    """Check the settings before workers start, so that an error is one sentence without a traceback."""
    from django.core.exceptions import ImproperlyConfigured

    if server.cfg.header_map == "dangerous":
        sys.exit("The portal does not start: header_map=dangerous lets a browser forge the headers of a proxy.")
    try:
        import portal.settings  # noqa: F401
    except ImproperlyConfigured as error:
        sys.exit(str(error))
