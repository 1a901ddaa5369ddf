"""The page of one entry, and the tab of a device."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from devices.audit.models import AuditEntry, AuditOutcome
from tests.devices.audit import entries
from tests.devices.conftest import Person, soup, words
from tests.servers import SandboxServer

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


def test_the_page_shows_all_details(admin: Person) -> None:
    entry = entries.entry(reason="HC-20418", request_id="cafe1234", target_name="Rack")
    page = admin.get(f"/audit/{entry.pk}/")
    text = words(page)
    for part in ("Rename: Rack", "Confirmed", "Cold room 14 → Cold room 15", "Mira Roth", "mira@example.org"):
        assert part in text
    for part in ("HC-20418", "cafe1234", "Halden Cooling", "Read back at"):
        assert part in text
    assert soup(page).select_one(f'main a[href="/audit/{entry.pk}/undo/"]')
    assert soup(page).select_one('main a[href="/devices/1/changes/"]')


def test_each_outcome_is_shown_with_the_person_who_recorded_it(admin: Person) -> None:
    entry = entries.entry(
        outcome="unknown", final=False, recorded={"api_result": "lost", "evidence": "", "error": "TimedOut"}
    )
    AuditOutcome.objects.create(
        entry=entry,
        outcome="confirmed",
        final=True,
        api_result="lost",
        evidence="read_back",
        observed_value="Cold room 15",
        person=entries.person("user:8", "Kari Holm"),
        at=timezone.now(),
    )
    rows = soup(admin.get(f"/audit/{entry.pk}/")).select(".table-audit tbody tr")
    assert len(rows) == 2
    assert "Outcome unknown so far" in " ".join(rows[0].get_text(" ").split())
    assert "TimedOut" in rows[0].get_text()
    assert "Confirmed" in rows[1].get_text()
    assert "Kari Holm" in rows[1].get_text()


def test_an_open_entry_is_reconciled_when_viewed(admin: Person, platform: SandboxServer) -> None:
    entry = entries.entry(outcome="", at=entries.long_enough_ago(), after="Never asked", before="Something else")
    platform.fault("/device/baseInfo", "status", status=500)
    page = admin.get(f"/audit/{entry.pk}/")
    assert "Outcome unknown" in words(page)
    assert soup(page).select_one(f'main a.primary[href="/audit/{entry.pk}/"]')
    assert "No outcome was recorded" in words(page)
    platform.clear_faults()
    name = platform.get("/device", "admin", deviceId=1).json()["name"]
    died = entries.entry(outcome="", after=name)
    page = admin.get(f"/audit/{died.pk}/")
    assert "Confirmed" in words(page)
    assert not soup(page).select_one("main a.primary")
    assert died.outcomes.get().person.email == "admin@example.com"


def test_an_entry_in_progress_is_not_shown_as_unknown(admin: Person, platform: SandboxServer) -> None:
    entry = entries.entry(outcome="", after="Never asked", before="Something else")
    platform.fault("/device/baseInfo", "status", status=500)
    for page in (admin.get(f"/audit/{entry.pk}/"), admin.get("/audit/")):
        assert soup(page).select_one("main .word.muted").get_text() == "Asked"
        assert "portal stopped" not in words(page)
        assert "Outcome unknown" not in soup(page).select_one("main .table-audit, main .head-title").get_text()


def test_a_final_entry_costs_no_call(admin: Person, platform: SandboxServer) -> None:
    entry = entries.entry()
    platform.clear_requests()
    admin.get(f"/audit/{entry.pk}/")
    assert platform.requests() == []


def test_the_receipt_is_offered_with_its_hash(admin: Person) -> None:
    entry = entries.entry(operation="delete_device", receipt_hash="ab" * 32, before="", after="")
    page = admin.get(f"/audit/{entry.pk}/")
    assert "ab" * 32 in words(page)
    assert soup(page).select_one(f'a[href="/audit/{entry.pk}/receipt.json"]')


def test_entries_of_others_are_not_found(support: Person, admin: Person) -> None:
    entry, foreign = entries.entry(), entries.entry(person_org_id=2, org_id=2)
    assert support.get(f"/audit/{entry.pk}/").status_code == 404
    assert admin.get(f"/audit/{foreign.pk}/").status_code == 404
    assert admin.get("/audit/99999999999999999999999999/").status_code == 404


# --- the device's own tab ---------------------------------------------------------------------------------------------


def test_the_tab_shows_the_changes_of_the_device_with_undo(admin: Person) -> None:
    here, made = (
        entries.entry(),
        entries.entry(operation="create_device", device_id=None, recorded={"created_device_id": 1}),
    )
    entries.entry(device_id=5)
    page = admin.get("/devices/1/changes/")
    shown = [link["id"] for link in soup(page).select(".table-audit tbody th a")]
    assert shown == [f"entry-{made.pk}", f"entry-{here.pk}"]
    assert soup(page).select_one(f'a[href="/audit/{here.pk}/undo/"]')
    assert soup(page).select_one('.tabs a[aria-current][href="/devices/1/changes/"]')
    fragment = admin.htmx("/devices/1/changes/")
    assert b"<html" not in fragment.content
    assert f"entry-{here.pk}" in fragment.content.decode()


def test_without_the_right_the_tab_shows_own_changes_and_names_the_right(support: Person) -> None:
    mine = entries.entry(person=entries.person("user:2"))
    entries.entry()
    page = support.get("/devices/1/changes/")
    assert [link["id"] for link in soup(page).select(".table-audit tbody th a")] == [f"entry-{mine.pk}"]
    assert "PORTAL_AUDIT" in words(page)


def test_an_empty_tab_says_whose_changes_it_would_show(support: Person, admin: Person) -> None:
    assert "You have not changed this device" in words(support.get("/devices/1/changes/"))
    assert "Nobody in your organization" in words(admin.get("/devices/1/changes/"))


def test_opening_the_device_reconciles_and_reports_it_once(admin: Person, platform: SandboxServer) -> None:
    name = platform.get("/device", "admin", deviceId=1).json()["name"]
    entry = entries.entry(
        outcome="unknown",
        final=False,
        after=name,
        recorded={"api_result": "lost", "observed_value": "", "evidence": ""},
    )
    for path, shown in (("/devices/1/", True), ("/devices/1/", False)):
        page = words(admin.get(path))
        assert ("Rename by Mira Roth" in page) is shown
    assert entry.outcomes.filter(final=True).get().outcome == "confirmed"


@pytest.mark.parametrize("path", ["", "changes/", "tags/"])
def test_an_entry_that_stays_unknown_is_a_caution_on_the_device(
    admin: Person, platform: SandboxServer, path: str
) -> None:
    entries.entry(
        outcome="unknown", final=False, after="Asked", before="Was", recorded={"api_result": "lost", "evidence": ""}
    )
    page = admin.get(f"/devices/1/{path}")
    notice = soup(page).select_one(".notice.caution")
    assert notice is not None
    text = " ".join(notice.get_text(" ").split())
    assert "Rename by Mira Roth at" in text
    assert "has an unknown outcome" in text
    assert "Was → Asked" in text


def test_who_may_not_read_the_entry_learns_only_that_something_is_open(support: Person) -> None:
    entries.entry(
        outcome="unknown", final=False, after="Asked", before="Was", recorded={"api_result": "lost", "evidence": ""}
    )
    text = words(support.get("/devices/1/"))
    assert "A change of this device by somebody else has an unknown outcome." in text
    assert "Mira" not in text
    assert "Asked" not in text


def test_without_open_entries_no_extra_call_is_made(admin: Person, platform: SandboxServer) -> None:
    entries.entry()
    entries.entry(outcome="", at=timezone.now() - timedelta(days=8))
    platform.clear_requests()
    admin.get("/devices/1/")
    assert len(platform.requests()) == 2
    platform.clear_requests()
    admin.htmx("/devices/1/changes/")
    assert platform.requests() == []


def test_a_deleted_device_still_has_its_changes(admin: Person, support: Person) -> None:
    entries.entry(device_id=2_000_000_000, device_name="Old boiler", operation="delete_device")
    lost = admin.get("/devices/2000000000/")
    assert lost.status_code == 404
    assert soup(lost).select_one('a[href="/devices/2000000000/changes/"]')
    page = admin.get("/devices/2000000000/changes/")
    assert page.status_code == 200
    assert "Old boiler" in soup(page).h1.get_text()  # type: ignore[union-attr]
    assert "gone, or outside your reach" in words(page)
    assert len(soup(page).select(".table-audit tbody tr")) == 1
    for path in ("", "changes/"):
        answer = support.get(f"/devices/2000000000/{path}")
        assert answer.status_code == 404
        assert "changes/" not in str(soup(answer).select("main a"))
    assert support.htmx("/devices/2000000000/changes/").status_code == 404
    assert AuditEntry.objects.count() == 1
