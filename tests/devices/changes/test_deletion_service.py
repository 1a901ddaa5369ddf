"""Deleting and erasing on the rails of the trail: read back, never repeated, chosen anew where the device changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from devices.audit.models import AuditEntry, AuditOutcome
from devices.changes import reconciliation
from devices.gateway.errors import TimedOut
from devices.gateway.transport import Transport
from devices.receipts.models import Receipt
from tests.devices import fleet
from tests.devices.changes.forms import NAME, filled, writes
from tests.devices.conftest import Person, SignIn, soup, words
from tests.servers import SandboxServer

DELETE, CLEAR = f"/devices/{fleet.RICH}/delete/", f"/devices/{fleet.RICH}/clear/"
PATHS = {DELETE: "/device", CLEAR: "/device/clear"}
SURE = {"confirm": NAME, "reason": "HC-20418"}

pytestmark = pytest.mark.usefixtures("fresh_sandbox")

both = pytest.mark.parametrize("url", [DELETE, CLEAR], ids=["delete", "clear"])


def opened(person: Person, url: str) -> dict[str, str]:
    """The form as its page gives it, filled in."""
    form = filled(person.get(url)) | SURE
    form.pop("without", None)
    return form


def events(platform: SandboxServer) -> int:
    return int(platform.get("/device/timeline", deviceId=fleet.RICH).json()["totalElements"])


def outcomes() -> list[tuple[str, bool]]:
    return [(row.outcome, row.final) for row in AuditOutcome.objects.order_by("pk")]


@both
def test_carried_out_and_the_answer_cut_off_it_is_confirmed_by_reading(
    admin: Person, platform: SandboxServer, url: str
) -> None:
    platform.fault(PATHS[url], "cut", method="DELETE", apply=True)
    answer = admin.post(url, opened(admin, url))
    assert answer.status_code == 303
    assert "The platform’s reply was lost. Read back at" in words(admin.get(answer["Location"]))
    assert writes(platform) == [("DELETE", PATHS[url])]
    assert outcomes() == [("confirmed", True)]


@both
def test_dropped_before_it_was_carried_out_the_form_comes_back_with_everything_typed(
    admin: Person, platform: SandboxServer, url: str
) -> None:
    platform.fault(PATHS[url], "drop", method="DELETE", times=1)
    answer = admin.post(url, opened(admin, url))
    assert answer.status_code in (502, 503)
    assert "nothing was changed" in words(answer)
    assert filled(answer) | SURE == filled(answer)
    assert outcomes() == [("rejected", True)]
    assert events(platform) == 640
    again = admin.post(url, filled(answer))
    assert again.status_code == 303
    assert outcomes()[1:] == [("confirmed", True)]


@both
def test_a_time_out_is_an_outcome_that_nobody_knows_until_a_later_look(
    admin: Person, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    send = Transport.send

    def too_slow(self: Transport, method: str, path: str, **more: Any) -> Any:
        if method == "DELETE":
            raise TimedOut  # the platform is still at it
        return send(self, method, path, **more)

    form = opened(admin, url)
    monkeypatch.setattr(Transport, "send", too_slow)
    answer = admin.post(url, form)
    assert answer.status_code == 504
    assert "not known whether this was done" in words(answer)
    assert not soup(answer).select("main form[method=post]")
    assert outcomes() == [("unknown", False)]
    # The same form again shows the same, and sends nothing.
    monkeypatch.setattr(Transport, "send", send)
    assert "not known whether this was done" in words(admin.post(url, form))
    assert writes(platform) == []
    platform.call("DELETE", PATHS[url], params={"deviceId": fleet.RICH})
    look = soup(answer).select_one("main a.primary")
    assert look is not None
    assert "Confirmed" in words(admin.get(str(look["href"])))
    assert outcomes()[-1] == ("confirmed", True)


def test_an_open_deletion_is_settled_by_whoever_opens_the_devices_page(admin: Person, platform: SandboxServer) -> None:
    platform.fault("/device", "cut", method="DELETE", apply=True)
    form = opened(admin, DELETE)
    platform.fault("/device/baseInfo", "status", status=500, skip=2)
    assert admin.post(DELETE, form).status_code >= 500
    assert outcomes() == [("unknown", False)]
    platform.clear_faults()
    assert admin.get(f"/devices/{fleet.RICH}/").status_code == 404
    assert outcomes() == [("unknown", False), ("confirmed", True)]


def test_a_device_that_a_stranger_cannot_see_is_not_taken_for_deleted(
    admin: Person, sign_in: SignIn, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Transport.send

    def too_slow(self: Transport, method: str, path: str, **more: Any) -> Any:
        if method == "DELETE":
            raise TimedOut
        return send(self, method, path, **more)

    form = opened(admin, DELETE)
    monkeypatch.setattr(Transport, "send", too_slow)
    assert admin.post(DELETE, form).status_code == 504
    stranger = sign_in("north")
    assert stranger.get(f"/devices/{fleet.RICH}/").status_code == 404
    assert not AuditOutcome.objects.filter(final=True).exists()


@both
def test_the_same_form_twice_is_one_change_and_one_receipt(admin: Person, platform: SandboxServer, url: str) -> None:
    form = opened(admin, url)
    first, second = admin.post(url, form), admin.post(url, form)
    assert first.status_code == second.status_code == 303
    assert first["Location"] == second["Location"]
    assert len(writes(platform)) == AuditEntry.objects.count() == Receipt.objects.count() == 1


@both
def test_a_device_that_changed_hands_since_the_page_was_opened_is_left_alone(
    admin: Person, platform: SandboxServer, url: str
) -> None:
    form = opened(admin, url)
    platform.call("DELETE", "/device/owner", params={"deviceId": fleet.RICH})
    platform.clear_requests()
    answer = admin.post(url, form)
    assert answer.status_code == 409
    assert "Somebody changed this since you opened the form" in words(answer)
    assert writes(platform) == []
    assert not AuditEntry.objects.exists()
    again = filled(answer)
    assert again | SURE == again
    assert admin.post(url, again).status_code == 303


@both
def test_a_device_that_cannot_be_read_costs_nobody_the_reason(admin: Person, platform: SandboxServer, url: str) -> None:
    form = opened(admin, url)
    platform.fault("/device/baseInfo", "status", status=500)
    answer = admin.post(url, form)
    assert answer.status_code == 502
    assert "Nothing was changed." in words(answer)
    assert filled(answer) | SURE == filled(answer)
    platform.clear_faults()
    assert admin.post(url, filled(answer)).status_code == 303


def test_erased_and_new_events_since_is_told_from_not_erased(
    admin: Person, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the platform's own times: the portal's clock may say what it likes."""
    fast = timezone.now() + timedelta(minutes=5)
    monkeypatch.setattr(reconciliation.timezone, "now", lambda: fast)
    platform.switch(timeline_delay=0)
    form = opened(admin, CLEAR)
    send = Transport.send

    def erased_and_reported(self: Transport, method: str, path: str, **more: Any) -> Any:
        answer = send(self, method, path, **more)
        if method == "DELETE":
            event = {"deviceId": fleet.RICH, "eventCode": "door_open"}
            assert platform.call("POST", "/device/trigger-event", json=event).status_code < 300
        return answer

    monkeypatch.setattr(Transport, "send", erased_and_reported)
    assert admin.post(CLEAR, form).status_code == 303
    assert events(platform) == 1
    row = AuditOutcome.objects.get()
    assert (row.outcome, row.evidence) == ("confirmed", "read_back")


def test_accepted_but_the_events_are_still_there_is_not_shown_as_done(admin: Person, platform: SandboxServer) -> None:
    platform.fault("/device/clear", "empty", status=204, method="DELETE")
    answer = admin.post(CLEAR, opened(admin, CLEAR))
    assert answer.status_code == 202
    assert "accepted it, but it does not read back so" in words(answer)
    assert outcomes() == [("unknown", False)]
    assert events(platform) == 640


def test_an_empty_timeline_proves_nothing(admin: Person, platform: SandboxServer) -> None:
    """The history of values may be there still: nothing that can be read would tell."""
    platform.call("DELETE", "/device/clear", params={"deviceId": fleet.RICH})
    platform.fault("/device/clear", "drop", method="DELETE", times=1)
    answer = admin.post(CLEAR, opened(admin, CLEAR))
    assert "not known whether this was done" in words(answer)
    entry = AuditEntry.objects.get()
    with_time = timezone.now() + timedelta(minutes=2)
    with pytest.MonkeyPatch.context() as later:
        later.setattr(reconciliation.timezone, "now", lambda: with_time)
        admin.get(f"/audit/{entry.pk}/")
    assert outcomes()[-1] == ("unknown", True)


def test_without_the_right_to_the_timeline_the_platforms_word_is_told_as_such(
    admin: Person, platform: SandboxServer
) -> None:
    platform.fault("/device/timeline", "status", status=403)
    form = opened(admin, CLEAR)
    refused = admin.post(CLEAR, form)
    answer = admin.post(CLEAR, filled(refused) | {"without": "on"})
    assert answer.status_code == 303
    assert "The platform accepted it; the portal cannot read it back." in words(admin.get(answer["Location"]))
