"""Forms whose device cannot be read, and forms while changes are disabled."""

from __future__ import annotations

import pytest

from devices.audit.models import AuditEntry
from devices.gateway.client import Gateway
from devices.gateway.resilience.policy import PlatformStatus
from tests.devices import fleet
from tests.devices.audit import entries
from tests.devices.changes.forms import writes
from tests.devices.conftest import Person
from tests.html import one, soup, words
from tests.servers import SandboxServer

pytestmark = pytest.mark.usefixtures("fresh_sandbox")
DEVICE = f"/devices/{fleet.RICH}/"
FORMS = {
    "rename/": "Rename device",
    "remove-owner/": "Remove the owner",
    "transfer-to-owner/": "Transfer to another owner",
    "transfer-to-owner/?owner=me": "Transfer to another owner",
    "transfer-to-organization/": "Transfer to another organization",
    "clear/": "Erase data",
    "delete/": "Delete the device",
    "reveal-token/": "Device token",
}


def test_a_degraded_form_names_the_device_and_offers_a_retry(admin: Person, platform: SandboxServer) -> None:
    platform.fault("/device/baseInfo", "status", status=500)
    platform.fault("/device/metafield", "status", status=500)
    for form, title in {**FORMS, "metafields/1/": "Edit metafield"}.items():
        answer = admin.get(DEVICE + form)
        page = soup(answer)
        assert answer.status_code == 502, form
        assert one(page, "h1").get_text() == title
        assert f"Device {fleet.RICH}" in words(answer)
        assert page.select_one(f'a#try-again[href="{DEVICE}{form}"]')
        assert page.select_one(f'main .actions a[href="{DEVICE}"]')
        assert page.select_one("main code"), "the request's number"
        assert not page.select("main form[method=post]"), "nothing is compared with, so nothing is sent"
        assert words(answer).count("reports a fault") <= 1
    dialog = soup(admin.htmx(DEVICE + "rename/"))
    assert one(dialog, "h2#dialog-title").get_text() == "Rename device"
    assert dialog.select_one(f'a[href="{DEVICE}rename/"][hx-target="#dialog"]')
    assert dialog.select("[data-close-dialog]")


def test_an_event_can_be_triggered_by_its_code_without_device_data(admin: Person, platform: SandboxServer) -> None:
    platform.fault("/device/baseInfo", "status", status=500)
    for ask in (admin.get, admin.htmx):
        answer = ask(DEVICE + "trigger-event/")
        assert answer.status_code == 200
        assert f"Device {fleet.RICH}" in words(answer)
        assert "enter its code" in words(answer)
        assert soup(answer).select_one("form input[type=text][name=code]")
        assert "nothing can be changed" not in words(answer)
    assert admin.post(DEVICE + "trigger-event/", {"code": "door_open"}).status_code == 303
    assert writes(platform) == [("POST", "/device/trigger-event")]


@pytest.mark.parametrize(("stands", "status"), [({"writes_retry_after": 9.0}, 503), ({"backoff": 9.0}, 429)])
def test_an_undo_is_refused_at_once_while_changes_are_disabled(
    admin: Person,
    platform: SandboxServer,
    monkeypatch: pytest.MonkeyPatch,
    stands: dict[str, float],
    status: int,
) -> None:
    entry = entries.entry()
    here = f"/audit/{entry.pk}/undo/"
    monkeypatch.setattr(Gateway, "platform_status", lambda self: PlatformStatus(**stands))
    platform.clear_requests()
    assert "Not now" in words(admin.get(here))
    refused = admin.post(here, {"idempotency_key": "1", "reason": "HC-3"})
    assert refused.status_code == status
    assert "Nothing was changed." in words(refused)
    assert one(refused, "main form [name=reason]")["value"] == "HC-3"
    assert not [sent for sent in platform.requests() if "/device" in sent["path"]]
    assert AuditEntry.objects.count() == 1
    idempotency_key = one(refused, "main form [name=idempotency_key]")["value"]
    assert idempotency_key != "1"
