"""Reads the environment into typed values, for settings.py (so without Django's), and explains what is wrong."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from pathlib import Path
from typing import Any, Literal

import environ
import msgspec
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from devices.core.permissions import RIGHTS
from devices.gateway.base_url import check_base_url, is_loopback
from devices.gateway.resilience.limits import Limits
from devices.gateway.timeouts import Timeouts

# Only for DEBUG=on: a local portal that uses the sandbox with its public demo account. Without DEBUG, a missing value
# stops the start.
DEVELOPMENT_DEFAULTS = {
    "SECRET_KEY": "development-only-never-used-with-debug-off-0123456789abcdef",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
    "PLATFORM_API_URL": "http://127.0.0.1:8081",
    "PLATFORM_API_CLIENT_ID": "oa2-client-id_sandbox-portal-demo-0000000000000",
    "PLATFORM_API_CLIENT_SECRET": "sandbox-secret-for-demonstration-0000000",
    "TOKEN_KEYS": "ZGV2ZWxvcG1lbnQtb25seS1rZXktb2YtMzItYnl0ZXM=",
}
REQUIRED = tuple(DEVELOPMENT_DEFAULTS)
MIN_PREFIX = {4: 8, 6: 16}
"""IP version -> the shortest prefix of a public network of proxies."""
TOO_WIDE = (
    "must not contain the whole internet or a public network wider than /8 (IPv6: /16). Use the proxies' addresses."
)
MAX_WRITE_SECONDS = 40.0
"""Seconds a write may take: it can start at the end of its page's time and then take a whole call. The device lock,
reconciliation (devices/changes) and gunicorn's `graceful_timeout` rely on this limit."""
MAX_SESSION_SECONDS = 168 * 3600
"""Seconds: one week, so that a person who leaves the company is signed out within it."""


def load(root: Path) -> environ.Env:
    """The environment, completed from `ENV_FILE` (by default `.env` beside manage.py).

    Raises ImproperlyConfigured with every missing secret, unless DEBUG is on.
    """
    env = environ.Env()
    name = env.str("ENV_FILE", ".env")
    if name and (root / name).is_file():
        env.read_env(root / name)
    missing = [name for name in REQUIRED if not env.str(name, "").strip()]
    if missing and not env.bool("DEBUG", False):
        raise ImproperlyConfigured(
            f"The portal does not start: set {', '.join(missing)} in the environment (or DEBUG=on for development)."
        )
    for name in missing:
        env.ENVIRON[name] = DEVELOPMENT_DEFAULTS[name]
    return env


def database(env: environ.Env, root: Path) -> dict[str, Any]:
    """DATABASE_URL, by default a SQLite file in `var`."""
    url = env.str("DATABASE_URL", "")
    if not url:
        url = f"sqlite:///{root / 'var' / 'portal.sqlite3'}"
        with suppress(OSError):  # the error from the database says more
            (root / "var").mkdir(exist_ok=True)
    found: dict[str, Any] = environ.Env.db_url_config(url)
    return found


def secure_cookies(env: environ.Env, hosts: list[str]) -> bool:
    """SECURE_COOKIES, on by default. Off is accepted only for plain http on this machine."""
    on: bool = env.bool("SECURE_COOKIES", not env.bool("DEBUG", False))
    if not on and not all(is_loopback(host.strip("[]")) for host in hosts):
        raise ImproperlyConfigured(
            "SECURE_COOKIES=off is accepted only if every entry of ALLOWED_HOSTS is this machine (localhost, "
            "127.0.0.1). Over a network, cookies need https."
        )
    return on


def session_limits(env: environ.Env) -> tuple[int, int]:
    """SESSION_IDLE_MINUTES and SESSION_HOURS in seconds: the inactivity limit and the absolute limit."""
    try:
        idle, total = env.int("SESSION_IDLE_MINUTES", 30) * 60, env.int("SESSION_HOURS", 10) * 3600
    except ValueError:
        idle, total = 0, 0
    if not 0 < idle <= total <= MAX_SESSION_SECONDS:
        raise ImproperlyConfigured(
            "SESSION_IDLE_MINUTES and SESSION_HOURS must be whole numbers from 1. The idle time must not exceed the "
            "session, nor the session 168 hours."
        )
    return idle, total


@dataclass(frozen=True)
class SignInLimits:
    """Allowed failed sign-ins of one account and of one address within `minutes`."""

    account: int = 10
    address: int = 100
    minutes: int = 15


def sign_in_limits(env: environ.Env) -> SignInLimits:
    """SIGN_IN_LIMITS: `failures of an account,failures of an address,minutes`, for example `10,100,15`."""
    try:
        account, address, minutes = (int(part) for part in env.str("SIGN_IN_LIMITS", "10,100,15").split(","))
    except ValueError:
        account = address = minutes = 0
    if not (0 < account <= 1000 and 0 < address <= 100_000 and 0 < minutes <= 1440):
        raise ImproperlyConfigured(
            "SIGN_IN_LIMITS must be the failures of an account (at most 1000), the failures of an address (at most "
            "100000) and minutes (at most 1440), for example 10,100,15."
        )
    return SignInLimits(account, address, minutes)


def trusted_proxies(env: environ.Env) -> tuple[IPv4Network | IPv6Network | Literal["unix"], ...]:
    """TRUSTED_PROXIES: comma-separated addresses or networks of proxies, and `unix` for one on a UNIX socket."""
    try:
        names = [name.strip() for name in env.list("TRUSTED_PROXIES", default=[]) if name.strip()]
        networks = {name: ip_network(name) for name in names if name != "unix"}
    except ValueError as error:
        raise ImproperlyConfigured(
            f"TRUSTED_PROXIES: {error}. Use addresses like 10.0.0.5 or networks like 10.0.0.0/24."
        ) from None
    if too_wide(networks.values()):
        raise ImproperlyConfigured(f"The portal does not start: TRUSTED_PROXIES {TOO_WIDE}")
    return tuple("unix" if name == "unix" else networks[name] for name in names)


def too_wide(networks: Collection[IPv4Network | IPv6Network]) -> bool:
    """Whether these include strangers: a network wider than any company's, or together the whole internet."""
    v4 = [network for network in networks if isinstance(network, IPv4Network)]
    v6 = [network for network in networks if isinstance(network, IPv6Network)]
    joined: list[IPv4Network | IPv6Network] = [*collapse_addresses(v4), *collapse_addresses(v6)]
    return any(n.prefixlen == 0 for n in joined) or any(
        n.prefixlen < MIN_PREFIX[n.version] and not n.is_private for n in networks
    )


def token_keys(env: environ.Env) -> list[str]:
    """TOKEN_KEYS, for tokens at rest: the first encrypts, all decrypt."""
    keys = [key.strip() for key in env.list("TOKEN_KEYS") if key.strip()]
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:
            raise ImproperlyConfigured(
                f"TOKEN_KEYS: key {number} is not 32 bytes in URL-safe base64 (create one with "
                "`python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'`)."
            ) from None
    return keys


def api_url(env: environ.Env, allowed_hosts: list[str]) -> str:
    """PLATFORM_API_URL: https (or http to this machine), without credentials, on an allowed host."""
    try:
        return check_base_url(env.str("PLATFORM_API_URL"), allowed_hosts)
    except ValueError as error:
        raise ImproperlyConfigured(f"PLATFORM_API_URL: {error}") from None


def timeouts(env: environ.Env) -> Timeouts:
    """PLATFORM_API_TIMEOUTS: seconds as `connect,read,call,page`, for example `3,10,15,20`."""
    text = env.str("PLATFORM_API_TIMEOUTS", ",".join(str(seconds) for seconds in Timeouts()))
    try:
        connect, read, call, page = (float(part) for part in text.split(","))
        found = Timeouts(connect, read, call, page)
    except ValueError:
        found = Timeouts(0.0)
    if not 0 < found.connect <= found.call <= found.page or not 0 < found.read <= found.call:
        raise ImproperlyConfigured(
            "PLATFORM_API_TIMEOUTS must be seconds to connect, to read, for a call and for a page, like 3,10,15,20."
        )
    if found.page + found.call > MAX_WRITE_SECONDS:
        raise ImproperlyConfigured(
            f"PLATFORM_API_TIMEOUTS: page and call together must not exceed {MAX_WRITE_SECONDS:.0f} s: a change "
            "can start at the end of its page's time."
        )
    return found


def api_limits(env: environ.Env) -> Limits:
    """PLATFORM_API_MAX_CONCURRENCY for one process, and PLATFORM_API_RATE_LIMIT for all processes together."""
    usual = Limits()
    try:
        max_concurrency = env.int("PLATFORM_API_MAX_CONCURRENCY", usual.max_concurrency)
        rate_limit = env.int("PLATFORM_API_RATE_LIMIT", usual.rate_limit)
    except ValueError:
        max_concurrency = rate_limit = 0
    if not 1 <= max_concurrency <= 1000:
        raise ImproperlyConfigured(
            "PLATFORM_API_MAX_CONCURRENCY must be the number of concurrent calls of one process, 1 to 1000. "
            "PLATFORM_API_RATE_LIMIT must be a whole number too."
        )
    if not 60 <= rate_limit <= 1_000_000:
        raise ImproperlyConfigured(
            "PLATFORM_API_RATE_LIMIT must be the number of calls a minute of all processes together, 60 to 1000000."
        )
    return usual._replace(max_concurrency=max_concurrency, rate_limit=rate_limit)


def redis_timeout(env: environ.Env) -> float:
    """REDIS_TIMEOUT: seconds to connect and to wait for a reply. Short, as a page makes several calls."""
    try:
        seconds = env.float("REDIS_TIMEOUT", 0.5)
    except ValueError:
        seconds = 0.0
    if not 0.05 <= seconds <= 30:
        raise ImproperlyConfigured("REDIS_TIMEOUT must be the seconds to wait for Redis, 0.05 to 30.")
    return float(seconds)


def access_roles(env: environ.Env) -> dict[str, frozenset[str]]:
    """ACCESS_ROLES: JSON, role name at the platform -> rights in the portal."""
    try:
        roles = msgspec.json.decode(env.str("ACCESS_ROLES", "{}"), type=dict[str, frozenset[str]])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        roles = None
    if roles is None or frozenset().union(*roles.values()) - set(RIGHTS):
        raise ImproperlyConfigured(
            f'ACCESS_ROLES must be JSON like {{"Admin": ["{RIGHTS[0]}"]}}. The rights are {", ".join(RIGHTS)}.'
        )
    return roles


def audit_keep_days(env: environ.Env) -> int:
    """AUDIT_KEEP_DAYS, by default two years."""
    days: int = env.int("AUDIT_KEEP_DAYS", 730)
    if not 1 <= days <= 36500:
        raise ImproperlyConfigured("AUDIT_KEEP_DAYS must be the number of days to keep the audit trail, 1 to 36500.")
    return days


@dataclass(frozen=True)
class UserGrant:
    """Parameter names for a user's e-mail and password at the token endpoint, and where they and refresh tokens go.

    The API's public document does not name them and shows everything in the query. The form body is safer, as URLs end
    up in access logs. The grant type is always in the query.
    """

    username: str = "username"
    password: str = "password"  # noqa: S105 - the name of a field
    place: Literal["body", "query"] = "body"


def user_grant(env: environ.Env) -> UserGrant:
    """PLATFORM_API_USER_GRANT: `name of the e-mail,name of the password,place`, like `username,password,body`."""
    parts = [part.strip() for part in env.str("PLATFORM_API_USER_GRANT", "username,password,body").split(",")]
    match parts:
        case [str(username), str(password), ("body" | "query") as place] if username and password:
            return UserGrant(username, password, place)
    raise ImproperlyConfigured(
        "PLATFORM_API_USER_GRANT must be the names of e-mail and password, and body or query: username,password,body."
    )
