"""Removing the owner: closed where there is none, and out of sight for who sees only their own."""

from __future__ import annotations

import pytest

from portal.platform import transport
from tests.devices import fleet
from tests.devices.changes.forms import ANA, held, lines, writes
from tests.devices.conftest import Person, SignIn, soup, words
from tests.servers import SandboxServer

REMOVE = f"/devices/{fleet.RICH}/remove-owner/"
INSTALLERS = 10
"""Owned by installer@example.com, who sees only what they own."""

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


def test_an_owner_is_removed_and_the_page_tells_what_reads_back(
    support: Person, platform: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    dialog = support.htmx(REMOVE)
    assert "ana.lund@example.org" in words(dialog)
    assert "No owner, still in Halden Cooling" in words(dialog)
    answer = support.htmx(REMOVE, {})
    said = words(support.get(answer["HX-Redirect"]))
    assert "The owner was removed. Read back at " in said
    assert "ana.lund@example.org → nobody" in said
    assert "Now: owner nobody, organization Halden Cooling." in said
    assert not held(platform).get("ownerUserId")
    assert f'before="{ANA}"' in lines(caplog)[0]


def test_a_device_without_owner_has_none_to_remove(support: Person, platform: SandboxServer) -> None:
    url = f"/devices/{fleet.NO_OWNER}/remove-owner/"
    for page in (support.get(url), support.htmx(url)):
        assert page.status_code == 200
        assert "This device has no owner to remove." in words(page)
        assert not soup(page).select("form.dialog-content button[type=submit]")
    answer = support.post(url)
    assert answer.status_code == 422
    assert "This device has no owner to remove." in words(answer)
    assert writes(platform) == []


def test_who_sees_only_their_own_is_warned_and_loses_sight_of_it(sign_in: SignIn, platform: SandboxServer) -> None:
    installer = sign_in("installer")
    url = f"/devices/{INSTALLERS}/remove-owner/"
    assert "Afterwards you will not see this device" in words(installer.htmx(url))
    answer = installer.post(url)
    assert answer.status_code == 303
    shown = installer.get(answer["Location"])
    assert shown.status_code == 200
    assert "The owner was removed. The platform accepted it. You can no longer see the device" in words(shown)
    assert "You → nobody" in words(shown)
    assert not held(platform, INSTALLERS).get("ownerUserId")
    assert installer.get(f"/devices/{INSTALLERS}/").status_code == 403


@pytest.mark.parametrize("status", [429, 404])
def test_in_a_dialog_what_was_typed_outlives_a_limit_at_the_reading(
    support: Person, platform: SandboxServer, status: int
) -> None:
    platform.fault("/device/baseInfo", "status", status=status, retry_after=60)
    answer = support.htmx(REMOVE, {"reason": "HC-7"})
    assert answer.status_code == status
    assert writes(platform) == []
    if status == 429:
        assert answer["Retry-After"] == "60"
        assert "Nothing was changed. Wait 60 seconds and send it again." in words(answer)
        assert soup(answer).select_one("form input[name=reason]")["value"] == "HC-7"  # type: ignore[index]
        platform.clear_faults()
        transport.cache_clear()  # as if the minute were over
        assert "HX-Redirect" in support.htmx(REMOVE, {"reason": "HC-7"})
