"""Settings of the portal, from the environment only; README.md lists the names."""

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
# The portal's own rights by role at the platform; whoever has no such role has none of them.
ACCESS_ROLES = environment.access_roles(env)
# How long the trail of changes and its receipts are kept: the database refuses to delete them before.
AUDIT_KEEP_DAYS = environment.audit_keep_days(env)

# Who signs people in: the portal's own form, the company's sign-on, or both one after the other
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

# Also edit the types of metafields that can probably be set, though the API's document does not say so.
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
# Outermost first. The headers stand outside WhiteNoise, so that static files carry them too; compression stands outside
# whatever writes the page. Access comes last: what it refuses has already been checked for host and session.
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

# Data. IMMEDIATE: a transaction that will write takes its turn at the start and never fails half way with "database is
# locked". WAL: readers do not wait for the writer.
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

# Cookies and sessions. A session lives in the database, or a signed-out cookie would stay alive in another process. It
# is written once, at sign-in, so its age is the absolute limit; its grant, which every request reads, keeps to both.
SECURE_COOKIES = environment.secure_cookies(env, ALLOWED_HOSTS)
COOKIE_PREFIX = "__Host-" if SECURE_COOKIES else ""
SESSION_ENGINE = "portal.auth.session_store"
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}session"
SESSION_IDLE, SESSION_COOKIE_AGE = environment.session_limits(env)
SIGN_IN_LIMITS = environment.sign_in_limits(env)
# Whose X-Forwarded-For is believed when failed sign-ins are counted.
TRUSTED_PROXIES = environment.trusted_proxies(env)
SESSION_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_SAVE_EVERY_REQUEST = False
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
# W008: the proxy in front redirects to https; a redirect here would also catch the health checks behind it.
# W021: a preload list is the decision of whoever owns the domain.
SILENCED_SYSTEM_CHECKS = ["security.W008", "security.W021"]

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "portal.static_bundles.BundledStorage"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False

# English is the source; locale/ holds the others. portal/middleware.py chooses one for each request.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

DEFAULT_EXCEPTION_REPORTER_FILTER = "portal.crash_reports.ReportFilter"
# One line an event, with anything that looks like a credential masked. urllib3 writes paths with their query, even in a
# warning.
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
