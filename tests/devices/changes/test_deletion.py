"""Deleting a device and erasing its data: what is told before, what has to be typed, what counts as done."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from devices.audit.models import AuditEntry, AuditOutcome
from devices.gateway.transport import Transport
from tests.devices import fleet
from tests.devices.changes.forms import NAME, held, lines, writes
from tests.devices.conftest import Person, soup, words
from tests.servers import SandboxServer

DELETE, CLEAR = f"/devices/{fleet.RICH}/delete/", f"/devices/{fleet.RICH}/clear/"
SURE = {"confirm": NAME, "reason": "HC-20418"}

pytestmark = pytest.mark.usefixtures("fresh_sandbox")

both = pytest.mark.parametrize("url", [DELETE, CLEAR], ids=["delete", "clear"])


def parts(page: Any, of: str) -> str:
    """The list of what will be deleted, or of what will be kept."""
    return " ".join(soup(page).select_one(f".{of}").get_text(" ").split())  # type: ignore[union-attr]


def test_the_page_tells_whose_device_it_is_and_what_goes_and_stays(admin: Person) -> None:
    page = admin.get(DELETE)
    facts = soup(page).select_one("dl.facts")
    assert facts is not None
    for fact in ("ana.lund@example.org", "Halden Cooling", "Online", "ago", "UTC"):
        assert fact in facts.get_text()
    for gone in ("The device and its ID 1", "640 events in its timeline", "160 entries in the log", "Its token"):
        assert gone in parts(page, "impact-deleted")
    stays = parts(page, "impact-kept")
    for kept in ("ana.lund@example.org", "Cold Room Controller, Halden Cooling", "A receipt, to download"):
        assert kept in stays
    assert "An entry in the portal’s audit" in stays
    assert "without the history of values" in stays


@both
def test_the_page_tells_how_long_the_trail_and_the_receipt_are_kept(admin: Person, settings: Any, url: str) -> None:
    settings.AUDIT_KEEP_DAYS = 365
    assert parts(admin.get(url), "impact-kept").count("Kept for 365 days.") == 2
    assert "keeps no copy" not in words(admin.get(url))


def test_a_device_in_use_is_warned_of_and_a_milder_way_offered(admin: Person) -> None:
    page = admin.get(DELETE)
    assert "This device is online and in use." in words(page)
    assert soup(page).select_one(f"a[href='/devices/{fleet.RICH}/remove-owner/']")
    quiet = admin.get(f"/devices/{fleet.NO_OWNER}/delete/")
    assert "online and in use" not in words(quiet)
    assert not soup(quiet).select_one("main a[href$='/remove-owner/']")
    assert "The owner’s account" not in words(quiet)


def test_the_erasing_page_tells_what_goes_and_what_stays(admin: Person) -> None:
    page = admin.get(CLEAR)
    for gone in ("The history of all values", "640 events in its timeline", "Its statistics"):
        assert gone in parts(page, "impact-deleted")
    for kept in ("The device and its ID 1", "Its token", "metafields and tags"):
        assert kept in parts(page, "impact-kept")
    assert "does not say whether it also erases the current values" in words(page)


@both
def test_what_cannot_be_counted_does_not_hold_the_decision_up(admin: Person, platform: SandboxServer, url: str) -> None:
    platform.fault("/device/timeline", "status", status=500)
    platform.fault("/device/logs", "html")
    page = admin.get(url)
    assert page.status_code == 200
    assert "Its timeline" in parts(page, "impact-deleted")


def test_what_goes_is_counted_at_the_same_time(admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    both_asked = threading.Barrier(2, timeout=20)
    send = Transport.send

    def together(self: Transport, method: str, path: str, **more: Any) -> Any:
        if path.endswith(("/timeline", "/logs")):
            both_asked.wait()  # one after the other would break it
        return send(self, method, path, **more)

    monkeypatch.setattr(Transport, "send", together)
    page = admin.get(DELETE)
    assert "640 events in its timeline" in parts(page, "impact-deleted")
    assert "160 entries in the log" in parts(page, "impact-deleted")


def test_a_deleted_device_is_gone_and_the_list_says_so(
    admin: Person, platform: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    answer = admin.post(DELETE, SURE)
    assert answer.status_code == 303
    assert answer["Location"].startswith("/devices/?change=")
    page = admin.get(answer["Location"])
    assert f"{NAME} was deleted. Read back at " in words(page)
    assert held(platform) == {}
    (line,) = lines(caplog)
    assert line.startswith("delete_device ")
    assert f'name="{NAME}"' in line
    assert 'outcome="confirmed"' in line
    assert 'reason="HC-20418"' in line


def test_by_htmx_the_list_is_opened_too(admin: Person, platform: SandboxServer) -> None:
    answer = admin.htmx(DELETE, SURE)
    assert answer["HX-Redirect"].startswith("/devices/?change=")
    assert held(platform) == {}


def test_erased_data_is_gone_and_the_device_stays(admin: Person, platform: SandboxServer) -> None:
    answer = admin.post(CLEAR, SURE)
    assert answer.status_code == 303
    assert answer["Location"].startswith(f"/devices/{fleet.RICH}/?change=")
    said = words(admin.get(answer["Location"]))
    assert f"The data of {NAME} was erased." in said
    assert "640 events in the timeline → nothing" in said
    assert ": the timeline was erased." in said
    assert platform.get("/device/timeline", deviceId=fleet.RICH).json()["totalElements"] == 0
    assert held(platform)["name"] == NAME


@both
@pytest.mark.parametrize(
    "typed", ["", "cold room 14 - door's sensor", "Cold room 14", NAME + "!", "1", NAME * 100, "<b>x</b>"]
)
def test_any_other_name_sends_nothing_and_stays_in_the_field(
    admin: Person, platform: SandboxServer, url: str, typed: str
) -> None:
    answer = admin.post(url, SURE | {"confirm": typed})
    assert answer.status_code == 422
    field = soup(answer).select_one("input[name=confirm]")
    assert field is not None
    assert field["aria-invalid"] == "true"
    assert field.get("value", "") == typed
    assert f"Type exactly: {NAME}" in words(answer)
    assert soup(answer).select_one("input[name=reason]")["value"] == "HC-20418"  # type: ignore[index]
    assert soup(answer).title.get_text().startswith("Error:")  # type: ignore[union-attr]
    assert writes(platform) == []


@both
def test_a_reason_is_required(admin: Person, platform: SandboxServer, url: str) -> None:
    for reason in ("", "   "):
        answer = admin.post(url, SURE | {"reason": reason})
        assert answer.status_code == 422
        assert "Give a reason" in words(answer)
        assert field_is_kept(answer)
    assert writes(platform) == []


def field_is_kept(answer: Any) -> bool:
    return bool(soup(answer).select_one("input[name=confirm]")["value"] == NAME)  # type: ignore[index]


def test_blanks_and_the_apostrophe_of_phones_do_not_count(admin: Person, platform: SandboxServer) -> None:
    typed = "  Cold  room 14 - door\N{RIGHT SINGLE QUOTATION MARK}s sensor "
    assert admin.post(DELETE, SURE | {"confirm": typed}).status_code == 303
    assert held(platform) == {}


@pytest.mark.parametrize("device", [112, 113, 114, 115, 117, 118, 119, 120, 121, 122, 124, 128])
def test_names_of_older_rules_can_be_typed_as_they_are_shown(
    admin: Person, platform: SandboxServer, device: int
) -> None:
    url = f"/devices/{device}/delete/"
    shown = soup(admin.get(url)).select_one("#id_confirm-hint b").get_text()  # type: ignore[union-attr]
    assert admin.post(url, {"confirm": shown, "reason": "x"}).status_code == 303
    assert held(platform, device) == {}


@pytest.mark.parametrize("device", [123, 127], ids=["control characters", "2000 characters"])
def test_a_name_nobody_can_type_is_confirmed_by_the_id(admin: Person, platform: SandboxServer, device: int) -> None:
    url = f"/devices/{device}/delete/"
    page = admin.get(url)
    assert "Type the device ID to confirm" in words(page)
    assert soup(page).select_one("#id_confirm-hint b").get_text() == str(device)  # type: ignore[union-attr]
    assert admin.post(url, {"confirm": str(device), "reason": "x"}).status_code == 303
    assert held(platform, device) == {}


@pytest.mark.parametrize("path", ["/device/baseInfo", "/device"], ids=["before", "in between"])
def test_a_device_that_is_gone_already_counts_as_deleted(admin: Person, platform: SandboxServer, path: str) -> None:
    platform.fault(path, "status", status=404)
    for post in (admin.post, admin.htmx):
        answer = post(DELETE, SURE)
        assert (answer.get("Location") or answer.get("HX-Redirect")) == "/devices/"
        platform.clear_faults()
        assert "Device 1 no longer exists" in words(admin.get("/devices/"))
        platform.fault(path, "status", status=404)
    entries = AuditEntry.objects.filter(operation="delete_device")
    assert [entry.reason for entry in entries] == ["HC-20418"], "however often it is pressed"
    assert {entry.outcomes.get().outcome for entry in entries} == {AuditOutcome.REJECTED}
    told = words(admin.get(f"/audit/{entries[0].pk}/"))
    assert "The device no longer existed, or was out of reach." in told


def test_the_page_of_a_device_that_is_gone_says_so(admin: Person) -> None:
    answer = admin.get(f"/devices/{fleet.NOBODY}/delete/")
    assert answer.status_code == 404
    assert "may have been deleted" in words(answer)


def test_a_device_renamed_meanwhile_is_not_deleted_under_its_old_name(admin: Person, platform: SandboxServer) -> None:
    platform.call("PUT", "/device", params={"deviceId": fleet.RICH}, json={"name": "Cold room 99"})
    answer = admin.post(DELETE, SURE)
    assert answer.status_code == 422
    assert "Type exactly: Cold room 99" in words(answer)
    assert held(platform)["name"] == "Cold room 99"


@pytest.mark.parametrize("device", list(fleet.HOSTILE))
def test_hostile_names_are_text_on_both_pages(admin: Person, device: int) -> None:
    for what in ("delete", "clear"):
        page = admin.get(f"/devices/{device}/{what}/")
        assert page.status_code == 200
        assert not soup(page).select("main script, main img")
        assert "alert(" not in "".join(tag.get_text() for tag in soup(page).select("script"))
