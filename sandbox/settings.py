"""Settings of the sandbox. Command line options (`__main__`) arrive in the environment."""

from __future__ import annotations

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# Nothing is signed: no sessions, CSRF cookies or password links.
SECRET_KEY = "sandbox-signs-nothing"  # noqa: S105
DEBUG = False
# Against DNS rebinding: only this machine's names are accepted.
ALLOWED_HOSTS = os.environ.get("SANDBOX_HOSTS", "127.0.0.1,localhost,[::1]").split(",")

INSTALLED_APPS = ["sandbox"]
MIDDLEWARE = ["sandbox.calls.HostCheck"]
ROOT_URLCONF = "sandbox.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
USE_I18N = False
TIME_ZONE = "UTC"
# A body that is refused unread would cost its sender the connection, and the next call on it an unexplained failure.
DATA_UPLOAD_MAX_MEMORY_SIZE = 32_000_000

SANDBOX_DB = os.environ.get("SANDBOX_DB", str(BASE_DIR / "var" / "sandbox.sqlite3"))
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": SANDBOX_DB,
        "CONN_MAX_AGE": None,  # one connection for each of the server's threads, for as long as the thread lives
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000;",
        },
    }
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "sandbox %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # A 4xx is an ordinary answer here; only what is broken in the sandbox itself is worth a line.
    "loggers": {"django.request": {"level": "ERROR"}, "django.security": {"level": "ERROR"}},
}

# The OAuth client and the people's password are printed by `make demo` and stand in the README: they guard nothing.
CLIENT_ID = "oa2-client-id_sandbox-portal-demo-0000000000000"
CLIENT_SECRET = "sandbox-secret-for-demonstration-0000000"  # noqa: S105
PASSWORD = os.environ.get("SANDBOX_PASSWORD", "demo")
