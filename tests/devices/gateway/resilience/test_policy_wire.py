"""The policy over real sockets: region redirects, how often something is sent, a compressed bomb; and a real Redis."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from devices.gateway.client import Gateway
from devices.gateway.errors import BadReply, CircuitOpen, GatewayError, RateLimited, Redirected
from devices.gateway.region_redirect import redirect_base
from devices.gateway.resilience.policy import Limits, Policy, Priority
from devices.gateway.timeouts import Timeouts
from devices.gateway.transport import Transport
from tests.devices.gateway.wire import Server, answer, closed_port, each_request, once, serving

REQUESTED = "/api/v1/organization/device?deviceId=31"
PAGE = b"<h1>secret canary</h1>"
QUICK = Limits(retry_base_delay=0.0)


def gateway(policy: Policy, priority: Priority = Priority.PERSON) -> Gateway:
    return Gateway(policy, lambda rejected: "access-token", priority=priority)


def redirected(to: str, status: str = "308 Permanent Redirect") -> bytes:
    return answer(b"", f"Location: {to}", status=status)


@pytest.fixture
def other() -> Iterator[Server]:
    """Another region, on another port."""
    with serving(each_request(answer())) as server:
        yield server


def test_a_read_is_repeated_at_the_other_region_once(other: Server) -> None:
    with serving(each_request(redirected(other.url + REQUESTED))) as server:
        api = gateway(Policy(Transport(server.url), limits=QUICK))
        assert api.get_device(31).name == "Boiler room 2"
        assert api.get_device(31).id == 31
        assert (len(server.requests), len(other.requests)) == (1, 2), "the second went there at once"
        assert b"authorization: bearer access-token" in other.requests[0].lower()
        with pytest.raises(Redirected) as refused:
            api.rename_device(31, "New")
        assert (refused.value.host, refused.value.uncertain) == ("127.0.0.1", False)
        arguments: dict[str, Any] = {"form": {"username": "u", "password": "secret"}, "basic": ("id", "secret")}
        arguments |= {"kind": "token", "query": {"grant_type": "user_credentials"}}
        assert Policy(Transport(server.url)).send("POST", "/oauth2/token", **arguments).status == 308
    assert len(other.requests) == 2, "no change and no password follows"


def test_the_other_region_is_remembered_for_five_minutes_and_forgotten_when_it_fails() -> None:
    replies = [answer(), answer(), answer(), answer(b"{}", status="404 Not Found"), answer()]
    now = [0.0]

    def turn_by_turn(server: Server, conn: Any) -> None:
        while server.read_request(conn):
            conn.sendall(replies.pop(0) if replies else answer(b"", status="500 Fault"))

    with (
        serving(turn_by_turn) as other,
        serving(each_request(redirected(other.url + REQUESTED))) as server,
    ):
        api = gateway(Policy(Transport(server.url), limits=QUICK, clock=lambda: now[0]))

        def at_home() -> int:
            with suppress(GatewayError):
                api.get_device(31)
            return len(server.requests)

        assert [at_home(), at_home()] == [1, 1]
        now[0] += 301
        assert at_home() == 2, "the configured address again after five minutes"
        assert at_home() == 3, "a 404 there: the configured address at once"
        assert [at_home(), at_home()] == [3, 4], "a fault there"


def test_a_second_redirect_is_not_followed() -> None:
    with (
        serving(each_request(redirected("http://127.0.0.1:1" + REQUESTED))) as second,
        serving(each_request(redirected(second.url + REQUESTED))) as first,
        pytest.raises(Redirected) as caught,
    ):
        gateway(Policy(Transport(first.url), limits=QUICK)).get_device(31)
    assert caught.value.host == "127.0.0.1"
    assert (len(first.requests), len(second.requests)) == (1, 1)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/organization/device?deviceId=32", "308 Permanent Redirect"),
        ("/api/v1/organization/devices?deviceId=31", "308 Permanent Redirect"),
        ("/api/v1/organization/device", "308 Permanent Redirect"),
        (REQUESTED + "#x", "308 Permanent Redirect"),
        (REQUESTED, "307 Temporary Redirect"),
        (REQUESTED, "302 Found"),
        (REQUESTED, "301 Moved Permanently"),
    ],
)
def test_no_other_redirect_is_followed(path: str, status: str, other: Server) -> None:
    with serving(each_request(redirected(other.url + path, status))) as server, pytest.raises(Redirected):
        gateway(Policy(Transport(server.url), limits=QUICK)).get_device(31)
    assert other.requests == []


OURS = "https://api.example"


@pytest.mark.parametrize(
    ("location", "allowed", "base"),
    [
        ("https://ny3.example" + REQUESTED, [".example"], "https://ny3.example"),
        ("https://ny3.example" + REQUESTED, ["api.example", "ny3.example"], "https://ny3.example"),
        ("https://ny3.example:8443" + REQUESTED, [".example"], "https://ny3.example:8443"),
        ("https://ny3.example" + REQUESTED, [], None),
        ("https://ny3.example" + REQUESTED, ["api.example"], None),
        ("https://example.evil" + REQUESTED, [".example"], None),
        ("https://ny3.example@evil" + REQUESTED, [".example"], None),
        ("https://user:pw@ny3.example" + REQUESTED, [".example"], None),
        ("https://evil\\.ny3.example" + REQUESTED, [".example"], None),
        ("http://ny3.example" + REQUESTED, [".example"], None),
        ("http://127.0.0.1" + REQUESTED, [".example", "127.0.0.1"], None),
        ("//ny3.example" + REQUESTED, [".example"], None),
        (REQUESTED, [".example"], None),
        (OURS + REQUESTED, [".example"], None),
        ("https://ny3.example:99999" + REQUESTED, [".example"], None),
        ("https://[::1" + REQUESTED, [".example"], None),
        ("", [], None),
    ],
)
def test_only_an_allowed_host_over_https_gets_the_token(location: str, allowed: list[str], base: str | None) -> None:
    assert redirect_base(location, REQUESTED, OURS, allowed) == base


@pytest.mark.parametrize(
    ("requested", "same"),
    [
        ("/logs?deviceId=31&size=50", True),
        ("/logs?size=50&deviceId=31", True),
        ("/logs?deviceId=31&size=50&all=", False),
        ("/logs?deviceId=31&size=50&size=50", False),
        ("/logs?deviceId=31&size=500", False),
        ("/logs?deviceId=31", False),
        ("/timeline?deviceId=31&size=50", False),
        ("/logs?deviceId=31&size=50#x", False),
    ],
)
def test_the_redirect_must_have_the_same_query_in_any_order(requested: str, same: bool) -> None:
    there = "https://ny3.example"
    found = redirect_base(there + requested, "/logs?deviceId=31&size=50", OURS, [".example"])
    assert found == (there if same else None)


def test_the_host_of_a_redirect_is_shortened() -> None:
    where = "https://" + "e" * 300 + ".evil/x"
    with serving(each_request(redirected(where))) as server, pytest.raises(Redirected) as caught:
        gateway(Policy(Transport(server.url), limits=QUICK)).get_device(31)
    assert caught.value.host == "e" * 100


CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"
FAILURES = [answer(b"", status=f"{status} X") for status in (500, 502, 503, 504, 429, 408)]


@pytest.mark.parametrize("data", [b"", CUT, b"garbage\r\n\r\n", *FAILURES], ids=lambda data: repr(data[:12]))
def test_no_change_is_ever_sent_twice(data: bytes) -> None:
    with serving(once(data)) as server:
        api = gateway(Policy(Transport(server.url, timeouts=Timeouts(20, 20, 30, 30)), limits=QUICK))
        with pytest.raises(GatewayError):
            api.rename_device(31, "New")
        assert len(server.requests) == 1


def test_an_error_has_type_length_and_hash_of_the_body_only() -> None:
    with serving(each_request(answer(PAGE))) as server, pytest.raises(BadReply) as caught:
        gateway(Policy(Transport(server.url), limits=QUICK)).get_device(31)
    assert caught.value.detail == f"application/json, {len(PAGE)} bytes, sha256 {hashlib.sha256(PAGE).hexdigest()[:12]}"
    assert "canary" not in str(caught.value) + repr(vars(caught.value))


# --- Redis ------------------------------------------------------------------------------------------------------------


@pytest.mark.stack
def test_two_processes_share_state_through_redis_and_go_on_without_it(redis: str, settings: Any) -> None:
    from django.core.cache import cache

    from portal import cache as portal_cache
    from portal.shared_state import CacheSharedState

    backend = "portal.cache.FailOpenRedisCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": redis}}
    cache.clear()
    now = [0.0]

    def process() -> Policy:
        limits = QUICK._replace(rate_limit=100, sync_after_calls=1, sync_interval=0.0, max_retries=0)
        transport = Transport(f"http://127.0.0.1:{closed_port()}")
        return Policy(
            transport, limits=limits, store=CacheSharedState(), clock=lambda: now[0], wall=lambda: 2e9 + now[0]
        )

    one, two = process(), process()
    for at in range(20):
        with pytest.raises(GatewayError):
            gateway(one).get_device(at)
    assert two.platform_status().reads_retry_after > 9, "what one found out is known to the other"
    with pytest.raises(CircuitOpen):
        gateway(two).get_device(31)
    assert two.rate_limiter.count() >= 19

    now[0] += 10
    with serving(each_request(answer())) as server:
        two.transport = Transport(server.url)
        assert gateway(two).get_device(31).id == 31
    assert one.platform_status().reads_retry_after == 0, "closed for both"
    with serving(each_request(answer(b"", "Retry-After: 30", status="429 Too Many Requests"))) as server:
        one.transport = Transport(server.url)
        with pytest.raises(RateLimited):
            gateway(one).get_device(31)
    with pytest.raises(RateLimited):
        gateway(two).get_device(31)

    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": f"redis://127.0.0.1:{closed_port()}/0"}}
    try:
        three = process()
        for at in range(20):
            with pytest.raises(GatewayError):
                gateway(three).get_device(at)
        with pytest.raises(CircuitOpen):
            gateway(three).get_device(31)
        now[0] += 10
        with serving(each_request(answer())) as server:
            three.transport = Transport(server.url)
            assert gateway(three).get_device(31).id == 31
    finally:
        portal_cache.retry_at.clear()
        portal_cache.log_at.clear()
