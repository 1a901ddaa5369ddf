"""The portal's settings for tests and type checks: a complete environment, whatever the machine's own holds."""

import os
import tempfile
from pathlib import Path

os.environ.update(
    ENV_FILE="",
    DEBUG="off",
    SECRET_KEY="for-tests-only-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789",
    ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
    CSRF_TRUSTED_ORIGINS="",
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", "sqlite://:memory:"),
    REDIS_URL=os.environ.get("TEST_REDIS_URL", ""),
    REDIS_TIMEOUT="10",  # a busy machine is no Redis that is down
    SECURE_COOKIES="on",
    # Nobody listens there: a test that calls the platform says where it is.
    PLATFORM_API_URL="http://127.0.0.1:9",
    PLATFORM_API_CLIENT_ID="oa2-client-id_sandbox-portal-demo-0000000000000",
    PLATFORM_API_CLIENT_SECRET="sandbox-secret-for-demonstration-0000000",
    PLATFORM_API_ALLOWED_HOSTS="",
    PLATFORM_API_TIMEOUTS="3,10,15,20",
    PLATFORM_API_MAX_CONCURRENCY="32",
    PLATFORM_API_RATE_LIMIT="6000",
    PLATFORM_API_USER_GRANT="username,password,body",
    TOKEN_KEYS="Zm9yLXRlc3RzLW9ubHkta2V5LW9mLTMyLWJ5dGVzLS0=",
    SIGN_IN="user",
    SSO="off",
    ACCESS_GROUPS="{}",
    SESSION_IDLE_MINUTES="30",
    SESSION_HOURS="10",
    SIGN_IN_LIMITS="10,100,15",
    TRUSTED_PROXIES="",
    ACCESS_ROLES='{"Admin": ["PORTAL_AUDIT", "PORTAL_ADMIN"]}',
)

from portal.settings import *  # noqa: F403
from portal.settings import DATABASES, STORAGES

# A file, not memory: threads and WAL behave as they will. One a process, so that two runs do not meet.
if not os.environ.get("TEST_DATABASE_URL"):
    DATABASES["default"]["TEST"] = {"NAME": Path(tempfile.gettempdir()) / f"portal-test-{os.getpid()}.sqlite3"}

# Static files straight from their folders, so that no test needs `collectstatic` first.
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
STATIC_ROOT = None  # type: ignore[assignment]
# Each is looked for when it is asked for: every test client makes a WhiteNoise of its own, and need not list them all.
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True

# Free to be deleted at once, or the database would refuse to be emptied between tests.
AUDIT_KEEP_DAYS = 0
