"""The portal starts only with complete settings, and explains what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from devices.changes import device_lock, reconciliation
from devices.gateway.timeouts import Timeouts
from portal import environment, gunicorn
from portal.environment import UserGrant

ROOT = Path(__file__).resolve().parents[2]
WHOLE = {
    "ENV_FILE": "",
    "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "ALLOWED_HOSTS": "portal.example",
    "PLATFORM_API_URL": "https://api.example",
    "PLATFORM_API_CLIENT_ID": "id",
    "PLATFORM_API_CLIENT_SECRET": "client-secret-canary",
    "TOKEN_KEYS": "Zm9yLXRlc3RzLW9ubHkta2V5LW9mLTMyLWJ5dGVzLS0=",
    "DATABASE_URL": "sqlite://:memory:",
}


def start(*command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, with only these settings in its environment."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = {**kept, **{name: value for name, value in {**WHOLE, **changes}.items() if value != "-"}}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> environ.Env:
    for name, value in WHOLE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DEBUG", "off")
    return environ.Env()


def test_it_starts_with_a_complete_configuration() -> None:
    done = start("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_it_refuses_to_start_and_names_all_that_is_missing_in_one_line() -> None:
    done = start("manage.py", "check", SECRET_KEY="-", TOKEN_KEYS="-", PLATFORM_API_CLIENT_SECRET=" ")
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(
        "manage.py: The portal does not start: set SECRET_KEY, PLATFORM_API_CLIENT_SECRET, TOKEN_KEYS"
    )


def test_the_wsgi_entry_refuses_too_and_shows_no_secret() -> None:
    done = start("-c", "import portal.wsgi", SECRET_KEY="-")
    assert done.returncode == 1
    assert "The portal does not start: set SECRET_KEY in the environment" in done.stderr
    assert "client-secret-canary" not in done.stderr


def test_the_server_refuses_with_the_sentence_alone() -> None:
    done = start("-m", "gunicorn", "-c", "python:portal.gunicorn", "--bind", "127.0.0.1:0", TOKEN_KEYS="-")
    assert done.returncode == 1
    assert "The portal does not start: set TOKEN_KEYS in the environment" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", environment.REQUIRED)
def test_no_name_is_filled_in_silently(env: environ.Env, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(ImproperlyConfigured, match=name):
        environment.load(ROOT)


def test_development_needs_nothing_and_stays_on_this_machine() -> None:
    names = [name for name in WHOLE if name not in ("ENV_FILE", "DATABASE_URL")]
    script = (
        "import django; django.setup(); from django.conf import settings as s; "
        "print(s.PLATFORM_API_URL, *s.ALLOWED_HOSTS, s.SECURE_COOKIES, s.SESSION_COOKIE_NAME)"
    )
    done = start("-c", script, DEBUG="on", DJANGO_SETTINGS_MODULE="portal.settings", **dict.fromkeys(names, "-"))
    assert done.stdout.split() == ["http://127.0.0.1:8081", "localhost", "127.0.0.1", "[::1]", "False", "session"]


def test_a_file_fills_up_what_the_environment_does_not_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: environ.Env
) -> None:
    (tmp_path / ".env").write_text("SECRET_KEY=from-the-file\nTOKEN_KEYS=from-the-file\n")
    monkeypatch.delenv("ENV_FILE")
    monkeypatch.delenv("SECRET_KEY")
    read = environment.load(tmp_path)
    assert read.str("SECRET_KEY") == "from-the-file"
    assert read.str("TOKEN_KEYS") == WHOLE["TOKEN_KEYS"]


def test_without_a_database_url_the_data_lives_in_var(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: environ.Env
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    found = environment.database(env, tmp_path)
    assert found["ENGINE"] == "django.db.backends.sqlite3"
    assert found["NAME"] == str(tmp_path / "var" / "portal.sqlite3")
    assert (tmp_path / "var").is_dir()


# --- cookies over plain http ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hosts", [["127.0.0.1"], ["localhost", "127.0.0.1", "[::1]"]])
def test_plain_cookies_are_for_this_machine(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch, hosts: list[str]
) -> None:
    monkeypatch.setenv("SECURE_COOKIES", "off")
    assert environment.secure_cookies(env, hosts) is False


@pytest.mark.parametrize(
    "hosts", [["portal.example"], ["localhost", "portal.example"], ["*"], [".localhost"], ["127.0.0.1.evil.example"]]
)
def test_plain_cookies_over_a_network_are_refused(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch, hosts: list[str]
) -> None:
    assert environment.secure_cookies(env, hosts) is True, "on unless told otherwise"
    monkeypatch.setenv("SECURE_COOKIES", "off")
    with pytest.raises(ImproperlyConfigured, match="SECURE_COOKIES"):
        environment.secure_cookies(env, hosts)


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", ["short", WHOLE["TOKEN_KEYS"] + ",second", "a" * 44 + "!"])
def test_a_key_that_is_none_is_refused_without_showing_it(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.setenv("TOKEN_KEYS", keys)
    with pytest.raises(ImproperlyConfigured, match=r"TOKEN_KEYS: key \d is not 32 bytes") as refused:
        environment.token_keys(env)
    assert keys not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["http://api.example", "https://user:pw@api.example", "https://169.254.169.254\\@x", "file:///etc/passwd", "x"],
)
def test_tokens_are_sent_nowhere_but_to_https(env: environ.Env, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PLATFORM_API_URL", url)
    with pytest.raises(ImproperlyConfigured, match="PLATFORM_API_URL"):
        environment.api_url(env, [])


def test_the_platforms_host_has_to_be_an_allowed_one(env: environ.Env) -> None:
    assert environment.api_url(env, ["api.example"]) == "https://api.example"
    with pytest.raises(ImproperlyConfigured, match=r"api\.example"):
        environment.api_url(env, ["other.example"])


@pytest.mark.parametrize("text", ["3", "3,10,15", "a,b,c,d", "0,10,15,20", "3,10,15,14", "3,16,15,20", "3,10,15,20,25"])
def test_times_that_make_no_sense_are_refused(env: environ.Env, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PLATFORM_API_TIMEOUTS", text)
    with pytest.raises(ImproperlyConfigured, match="PLATFORM_API_TIMEOUTS"):
        environment.timeouts(env)


def test_times_are_read_in_their_order(env: environ.Env, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.timeouts(env) == Timeouts(3, 10, 15, 20)
    monkeypatch.setenv("PLATFORM_API_TIMEOUTS", "1,2,3.5,4")
    assert environment.timeouts(env) == Timeouts(1, 2, 3.5, 4)


def test_how_many_calls_are_made_can_be_set(env: environ.Env, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = environment.api_limits(env)
    assert (usual.max_concurrency, usual.rate_limit) == (32, 6000)
    assert usual.max_concurrency == gunicorn.threads
    for name, good, wrongs in (
        ("PLATFORM_API_MAX_CONCURRENCY", "64", ("0", "1001", "many")),
        ("PLATFORM_API_RATE_LIMIT", "3000", ("59", "-1", "1000001")),
    ):
        for wrong in wrongs:
            monkeypatch.setenv(name, wrong)
            with pytest.raises(ImproperlyConfigured, match=name):
                environment.api_limits(env)
        monkeypatch.setenv(name, good)
    assert environment.api_limits(env) == usual._replace(max_concurrency=64, rate_limit=3000)


def test_a_change_ends_before_its_turn_does_and_before_a_restart_would_cut_it_off(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert environment.MAX_WRITE_SECONDS < device_lock.LOCK_LEASE < reconciliation.CERTAIN_AFTER.total_seconds()
    assert gunicorn.graceful_timeout > environment.MAX_WRITE_SECONDS
    monkeypatch.setenv("PLATFORM_API_TIMEOUTS", "3,10,18,22")
    assert environment.timeouts(env).page == 22
    monkeypatch.setenv("PLATFORM_API_TIMEOUTS", "3,10,30,40")
    with pytest.raises(ImproperlyConfigured, match="page and call together must not exceed 40 s"):
        environment.timeouts(env)


def test_how_long_redis_is_waited_for_can_be_set(env: environ.Env, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_TIMEOUT")
    assert environment.redis_timeout(env) == 0.5
    monkeypatch.setenv("REDIS_TIMEOUT", "2")
    assert environment.redis_timeout(env) == 2
    for wrong in ("0", "-1", "31", "soon"):
        monkeypatch.setenv("REDIS_TIMEOUT", wrong)
        with pytest.raises(ImproperlyConfigured, match="REDIS_TIMEOUT"):
            environment.redis_timeout(env)


def test_the_form_of_the_user_grant_can_be_set(env: environ.Env, monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.user_grant(env) == UserGrant("username", "password", "body")
    monkeypatch.setenv("PLATFORM_API_USER_GRANT", "email, pass , query")
    assert environment.user_grant(env) == UserGrant("email", "pass", "query")
    for wrong in ("email", "email,password,header", ",password,body", "a,b,body,c"):
        monkeypatch.setenv("PLATFORM_API_USER_GRANT", wrong)
        with pytest.raises(ImproperlyConfigured, match="PLATFORM_API_USER_GRANT"):
            environment.user_grant(env)


def test_the_limits_of_a_session_are_minutes_and_hours(env: environ.Env, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SESSION_IDLE_MINUTES", raising=False)
    monkeypatch.delenv("SESSION_HOURS", raising=False)
    assert environment.session_limits(env) == (30 * 60, 10 * 3600)
    monkeypatch.setenv("SESSION_IDLE_MINUTES", "60")
    monkeypatch.setenv("SESSION_HOURS", "1")
    assert environment.session_limits(env) == (3600, 3600)


@pytest.mark.parametrize(
    ("idle", "hours"), [("0", "10"), ("-5", "10"), ("30", "0"), ("121", "2"), ("x", "10"), ("", "1")]
)
def test_a_session_without_an_end_stops_the_start(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch, idle: str, hours: str
) -> None:
    monkeypatch.setenv("SESSION_IDLE_MINUTES", idle)
    monkeypatch.setenv("SESSION_HOURS", hours)
    with pytest.raises(ImproperlyConfigured, match="SESSION_IDLE_MINUTES and SESSION_HOURS"):
        environment.session_limits(env)
    monkeypatch.setenv("SESSION_IDLE_MINUTES", "30")
    monkeypatch.setenv("SESSION_HOURS", "169")
    with pytest.raises(ImproperlyConfigured, match="session 168 hours"):
        environment.session_limits(env)


def test_sign_in_limits_and_trusted_proxies_are_read_and_checked(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGN_IN_LIMITS", raising=False)
    monkeypatch.delenv("TRUSTED_PROXIES", raising=False)
    assert environment.sign_in_limits(env) == environment.SignInLimits(10, 100, 15)
    assert environment.trusted_proxies(env) == ()
    monkeypatch.setenv("SIGN_IN_LIMITS", "5,50,30")
    assert environment.sign_in_limits(env) == environment.SignInLimits(5, 50, 30)
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.5, 2001:db8::/32,unix")
    assert list(map(str, environment.trusted_proxies(env))) == ["10.0.0.5/32", "2001:db8::/32", "unix"]
    for wrong in ("", "10,100", "0,100,15", "10,-1,15", "a,b,c", "10,100,1e9"):
        monkeypatch.setenv("SIGN_IN_LIMITS", wrong)
        with pytest.raises(ImproperlyConfigured, match="SIGN_IN_LIMITS"):
            environment.sign_in_limits(env)
    for wrong in ("proxy", "10.0.0.5/24", "*"):
        monkeypatch.setenv("TRUSTED_PROXIES", wrong)
        with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES"):
            environment.trusted_proxies(env)


@pytest.mark.parametrize(
    "text", ["0.0.0.0/0", "::/0", "unix,0.0.0.0/1,128.0.0.0/1", "10.0.0.0/7", "2000::/3", "10.0.0.5,::/1,8000::/1"]
)
def test_an_untrusted_caller_is_no_proxy(env: environ.Env, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", text)
    with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES must not contain the whole internet"):
        environment.trusted_proxies(env)
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8,2001::/16,fc00::/7,unix")
    assert len(environment.trusted_proxies(env)) == 4


@pytest.mark.parametrize(
    "text", ["Admin", '["Admin"]', '{"Admin": "PORTAL_AUDIT"}', '{"Admin": ["ORG_DEVICES_VIEW"]}', '{"Admin": [1]}']
)
def test_rights_that_the_portal_does_not_have_stop_the_start(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("ACCESS_ROLES", text)
    with pytest.raises(ImproperlyConfigured, match="ACCESS_ROLES"):
        environment.access_roles(env)


def test_only_the_roles_that_a_setting_names_have_rights_of_the_portal(
    env: environ.Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACCESS_ROLES", raising=False)
    assert environment.access_roles(env) == {}
    monkeypatch.setenv("ACCESS_ROLES", '{"Lead": ["PORTAL_AUDIT"]}')
    assert environment.access_roles(env) == {"Lead": frozenset({"PORTAL_AUDIT"})}
