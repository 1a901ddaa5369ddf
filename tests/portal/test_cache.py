"""The shared cache is a courtesy: while Redis is down, pages work, and the log says so once."""

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
    """Nobody listens where the cache should be."""
    settings.CACHES = {"default": {"BACKEND": BACKEND, "LOCATION": f"redis://{HOST}:{free_port()}/0"}}
    yield
    portal_cache._asked_again.clear()
    portal_cache._told_again.clear()


@pytest.mark.usefixtures("redis_down")
def test_without_redis_one_signs_in_and_works(sign_in: Any, fresh_sandbox: SandboxServer) -> None:  # noqa: F811
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
def test_every_question_is_a_miss_and_every_write_is_nothing() -> None:
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
def test_it_is_told_once_and_not_asked_at_every_turn(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    kept = portal_cache.RedisCache.get
    monkeypatch.setattr(portal_cache.RedisCache, "get", lambda *args: (asked.append(1), kept(*args))[1])
    with caplog.at_level(logging.WARNING, "portal.cache"):
        for _turn in range(20):
            cache.get("a")
    assert len(asked) == 1
    assert len(caplog.records) == 1


@pytest.mark.stack
def test_when_redis_is_back_it_is_used(redis: str, settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": BACKEND, "LOCATION": redis}}
    portal_cache._asked_again[redis] = time.monotonic() + 60
    cache.set("a", {"devices": 5})
    assert cache.get("a") is None
    portal_cache._asked_again[redis] = time.monotonic() - 1
    cache.set("a", {"devices": 5})
    cache.set_many({"b": 1, "c": 2})
    assert cache.get("a") == {"devices": 5}
    assert cache.get_many(["b", "c", "d"]) == {"b": 1, "c": 2}
    assert cache.incr("b") == 2
    cache.clear()


def test_in_memory_it_is_bounded_by_bytes_and_forgets_what_was_used_least() -> None:
    kept = portal_cache.BoundedMemoryCache("bounded", {"OPTIONS": {"MAX_BYTES": 100_000, "MAX_ENTRIES": 50}})
    for number in range(1000):
        kept.set("mine", b"x" * 500)
        kept.set(f"many:{number}", b"x" * (number % 30) * 1000)
        assert kept.get("mine"), "used at every turn"
        assert sum(map(len, kept._cache.values())) <= 100_000
        assert len(kept._cache) <= 50
    assert kept.get("many:999")
    kept.set("whole", b"x" * 200_000)
    assert kept.get("whole") is None
    kept.set("a", 1)
    assert kept.incr("a") == 2
    for key in (*list(kept._cache), "a"):
        kept.delete(key.rpartition(":1:")[2])
    assert kept._bytes == {"": 0}, "nothing is counted that is not there"
    kept.set("a", 1, timeout=0)
    assert kept.add("a", 2)
    assert kept.get("a") == 2
    kept.clear()
    assert kept._bytes == {"": 0}
