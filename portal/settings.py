"""Settings of the portal, from the environment. README.md lists the names."""

from pathlib import Path

from portal import environment, sso_environment

BASE_DIR = Path(__file__).resolve().parent.parent
env = environment.load(BASE_DIR)

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# The Platform API
PLATFORM_API_ALLOWED_HOSTS: list[str] = env.list("PLATFORM_API_ALLOWED_HOSTS", default=[])
PLATFORM_API_URL = environment.api_url(env, PLATFORM_API_ALLOWED_HOSTS)
PLATFORM_API_CLIENT_ID = env.str("PLATFORM_API_CLIENT_ID")
PLATFORM_API_CLIENT_SECRET = env.str("PLATFORM_API_CLIENT_SECRET")
PLATFORM_API_TIMEOUTS = environment.timeouts(env)
PLATFORM_API_LIMITS = environment.api_limits(env)
PLATFORM_API_USER_GRANT = environment.user_grant(env)
TOKEN_KEYS = environment.token_keys(env)
# Role at the platform -> rights in the portal.
ACCESS_ROLES = environment.access_roles(env)
# How long the audit trail and receipts are kept. The database refuses to delete them earlier.
AUDIT_KEEP_DAYS = environment.audit_keep_days(env)

# Sign-in: by the portal's form, by the company's sign-on, or by both in turn
SIGN_IN, SSO = sso_environment.sign_in(env)
OIDC_ISSUER = sso_environment.issuer(env, SSO)
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", "")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", "")
OIDC_SCOPES = sso_environment.scopes(env)
OIDC_GROUPS_CLAIM = env.str("OIDC_GROUPS_CLAIM", "groups")
SSO_HEADERS = sso_environment.proxy_headers(env, SSO, SIGN_IN)
SSO_HEADER_SECRET = sso_environment.header_secret(env, SSO)
SSO_TRUSTED_PEERS = sso_environment.trusted_peers(env, SSO)
SSO_ALLOW_OTHER_EMAIL = env.bool("SSO_ALLOW_OTHER_EMAIL", False)
ACCESS_GROUPS = sso_environment.access_groups(env, SIGN_IN)

# Also allow editing metafield types that the API probably accepts, though its document does not say so.
METAFIELDS_LIKELY = env.bool("METAFIELDS_LIKELY", False)

INSTALLED_APPS = [
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "portal.apps.PortalConfig",
    "portal.auth",
    "devices.apps.DevicesConfig",
]
# Outermost first. The headers wrap WhiteNoise, so that static files have them too. Access is last: host, session and
# CSRF are checked before it.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "portal.middleware.response_headers.ResponseHeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "portal.middleware.language.LanguageMiddleware",
    "portal.middleware.sessions.SessionMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.middleware.fetch_metadata.FetchMetadataMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "portal.middleware.access.AccessMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "environment": "portal.jinja.environment",
            "context_processors": ["portal.jinja.frame_context"],
            "extensions": ["jinja2.ext.i18n"],
            "trim_blocks": True,
            "lstrip_blocks": True,
        },
    }
]

# Data. IMMEDIATE: a transaction takes the write lock at its start, so it cannot fail halfway with "database is locked".
# WAL: readers do not wait for the writer.
DATABASES = {"default": environment.database(env, BASE_DIR)}
DATABASES["default"]["CONN_MAX_AGE"] = None
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL", "")
REDIS_TIMEOUT = environment.redis_timeout(env)
CACHES = {
    "default": {
        "BACKEND": "portal.cache.FailOpenRedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": REDIS_TIMEOUT, "socket_timeout": REDIS_TIMEOUT},
    }
    if REDIS_URL
    else {
        "BACKEND": "portal.cache.BoundedMemoryCache",
        "OPTIONS": {"MAX_ENTRIES": 4_000, "MAX_BYTES": 64 * 1024 * 1024},
    }
}

# Cookies and sessions. Sessions are in the database, so that a sign-out works in every process. A session is written
# once, at sign-in, so its age is the absolute limit. Its grant, which every request reads, enforces both limits.
SECURE_COOKIES = environment.secure_cookies(env, ALLOWED_HOSTS)
COOKIE_PREFIX = "__Host-" if SECURE_COOKIES else ""
SESSION_ENGINE = "portal.auth.session_store"
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}session"
SESSION_IDLE, SESSION_COOKIE_AGE = environment.session_limits(env)
SIGN_IN_LIMITS = environment.sign_in_limits(env)
# Whose X-Forwarded-For is trusted for counting failed sign-ins.
TRUSTED_PROXIES = environment.trusted_proxies(env)
SESSION_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrf"
CSRF_COOKIE_SECURE = SECURE_COOKIES
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.error_pages.csrf_failure"
MESSAGE_STORAGE = "portal.cookies.MessageStorage"

# Headers
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if SECURE_COOKIES else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_COOKIES
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "connect-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
# W008: the proxy in front redirects to https; a redirect here would also affect health checks.
# W021: the domain's owner decides about the preload list.
SILENCED_SYSTEM_CHECKS = ["security.W008", "security.W021"]

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "portal.static_bundles.BundledStorage"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False

# English is the source language; locale/ has the others. LanguageMiddleware chooses one for each request.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"

DEFAULT_EXCEPTION_REPORTER_FILTER = "portal.crash_reports.ReportFilter"
# One line an event, with credentials masked. urllib3 logs paths with their query, even in warnings.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "portal.logs.LineFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        "urllib3": {"level": "ERROR"},
    },
}
