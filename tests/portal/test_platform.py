"""What the portal hands to the resilience policy: the person, the priority and the kind of a call."""

from __future__ import annotations

import re
from typing import Any

from devices.gateway.resilience.limits import Limits
from portal.platform import transport
from tests.portal.conftest import Browser, words
from tests.servers import SandboxServer


def test_a_poll_has_a_lower_rate_limit_than_people(signed_in: Any, settings: Any) -> None:
    browser: Browser = signed_in()
    settings.PLATFORM_API_LIMITS = Limits(poll_rate_share=0.0)
    transport.cache_clear()
    polled = browser.get("/devices/2/?poll=on")
    assert polled.status_code == 429
    assert int(polled["Retry-After"]) > 0
    assert browser.get("/devices/2/").status_code == 200


def test_a_script_reaches_its_share_and_others_are_served(signed_in: Any, settings: Any) -> None:
    script, other = signed_in("admin"), signed_in("support")
    settings.PLATFORM_API_LIMITS = Limits(rate_limit=40)
    transport.cache_clear()
    assert script.get("/devices/2/").status_code == 200
    for number in range(30):
        refused = script.get(f"/devices/?q=pump{number}")
        if refused.status_code == 429:
            break
    assert refused.status_code == 429
    assert "You have reached your share of the requests per minute, so this one was not sent." in words(refused)
    assert "Nothing was changed." in words(refused)
    assert "The rest is reserved for other people." in words(refused)
    assert "The limit is shared by everybody" not in words(refused)
    assert 0 < int(refused["Retry-After"]) <= 62
    old = words(script.get("/devices/2/"))
    assert "you have too many calls at the moment, and the platform was not asked" in old
    assert "because the platform was not asked since" in old
    assert "cannot be reached" not in old
    assert other.get("/devices/2/").status_code == 200
    form = script.post("/devices/2/trigger-event/", {"code": "overheat", "reason": "r"})
    assert form.status_code == 429
    assert "You have reached your share" in words(form)
    assert re.search(r"Wait \d+ seconds? and send it again", words(form))


def test_sign_in_is_refused_at_once_while_token_calls_keep_failing(platform: SandboxServer, browser: Browser) -> None:
    platform.fault("/oauth2/token", kind="status", status=500)
    for _ in range(20):
        assert browser.sign_in().status_code == 502
    platform.clear_requests()
    refused = browser.sign_in()
    assert (refused.status_code, platform.requests()) == (503, [])
    assert 0 < int(refused["Retry-After"]) <= 10
    assert 0 < transport().platform_status().tokens_retry_after <= 10
    assert transport().platform_status().reads_retry_after == 0
