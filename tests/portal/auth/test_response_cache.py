"""The response cache of signed-in people: versions in their grants, in every process and browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from portal.auth import grants
from portal.auth.models import ApiGrant
from portal.auth.sso.identity import Identity
from tests.portal.auth.token_endpoint import PERSON, TokenEndpoint
from tests.portal.conftest import Browser, calls, words
from tests.servers import SandboxServer

TAB = "/devices/1/changes/"
RENAME = "/devices/1/rename/"


@pytest.fixture
def process(settings: Any) -> Callable[[str], None]:
    """`process("two")`: from now on the portal has the memory of another process."""

    def become(name: str) -> None:
        backend = "django.core.cache.backends.locmem.LocMemCache"
        settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": name}}

    return become


def versions() -> dict[str, tuple[int, int]]:
    return {row.handle: (row.device_cache_version, row.directory_cache_version) for row in ApiGrant.objects.all()}


def test_a_bump_raises_the_version_in_every_grant_of_the_person_and_no_other(db: None, endpoint: TokenEndpoint) -> None:
    person = grants.access_for(PERSON, "").person
    first, second = (grants.open_grant(endpoint.tokens(), PERSON) for _ in range(2))
    signed_on = grants.open_grant(endpoint.tokens(), PERSON, Identity("https://idp.example|ann", "ann@example.com"))
    nobody = [grants.open_grant(None, _of(0), Identity(f"https://idp.example|{n}", "")) for n in "bc"]
    other = grants.open_grant(endpoint.tokens(), _of(PERSON.id + 1))
    grants.bump_cache_version(person, PERSON.id, directory=False)
    assert {handle: versions()[handle] for handle in (first, second, signed_on)} == dict.fromkeys(
        (first, second, signed_on), (1, 0)
    )
    assert [versions()[handle] for handle in (other, *nobody)] == [(0, 0)] * 3
    grants.bump_cache_version("https://idp.example|b", 0, directory=True)
    assert [versions()[handle] for handle in (*nobody, first)] == [(0, 1), (0, 0), (1, 0)]
    row = grants.read(first)
    assert row is not None
    assert (row.device_cache_version, row.directory_cache_version, row.version) == (1, 0, 1)


def _of(user: int) -> Any:
    import msgspec

    return msgspec.structs.replace(PERSON, id=user)


def test_a_person_s_own_change_is_seen_at_once_in_every_process_and_browser(
    signed_in: Callable[..., Browser], platform: SandboxServer, process: Callable[[str], None]
) -> None:
    here, there = signed_in("admin"), signed_in("admin")
    for name in ("one", "two"):
        process(name)
        there.get(TAB)
        platform.clear_requests()
        assert "Renamed here" not in words(there.get(TAB))
        assert calls(platform, "/device/baseInfo") == 0, "read a moment ago"
    process("one")
    assert here.post(RENAME, {"name": "Renamed here"}).status_code == 303
    for name in ("one", "two"):
        process(name)
        assert "Renamed here" in words(there.get(TAB))


def test_a_read_before_a_change_bypasses_the_cache(signed_in: Callable[..., Browser], platform: SandboxServer) -> None:
    browser = signed_in("admin")
    browser.get(TAB)
    paths = (RENAME, "/devices/1/remove-owner/", "/devices/1/delete/", "/devices/1/clear/", "/devices/1/trigger-event/")
    for path in (*paths, "/devices/1/transfer-to-owner/", "/devices/1/transfer-to-organization/"):
        platform.clear_requests()
        assert browser.get(path).status_code == 200
        assert calls(platform, "/device/baseInfo") == 1, path
    platform.fault("/device/baseInfo", "status", status=503)
    assert browser.get(RENAME).status_code >= 500, "no stale response before a change"
    assert browser.get(TAB).status_code == 200, "but the page is shown"


def test_people_do_not_share_cached_responses(signed_in: Callable[..., Browser], platform: SandboxServer) -> None:
    signed_in("admin").get(TAB)
    signed_in("support").get(TAB)
    assert calls(platform, "/device/baseInfo") == 1, "their own call"
    cache.clear()
