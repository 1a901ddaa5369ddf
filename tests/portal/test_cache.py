"""The cache fails open: while Redis is down, pages work, and the log has one line about it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from portal import cache as portal_cache
from tests.devices.conftest import Person, platform, sign_in, soup, words  # noqa: F401 - fixtures
from tests.servers import SandboxServer
from tests.services import HOST, free_port

BACKEND = "portal.cache.FailOpenRedisCache"


@pytest.fixture
def redis_down(settings: Any) -> Iterator[None]:
    settings.CACHES = {"default": {"BACKEND": BACKEND, "LOCATION": f"redis://{HOST}:{free_port()}/0"}}
    yield
    portal_cache.retry_at.clear()
    portal_cache.log_at.clear()


@pytest.mark.usefixtures("redis_down")
def test_without_redis_sign_in_and_pages_work(sign_in: Any, fresh_sandbox: SandboxServer) -> None:  # noqa: F811
    admin: Person = sign_in("admin")
    for path in ("/devices/", "/devices/1/", "/devices/recent/", "/devices/new/"):
        assert admin.get(path).status_code == 200, path
    page = admin.get("/devices/new/")
    idempotency_key = soup(page).select_one("[name=idempotency_key]")["value"]  # type: ignore[index]
    filled = {"template_code": "TMPL2cRm01aQ9", "name": "Boiler room 300", "idempotency_key": idempotency_key}
    made = admin.post("/devices/new/", filled)
    assert made.status_code == 303
    shown = words(admin.get(made["Location"]))
    assert "Boiler room 300 was created. Read back at" in shown
    assert "Template Cold Room Controller" in shown


@pytest.mark.usefixtures("redis_down")
def test_every_read_is_a_miss_and_every_write_does_nothing() -> None:
    cache.set("a", 1)
    cache.set_many({"a": 1})
    cache.delete("a")
    cache.delete_many(["a"])
    cache.clear()
    assert cache.get("a", "default") == "default"
    assert cache.get_many(["a", "b"]) == {}
    assert cache.get_or_set("a", 5) == 5
    assert not cache.add("a", 1)
    assert not cache.touch("a")
    assert "a" not in cache
    for count in (cache.incr, cache.decr):
        with pytest.raises(ValueError, match="not found"):
            count("a")


@pytest.mark.usefixtures("redis_down")
def test_an_outage_is_logged_once_and_redis_left_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    get = portal_cache.RedisCache.get
    monkeypatch.setattr(portal_cache.RedisCache, "get", lambda *args: (calls.append(1), get(*args))[1])
    with caplog.at_level(logging.WARNING, "portal.cache"):
        for _ in range(20):
            cache.get("a")
    assert len(calls) == 1
    assert len(caplog.records) == 1


@pytest.mark.stack
def test_when_redis_is_back_it_is_used(redis: str, settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": BACKEND, "LOCATION": redis}}
    portal_cache.retry_at[redis] = time.monotonic() + 60
    cache.set("a", {"devices": 5})
    assert cache.get("a") is None
    portal_cache.retry_at[redis] = time.monotonic() - 1
    cache.set("a", {"devices": 5})
    cache.set_many({"b": 1, "c": 2})
    assert cache.get("a") == {"devices": 5}
    assert cache.get_many(["b", "c", "d"]) == {"b": 1, "c": 2}
    assert cache.incr("b") == 2
    cache.clear()


def test_in_memory_it_is_limited_in_bytes_and_evicts_the_least_recently_used() -> None:
    memory = portal_cache.BoundedMemoryCache("bounded", {"OPTIONS": {"MAX_BYTES": 100_000, "MAX_ENTRIES": 50}})
    for number in range(300):
        memory.set("mine", b"x" * 500)
        memory.set(f"many:{number}", b"x" * (number % 30) * 1000)
        assert memory.get("mine"), "used each time"
        assert memory.total_bytes <= 101_000, "values, and their keys"
    keys = [f"many:{number}" for number in range(300)]
    assert 0 < len(memory.get_many(keys)) <= 50
    assert memory.get("many:299")
    memory.set("whole", b"x" * 200_000)
    assert memory.get("whole") is None
    memory.set("a", 1)
    assert memory.incr("a") == 2
    for key in (*keys, "mine", "a", "a"):
        memory.delete(key)
    assert memory.total_bytes == 0
    memory.set("a", 1, timeout=0)
    assert memory.add("a", 2)
    assert memory.get("a") == 2
    memory.clear()
    assert memory.total_bytes == 0
