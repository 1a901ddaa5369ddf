"""A metafield's change under the trail: sent once, proven, written down, and never over somebody else's unseen."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from devices.audit.log import entry_state
from devices.audit.models import AuditEntry
from devices.changes.models import DeviceLock
from devices.metafields import FieldView
from portal.platform import transport
from tests.devices import fleet
from tests.devices.changes.forms import filled, writes
from tests.devices.changes.metafields import PANEL, address, held, ids
from tests.devices.conftest import Person, SignIn, soup, words
from tests.servers import SandboxServer

KEY, OTHER_KEY = "ab" * 16, "cd" * 16
FIELD = "/device/metafield"
HOSTILE = '<img src=x onerror="alert(1)">\u202e"; DROP \U0001f512'

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


def sent(platform: SandboxServer) -> int:
    """How often a metafield was set by the portal."""
    return writes(platform).count(("POST", FIELD))


def test_a_change_is_written_down_with_everything_that_is_known_of_it(
    support: Person, platform: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    support.post(address(platform, "Shelf"), {"value": " B-7 ", "reason": "HC-20418"})
    entry = AuditEntry.objects.get()
    assert (entry.operation, entry.device_id, entry.org_id) == ("set_metafield", fleet.BENCH, 1)
    assert (entry.target, entry.target_name) == (str(ids(platform)["Shelf"]), "Shelf")
    assert (entry.before, entry.after, entry.reason) == ("A-12", "B-7", "HC-20418")
    assert (entry.person.key, entry.person.email, entry.person_org_id) == ("user:2", "support@example.com", 1)
    assert entry.device_name == platform.get("/device", "admin", deviceId=fleet.BENCH).json()["name"]
    state = entry_state(entry)
    assert (state.outcome, state.api_result, state.evidence, state.observed_value) == (
        "confirmed",
        "accepted",
        "read_back",
        "B-7",
    )
    assert 'before="A-12" after="B-7" reason="HC-20418"' in caplog.text


def test_the_row_tells_what_was_confirmed_and_offers_to_undo_it(support: Person, platform: SandboxServer) -> None:
    row = soup(support.htmx(address(platform, "Shelf"), {"value": "B-7"}))
    entry = AuditEntry.objects.get()
    assert "Shelf saved. Read back at " in row.get_text()
    assert "Shelf saved." in str(row.select_one("tr")["data-announce"])  # type: ignore[index]
    undo = row.select_one("form[method=post]")
    assert undo is not None
    assert undo["action"] == f"/audit/{entry.pk}/undo/"
    assert undo.select_one("input[name=csrfmiddlewaretoken]")
    assert undo.select_one("input[name=idempotency_key]")["value"]  # type: ignore[index]
    assert row.select_one(f"a[href='/audit/{entry.pk}/']")


def test_without_script_the_panel_tells_it(support: Person, platform: SandboxServer) -> None:
    answer = support.post(address(platform, "Shelf"), {"value": "B-7"})
    assert answer.status_code == 303
    assert answer["Location"] == f"{PANEL}?change={AuditEntry.objects.get().pk}"
    notice = soup(support.get(answer["Location"])).select_one("#flash")
    assert notice is not None
    assert "Shelf was set to B-7." in " ".join(notice.get_text(" ").split())
    assert "A-12 → B-7" in " ".join(notice.get_text(" ").split())


@pytest.mark.parametrize("kind", ["cut", "drop"])
def test_a_lost_answer_is_read_back_as_made(support: Person, platform: SandboxServer, kind: str) -> None:
    here = address(platform, "Shelf")
    form = filled(support.htmx(here))
    platform.fault(FIELD, kind, method="POST", apply=True)
    row = support.htmx(here, form | {"value": "B-7"})
    assert "reply was lost, but the change reads back" in words(row)
    again = support.htmx(here, form | {"value": "B-7"})
    assert "reply was lost, but the change reads back" in words(again)
    assert sent(platform) == 1


def test_a_lost_answer_that_reads_as_before_keeps_what_was_typed(support: Person, platform: SandboxServer) -> None:
    here = address(platform, "Shelf")
    for post in (support.htmx, support.post):
        form = filled(support.htmx(here)) | {"value": "B-7", "reason": "HC-7"}
        platform.fault(FIELD, "drop", method="POST")
        answer = post(here, form)
        platform.clear_faults()
        assert answer.status_code == 503
        error = soup(answer).select_one(".field .error")
        assert error is not None
        assert "still holds “A-12”, so nothing was changed" in error.get_text()
        again = filled(answer)
        assert (again["value"], again["reason"]) == ("B-7", "HC-7")
        assert again["idempotency_key"] not in ("", form["idempotency_key"])
    assert sent(platform) == 2
    assert held(platform, "Shelf")["value"] == "A-12"
    assert {entry_state(entry).outcome for entry in AuditEntry.objects.all()} == {"rejected"}
    assert "saved" in words(support.htmx(here, again))


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_that_gave_up_does_not_prove_that_nothing_was_changed(
    support: Person, platform: SandboxServer, status: int
) -> None:
    here = address(platform, "Shelf")
    platform.fault(FIELD, "html", method="POST", status=status)
    answer = support.htmx(here, {"value": "B-7"})
    assert "It is not known whether this was done." in words(answer)
    assert not soup(answer).select("form, [name=value]")


def test_a_time_out_is_not_taken_for_nothing_changed(support: Person, platform: SandboxServer, settings: Any) -> None:
    here = address(platform, "Shelf")
    form = filled(support.htmx(here)) | {"value": "B-7"}
    settings.PLATFORM_API_TIMEOUTS = settings.PLATFORM_API_TIMEOUTS._replace(read=0.3, call=0.3)
    transport.cache_clear()
    platform.fault(FIELD, "drop", method="POST", delay=1.0)  # after which it is not carried out
    answer = support.htmx(here, form)
    assert answer.status_code == 504
    assert "It is not known whether this was done." in words(answer)
    assert not soup(answer).select("form, [name=value]")
    assert "It is not known whether this was done" in words(support.post(here, form))
    assert sent(platform) == 1
    entry = AuditEntry.objects.get()
    assert (entry_state(entry).outcome, entry_state(entry).final) == ("unknown", False)


@pytest.mark.parametrize("htmx", [True, False])
def test_a_form_sent_twice_makes_one_call(support: Person, platform: SandboxServer, htmx: bool) -> None:
    here = address(platform, "Shelf")
    post = support.htmx if htmx else support.post
    form = filled(support.htmx(here)) | {"value": "B-7"}
    first, second = post(here, form), post(here, form)
    assert first.status_code == second.status_code == (200 if htmx else 303)
    assert sent(platform) == 1
    assert first.get("Location") == second.get("Location")
    assert AuditEntry.objects.count() == 1
    other = post(here, form | {"value": "B-8"})
    assert other.status_code == 409
    assert "it is “B-7” now" in words(other)


def test_a_refused_form_sent_again_is_another_change(support: Person, platform: SandboxServer) -> None:
    here = address(platform, "Shelf")
    form = filled(support.htmx(here)) | {"value": "B-7"}
    platform.fault(FIELD, "status", status=400, message="No.", method="POST")
    assert support.htmx(here, form).status_code == 422
    platform.clear_faults()
    assert "Shelf saved" in words(support.htmx(here, form))
    assert [entry_state(entry).outcome for entry in AuditEntry.objects.order_by("pk")] == ["rejected", "confirmed"]


def test_who_opened_the_editor_before_somebody_elses_change_sees_both_and_chooses(
    support: Person, admin: Person, platform: SandboxServer
) -> None:
    here = address(platform, "Shelf")
    form = filled(support.htmx(here)) | {"value": "C-3"}
    admin.post(here, {"value": "B-7"})
    platform.clear_requests()
    for post in (support.htmx, support.post):
        answer = post(here, form)
        assert answer.status_code == 409
        error = soup(answer).select_one(".field .error")
        assert error is not None
        assert "it is “B-7” now. You entered “C-3”" in error.get_text()
        assert filled(answer)["value"] == "C-3"
    assert sent(platform) == 0
    assert "Shelf saved" in words(support.htmx(here, filled(answer)))
    assert held(platform, "Shelf")["value"] == "C-3"
    assert list(AuditEntry.objects.order_by("pk").values_list("before", "after")) == [("A-12", "B-7"), ("B-7", "C-3")]


def test_the_same_value_from_both_is_no_conflict(support: Person, admin: Person, platform: SandboxServer) -> None:
    here = address(platform, "Shelf")
    form = filled(support.htmx(here)) | {"value": "B-7"}
    admin.post(here, {"value": "B-7"})
    assert "That is its value already. Nothing was sent." in words(support.htmx(here, form))


@pytest.mark.parametrize("typed", [KEY, OTHER_KEY])
def test_a_secret_stays_out_of_everything_but_the_call(
    support: Person, platform: SandboxServer, caplog: pytest.LogCaptureFixture, typed: str
) -> None:
    caplog.set_level("DEBUG")
    here = address(platform, "Application key")
    old = str(held(platform, "Application key")["value"])
    editor = support.htmx(here)
    row = support.htmx(here, filled(editor) | {"value": typed, "reason": "HC-7"})
    assert "Application key saved. Read back" in words(row)
    assert held(platform, "Application key")["value"].lower() == typed
    assert not soup(row).select("form")
    entry = AuditEntry.objects.get()
    assert entry.secret
    assert (entry.before, entry.after, entry_state(entry).observed_value) == ("", "", "")
    assert entry_state(entry).evidence == "read_back"
    pages = [editor, row, support.get(f"/audit/{entry.pk}/"), support.get(f"{PANEL}?change={entry.pk}")]
    written = "\n".join([caplog.text, *(page.content.decode() for page in pages)]).lower()
    with connection.cursor() as cursor:
        for table in ("devices_auditentry", "devices_auditoutcome"):
            cursor.execute(f"SELECT * FROM {table}")
            written += str(cursor.fetchall()).lower()
    for key in (typed, old):
        assert key.lower() not in written


def test_a_secret_changed_meanwhile_is_told_without_either_value(
    support: Person, admin: Person, platform: SandboxServer
) -> None:
    here = address(platform, "Application key")
    form = filled(support.htmx(here)) | {"value": KEY}
    admin.post(here, {"value": OTHER_KEY})
    answer = support.htmx(here, form)
    assert answer.status_code == 409
    assert "Somebody changed this since you opened the form" in words(answer)
    for key in (KEY, OTHER_KEY):
        assert key not in answer.content.decode().lower()
    assert "saved" in words(support.htmx(here, filled(answer) | {"value": KEY}))
    assert held(platform, "Application key")["value"].lower() == KEY


def test_a_lost_answer_about_a_secret_is_settled_by_what_it_held(support: Person, platform: SandboxServer) -> None:
    here = address(platform, "Application key")
    platform.fault(FIELD, "drop", method="POST")
    answer = support.htmx(here, {"value": KEY})
    assert answer.status_code == 503
    assert "device is as it was, so nothing was changed" in words(answer)
    platform.clear_faults()
    platform.fault(FIELD, "drop", method="POST", apply=True)
    assert "but the change reads back" in words(support.htmx(here, {"value": KEY}))


def test_a_key_that_reads_back_masked_proves_nothing(
    support: Person, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = address(platform, "Application key")
    monkeypatch.setattr(FieldView, "masked", property(lambda self: self.secret))
    platform.fault(FIELD, "drop", method="POST")
    lost = support.htmx(here, {"value": KEY})
    assert "It is not known whether this was done." in words(lost)
    platform.clear_faults()
    taken = support.htmx(here, {"value": OTHER_KEY})
    assert "The platform accepted it; the portal cannot read it back." in words(taken)
    assert "Read back at" not in words(taken)


def test_hostile_text_is_text_everywhere(support: Person, platform: SandboxServer) -> None:
    here = address(platform, "Shelf")
    row = support.htmx(here, {"value": HOSTILE, "reason": HOSTILE})
    entry = AuditEntry.objects.get()
    assert (entry.after, entry.reason) == (HOSTILE, HOSTILE)
    conflicted = support.htmx(here, {"value": "x", "expected_version": "0" * 20})
    pages = [row, conflicted, support.get(f"{PANEL}?change={entry.pk}"), support.get(f"/audit/{entry.pk}/")]
    platform.fault(FIELD, "status", status=500, method="GET", skip=1)
    pages.append(support.htmx(here, {"value": HOSTILE + "2"}))
    for page in pages:
        assert not soup(page).select("img")
        assert "\u202e" not in page.content.decode()
    assert '<img src=x onerror="alert(1)">' in words(conflicted)


def test_while_another_change_is_under_way_nothing_is_sent(
    support: Person, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    DeviceLock.objects.create(device_id=fleet.BENCH, holder="somebody", until=2**40)
    monkeypatch.setattr("devices.changes.device_lock.time.monotonic", iter(range(0, 10**6, 100)).__next__)
    answer = support.htmx(address(platform, "Shelf"), {"value": "B-7"})
    assert answer.status_code == 409
    assert "Another change of this device is under way." in words(answer)
    assert filled(answer)["value"] == "B-7"
    assert sent(platform) == 0


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_one_wins_and_the_other_sees_both(sign_in: SignIn, platform: SandboxServer) -> None:
    here = address(platform, "Shelf")
    people = {"B-7": sign_in("support"), "C-3": sign_in("admin")}
    forms = {value: filled(person.htmx(here)) for value, person in people.items()}
    platform.clear_requests()
    platform.fault(FIELD, "delay", method="POST", delay=0.3)
    answers: dict[str, Any] = {}

    def save(value: str) -> None:
        try:
            answers[value] = people[value].htmx(here, forms[value] | {"value": value})
        finally:
            connection.close()

    threads = [threading.Thread(target=save, args=(value,)) for value in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = {value: answer.status_code for value, answer in answers.items()}
    assert sorted(statuses.values()) == [200, 409]
    won, lost = sorted(statuses, key=statuses.__getitem__)
    assert held(platform, "Shelf")["value"] == won
    assert f"it is “{won}” now. You entered “{lost}”" in words(answers[lost])
    assert sent(platform) == 1
