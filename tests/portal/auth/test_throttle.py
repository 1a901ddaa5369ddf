"""Throttling of failed sign-ins: it limits guessing, reveals nothing, and blocks as few people as possible."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from typing import Any

import pytest
import redis as redis_client
import time_machine
from django.contrib.sessions.models import Session
from django.test import RequestFactory

from portal.auth import throttle
from portal.auth.oauth import WrongCredentials
from portal.client_address import client_address
from portal.environment import SignInLimits
from tests.portal.conftest import Browser, calls, one, words
from tests.servers import SandboxServer

MINUTE = 60


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(time.time(), tick=False) as traveller:
        yield traveller


def fail(browser: Browser, times: int, user: str = "admin") -> None:
    for _ in range(times):
        assert browser.sign_in(user, "wrong").status_code == 422


# --- what a person meets ----------------------------------------------------------------------------------------------


def test_after_ten_failures_an_account_waits_and_the_platform_is_not_asked(
    clock: time_machine.Traveller, browser: Browser, platform: SandboxServer
) -> None:
    fail(browser, 10)
    platform.clear_requests()
    response = browser.sign_in("admin", "demo")
    assert response.status_code == 429
    assert response["Retry-After"] == "900"
    assert "Too many sign-ins have failed. Wait 15 minutes, then try again." in words(response)
    assert calls(platform, "/oauth2/token") == 0
    assert one(response, "input[name=username]")["value"] == "admin@example.com"
    assert not one(response, "input[name=password]").get("value")


def test_the_wait_gets_shorter_and_ends(
    clock: time_machine.Traveller, browser: Browser, platform: SandboxServer
) -> None:
    fail(browser, 10)
    clock.shift(14 * MINUTE + 1)
    response = browser.sign_in("admin")
    assert (response.status_code, response["Retry-After"]) == (429, "59")
    assert "Wait 1 minute, then try again." in words(response)
    clock.shift(MINUTE)
    assert browser.sign_in("admin").status_code == 303


def test_tries_during_the_wait_do_not_lengthen_it(
    clock: time_machine.Traveller, browser: Browser, platform: SandboxServer
) -> None:
    fail(browser, 10)
    for _ in range(5):
        clock.shift(179)
        assert browser.sign_in("admin", "wrong").status_code == 429
    clock.shift(6)
    assert browser.sign_in("admin").status_code == 303


def test_an_account_that_does_not_exist_waits_in_the_same_way_and_words(
    clock: time_machine.Traveller, platform: SandboxServer
) -> None:
    content = []
    for user in ("admin", "nobody"):
        browser = Browser()
        fail(browser, 10, user)
        response = browser.sign_in(user, "demo")
        content.append((response.status_code, response["Retry-After"], words(response)))
    assert content[0] == content[1]


def test_only_wrong_passwords_count(clock: time_machine.Traveller, browser: Browser, platform: SandboxServer) -> None:
    platform.fault("/oauth2/token", "status", status=500)
    for _ in range(5):
        assert browser.sign_in("admin").status_code == 502
    platform.clear_faults()
    for _ in range(5):
        assert browser.post("/sign-in/", {"username": "admin@example.com"}).status_code == 422
        assert browser.sign_in("admin").status_code == 303
    fail(Browser(), 9)
    assert Browser().sign_in("admin").status_code == 303


@pytest.mark.parametrize("spelt", ["ADMIN@example.com", " admin@EXAMPLE.com ", "\uff41dmin@example.com"])
def test_another_spelling_is_the_same_account(
    clock: time_machine.Traveller, browser: Browser, platform: SandboxServer, spelt: str
) -> None:
    fail(browser, 10, spelt)
    assert browser.sign_in("admin").status_code == 429


def test_other_accounts_at_the_same_address_are_not_kept_out(
    clock: time_machine.Traveller, browser: Browser, platform: SandboxServer
) -> None:
    fail(browser, 10)
    assert browser.sign_in("viewer").status_code == 303


def test_an_address_that_tries_one_password_on_many_accounts_waits(
    clock: time_machine.Traveller, browser: Browser, platform: SandboxServer, settings: Any
) -> None:
    settings.SIGN_IN_LIMITS = SignInLimits(account=10, address=5, minutes=15)
    for number in range(5):
        fail(browser, 1, f"somebody{number}@example.com")
    assert browser.sign_in("admin").status_code == 429
    elsewhere = Browser(REMOTE_ADDR="203.0.113.9")
    assert elsewhere.sign_in("admin").status_code == 303


def test_a_right_password_does_not_wipe_out_the_failures_of_somebody_else(
    clock: time_machine.Traveller, browser: Browser, platform: SandboxServer
) -> None:
    fail(browser, 5)
    assert Browser().sign_in("admin").status_code == 303
    fail(browser, 5)
    assert browser.sign_in("admin", "wrong").status_code == 429


def test_tries_sent_at_once_get_no_further_than_tries_in_turn() -> None:
    limits = throttle.Throttle("")
    bucket = throttle.Bucket("account", throttle.RateLimitItemPerMinute(10, 15), "key")
    go, inside, refused = threading.Event(), [], []

    def guess(_: int) -> None:
        try:
            with limits.attempt((bucket,)):
                inside.append(1)
                assert go.wait(10)
                raise WrongCredentials(api_status=400)
        except throttle.TooManyAttempts:
            refused.append(1)
            if len(refused) == 22:
                go.set()
        except WrongCredentials:
            pass

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(guess, range(32)))
    assert (len(inside), len(refused)) == (10, 22)
    with pytest.raises(throttle.TooManyAttempts), limits.attempt((bucket,)):
        pass


# --- which address ----------------------------------------------------------------------------------------------------

PROXIES = (ip_network("10.0.0.0/24"), "unix")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # not a proxy of ours: whatever it says
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # the client wrote the first, the proxy the last
        ("10.0.0.5", "10.0.0.7, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "1.1.1.1, nonsense", "10.0.0.5"),
        ("10.0.0.5", "1.1.1.1,", "10.0.0.5"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("", "198.51.100.1", "198.51.100.1"),
        ("", "", "unix"),
        ("2001:db8:1:2:aaaa::1", "", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "", "203.0.113.9"),
        ("::ffff:10.0.0.5", "198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_address_is_the_peers_unless_a_named_proxy_tells_it(
    settings: Any, peer: str, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = PROXIES
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded} if forwarded else {}, REMOTE_ADDR=peer)
    assert client_address(request) == address


def test_without_the_setting_no_header_is_believed(
    clock: time_machine.Traveller, platform: SandboxServer, settings: Any
) -> None:
    settings.SIGN_IN_LIMITS = SignInLimits(account=10, address=3, minutes=15)
    for number in range(3):
        fail(Browser(headers={"X-Forwarded-For": f"198.51.100.{number}"}), 1, f"somebody{number}@example.com")
    assert Browser(headers={"X-Forwarded-For": "198.51.100.9"}).sign_in("admin").status_code == 429


# --- several processes ------------------------------------------------------------------------------------------------


@pytest.fixture
def count(settings: Any) -> Callable[[str, str], Browser]:
    """Use the throttle of another process, or of one with another Redis."""

    def at(redis_url: str, _: str = "") -> Browser:
        settings.REDIS_URL = redis_url
        throttle.throttle.cache_clear()
        return Browser()

    return at


@pytest.mark.stack
def test_processes_count_together_in_redis_which_holds_neither_names_nor_addresses(
    platform: SandboxServer, redis: str, count: Any
) -> None:
    client: Any = redis_client.Redis.from_url(redis)
    client.flushdb()
    for _ in range(2):
        fail(count(redis), 5, "viewer")
    response = count(redis).sign_in("viewer")
    assert response.status_code == 429
    assert 800 < int(response["Retry-After"]) <= 900
    assert count(redis).sign_in("admin").status_code == 303
    stored = repr([(key, client.lrange(key, 0, -1), client.ttl(key)) for key in client.keys("sign-in:*")])
    assert stored.count("sign-in:") == 2
    for readable in ("viewer", "example.com", "127.0.0.1"):
        assert readable not in stored
    client.close()


def test_without_redis_people_sign_in_and_each_process_goes_on_counting(
    platform: SandboxServer, count: Any, caplog: pytest.LogCaptureFixture
) -> None:
    browser = count("redis://127.0.0.1:9/0")
    assert browser.sign_in("admin").status_code == 303
    fail(browser, 10, "viewer")
    assert browser.sign_in("viewer").status_code == 429
    assert caplog.text.count("Redis does not respond") == 1


# --- nothing is given away --------------------------------------------------------------------------------------------


def test_the_log_says_that_an_account_is_closed_and_not_which(
    clock: time_machine.Traveller, browser: Browser, platform: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fail(browser, 10)
    browser.sign_in("admin", "wrong")
    assert caplog.text.count("sign-in is blocked for one account after 10 failures") == 1
    assert "admin@example.com" not in caplog.text


def test_a_password_is_nowhere_after_any_outcome(
    clock: time_machine.Traveller, browser: Browser, platform: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    """In no response, header, cookie, session or log, whatever the outcome."""
    canary = "hunter2-canary-Zx9"
    caplog.set_level(logging.DEBUG)
    browser.raise_request_exception = False
    answers = [browser.sign_in("admin", canary) for _ in range(11)]
    answers.append(browser.post("/sign-in/", {"username": "", "password": canary}))
    for fault in ({"kind": "status", "status": 500}, {"kind": "drop"}, {"kind": "html", "status": 200}):
        platform.fault("/oauth2/token", **fault)
        answers.append(browser.sign_in("viewer", canary))
        platform.clear_faults()
    answers.append(browser.get("/sign-in/"))
    assert {answer.status_code for answer in answers} >= {200, 422, 429, 502, 503}
    kept = repr([session.get_decoded() for session in Session.objects.all()])
    content = "".join(f"{dict(a.headers)} {a.content.decode()} {a.cookies.output()}" for a in answers)
    assert canary not in content + kept + caplog.text
