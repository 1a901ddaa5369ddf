"""The end of a sign-in drops its cached responses, and no others."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as portal_settings
from django.core.cache import cache, caches

from devices.gateway.response_cache import cache_group
from portal.auth import grants, session_admin
from portal.auth.models import ApiGrant
from portal.auth.signals import cache_scope
from tests.portal.conftest import Browser
from tests.servers import SandboxServer

BACKENDS = ("portal.cache.BoundedMemoryCache", "portal.cache.FailOpenRedisCache")


@pytest.fixture(params=BACKENDS, ids=["memory", "redis"])
def store(request: pytest.FixtureRequest, settings: Any) -> Any:
    options: dict[str, Any] = {"BACKEND": request.param, "LOCATION": "kept-end", "OPTIONS": {"MAX_BYTES": 10**7}}
    if "Redis" in request.param:
        options = {"BACKEND": request.param, "LOCATION": request.getfixturevalue("redis")}
    settings.CACHES = {"default": options}
    cache.clear()
    yield caches["default"]
    cache.clear()


def stored_keys(store: Any, handle: str) -> list[str]:
    """All stored keys of this sign-in."""
    begin = store.make_key(cache_group(cache_scope(handle)))
    held = store._cache.get_client().keys() if hasattr(store._cache, "get_client") else list(store._cache)
    return [key for key in (key.decode() if isinstance(key, bytes) else key for key in held) if key.startswith(begin)]


def by_themselves(browser: Browser, _handle: str) -> None:
    browser.get("/devices/1/")
    assert browser.post("/sign-out/").status_code == 303


def by_somebody_else(_browser: Browser, handle: str) -> None:
    session_admin.end_grants(ApiGrant.objects.filter(handle=handle), by="test")


def by_idling(browser: Browser, handle: str) -> None:
    ApiGrant.objects.filter(handle=handle).update(last_seen=time.time() - portal_settings.SESSION_IDLE - 1)
    browser.get("/devices/")


def by_age(browser: Browser, handle: str) -> None:
    old = time.time() - portal_settings.SESSION_COOKIE_AGE - 1
    ApiGrant.objects.filter(handle=handle).update(created_at=old)
    Browser().sign_in("viewer")


def by_the_platform(_browser: Browser, handle: str) -> None:
    grants.close_grant(handle, by="the platform")


@pytest.mark.parametrize("ended", [by_themselves, by_somebody_else, by_idling, by_age, by_the_platform])
def test_session_data_is_deleted_with_the_session(
    store: Any, signed_in: Callable[..., Browser], platform: SandboxServer, ended: Callable[[Browser, str], None]
) -> None:
    mine, other = signed_in("admin"), signed_in("support")
    handles = dict(ApiGrant.objects.values_list("handle", "profile"))
    (handle,) = [handle for handle, profile in handles.items() if "admin@" in profile]
    (others,) = [handle for handle, profile in handles.items() if "support@" in profile]
    for browser in (mine, other):
        assert browser.get("/devices/1/").status_code == 200
        assert [browser.get(path).status_code for path in ("/devices/", "/devices/recent/")] == [200, 200]
    before = stored_keys(store, others)
    assert len(before) >= 4
    for what in (":names", ":recent:"):
        assert [key for key in stored_keys(store, handle) if what in key], "not the answers alone"
    ended(mine, handle)
    assert stored_keys(store, handle) == []
    assert stored_keys(store, others) == before
    platform.fault("/device", "status", status=503)
    assert "As of" in other.get("/devices/1/").content.decode(), "and can still stand in for an answer"


def test_the_index_of_keys_forgets_expired_keys(redis: str, settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": BACKENDS[1], "LOCATION": redis}}
    cache.clear()
    store: Any = caches["default"]
    now = time.time()
    store.set_in_group("answer:a", "answer:a:old", 1, 3600)
    client = store._cache.get_client()
    listed = store.make_key("answer:a")
    store.delete("answer:a:old")
    client.zadd(listed, {store.make_key("answer:a:old"): now - 1})
    store.set_in_group("answer:a", "answer:a:new", 2, 3600)
    assert client.zrange(listed, 0, -1) == [store.make_key("answer:a:new").encode()]
    assert 0 < client.ttl(listed) <= 3600
    assert store.get("answer:a:new") == 2
    store.delete_groups(["answer:a", "answer:nobody"])
    assert client.keys() == []
