"""The portal's settings for tests and type checks, independent of the machine's environment."""

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
    REDIS_TIMEOUT="10",  # a busy machine is slow
    SECURE_COOKIES="on",
    # Nothing listens there: a test that calls the platform sets its URL.
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

# A file, not memory, so that threads and WAL work. One for each process, so that two runs do not collide.
if not os.environ.get("TEST_DATABASE_URL"):
    DATABASES["default"]["TEST"] = {"NAME": Path(tempfile.gettempdir()) / f"portal-test-{os.getpid()}.sqlite3"}

# Static files from their folders, so that no test needs `collectstatic`.
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
STATIC_ROOT = None  # type: ignore[assignment]
# Find each file on request: every test client creates a WhiteNoise, which would list them all.
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True

# Entries may be deleted at once, or the database could not be emptied between tests.
AUDIT_KEEP_DAYS = 0
