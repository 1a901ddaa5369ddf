"""Triggering an event: what is offered, what "accepted" means, and that nothing typed is lost when it is not."""

from __future__ import annotations

from typing import Any

import pytest

from devices.audit.models import AuditEntry
from devices.core.permissions import Access
from tests.devices import fleet
from tests.devices.changes.forms import NAME, lines, writes
from tests.devices.conftest import Person, soup, words
from tests.servers import SandboxServer

TRIGGER = f"/devices/{fleet.RICH}/trigger-event/"
NEW = f"/devices/{fleet.NO_HISTORY}/trigger-event/"
ACCEPTED = "It shows in the timeline within about a minute, and may be muted."

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


def offered(page: Any) -> dict[str, list[str]]:
    """The codes offered, by the words of their group."""
    return {
        str(group["label"]): [str(option["value"]) for option in group.select("option")]
        for group in soup(page).select("select[name=code] optgroup")
    }


def newest(platform: SandboxServer) -> dict[str, Any]:
    entry: dict[str, Any] = platform.get("/device/timeline", deviceId=fleet.RICH, size=1).json()["content"][0]
    return entry


def test_the_templates_events_are_offered_those_of_this_timeline_first(admin: Person) -> None:
    groups = offered(admin.get(TRIGGER))
    assert next(iter(groups)) == "In this device’s timeline"
    everything = [code for codes in groups.values() for code in codes]
    for code in ("door_open", "temp_high", "note"):
        assert code in everything
    assert "None" not in everything  # events without a code cannot be triggered
    assert "Door open too long – Warning, door_open" in words(admin.htmx(TRIGGER))
    for page in (admin.get(TRIGGER), admin.post(TRIGGER, {"code": "no_such_event"})):
        assert "as the device’s template spells it" not in words(page)


def test_a_device_without_history_has_one_group(admin: Person) -> None:
    assert list(offered(admin.get(NEW))) == ["Other events of its template"]


@pytest.mark.parametrize("path", ["/device/timeline", "/template/events"])
def test_what_cannot_be_read_costs_only_the_offer(admin: Person, platform: SandboxServer, path: str) -> None:
    platform.fault(path, "status", status=500)
    page = admin.get(TRIGGER)
    assert page.status_code == 200
    if path == "/template/events":
        assert soup(page).select_one("input[name=code]")
        assert "Its code, as the device’s template spells it" in words(page)
        assert admin.post(TRIGGER, {"code": "door_open"}).status_code == 303
    else:
        assert list(offered(page)) == ["Other events of its template"]


def test_who_may_not_read_templates_types_the_code_and_no_call_is_spent_on_the_list(
    admin: Person, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Access.has
    monkeypatch.setattr(Access, "has", lambda self, *names: "PRODUCT_VIEW" not in names and kept(self, *names))
    assert soup(admin.get(TRIGGER)).select_one("input[name=code]")
    assert not [entry for entry in platform.requests() if entry["path"].endswith("/template/events")]


def test_a_plain_post_leads_to_the_timeline_which_shows_the_event(admin: Person, platform: SandboxServer) -> None:
    answer = admin.post(TRIGGER, {"code": "door_open", "description": "Porten står åpen <b>"})
    assert answer.status_code == 303
    assert answer["Location"] == f"/devices/{fleet.RICH}/timeline/?change={AuditEntry.objects.get().pk}"
    page = admin.get(answer["Location"])
    assert f"The platform accepted the event door_open. {ACCEPTED}" in words(page)
    assert "Porten står åpen <b>" in words(page)
    assert newest(platform)["eventType"] == "WARNING"


def test_by_htmx_the_dialog_closes_and_the_page_says_accepted(
    admin: Person, platform: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    answer = admin.htmx(TRIGGER, {"code": "temp_high", "reason": "drill"})
    assert answer.status_code == 200
    assert answer["HX-Retarget"] == "#flash"
    assert "deviceChanged" in answer["HX-Trigger"]
    notice = soup(answer).select_one("#flash")
    assert notice is not None
    assert ACCEPTED in str(notice["data-announce"])
    assert notice.select_one(f"a[href='/devices/{fleet.RICH}/timeline/']")
    assert newest(platform)["eventType"] == "CRITICAL"
    assert 'target="temp_high" reason="drill"' in lines(caplog)[0]


@pytest.mark.parametrize("page", ["trigger-event", "reveal-token"])
def test_after_ones_own_change_the_trail_names_the_device_as_it_is_then(
    admin: Person, platform: SandboxServer, page: str
) -> None:
    form = {"code": " door_open ", "reason": "drill"}
    admin.post(f"/devices/{fleet.RICH}/rename/", {"name": "Cold room 15"})
    platform.clear_requests()
    assert admin.post(f"/devices/{fleet.RICH}/{page}/", form).status_code in {200, 303}
    entry = AuditEntry.objects.latest("pk")
    assert (entry.device_name, entry.org_id) == ("Cold room 15", 1)
    calls = [sent["path"].rsplit("/", 1)[-1] for sent in platform.requests()]
    assert calls[:2] == ["baseInfo", "trigger-event" if page == "trigger-event" else "baseInfo"]

    platform.fault("/device/baseInfo", "status", status=500)
    other = fleet.NO_HISTORY
    admin.post(f"/devices/{other}/trigger-event/", {"code": "door_open"})
    assert writes(platform)[-1] == ("POST", "/device/trigger-event"), "its name is not what it needs"
    assert AuditEntry.objects.latest("pk").device_name == ""


@pytest.mark.parametrize("page", ["trigger-event", "reveal-token"])
def test_the_trail_names_the_device_as_last_seen_without_another_call(
    admin: Person, platform: SandboxServer, page: str
) -> None:
    admin.get(f"/devices/{fleet.RICH}/")
    before = len(platform.requests())
    admin.htmx(f"/devices/{fleet.RICH}/{page}/", {"code": "door_open", "reason": "drill"})
    assert len(platform.requests()) == before + 1
    entry = AuditEntry.objects.latest("pk")
    assert (entry.device_name, entry.org_id) == (NAME, 1)


def test_pressed_twice_it_is_triggered_once_and_said_the_same(admin: Person, platform: SandboxServer) -> None:
    idempotency_key = soup(admin.get(TRIGGER)).select_one("input[name=idempotency_key]")["value"]  # type: ignore[index]
    data = {"code": "door_open", "idempotency_key": idempotency_key}
    for _press in range(2):
        answer = admin.post(TRIGGER, data)
        assert answer.status_code == 303
        assert f"The platform accepted the event door_open. {ACCEPTED}" in words(admin.get(answer["Location"]))
    assert admin.htmx(TRIGGER, data)["HX-Retarget"] == "#flash"
    assert writes(platform) == [("POST", "/device/trigger-event")]
    assert soup(admin.get(TRIGGER)).select_one("input[name=idempotency_key]")["value"] != idempotency_key  # type: ignore[index]
    again = f"/devices/{fleet.NO_HISTORY}/trigger-event/"
    assert admin.post(again, data | {"code": "no_such_event"}).status_code == 422


def test_an_event_in_the_timeline_is_no_proof_it_may_be_anybodys(admin: Person, platform: SandboxServer) -> None:
    platform.fault("/device/trigger-event", "drop", apply=True, times=1)
    answer = admin.htmx(TRIGGER, {"code": "door_open", "idempotency_key": "f"})
    assert answer.status_code == 503
    assert "not known whether this was done" in words(answer)
    assert writes(platform) == [("POST", "/device/trigger-event")]


def test_pressed_again_after_a_lost_answer_it_is_not_triggered_again(admin: Person, platform: SandboxServer) -> None:
    platform.fault("/device/trigger-event", "drop", times=1)
    data = {"code": "door_open", "idempotency_key": "f", "description": "kept"}
    assert admin.htmx(TRIGGER, data).status_code == 503
    for post in (admin.post, admin.htmx):
        answer = post(TRIGGER, data)
        assert answer.status_code == 502
        assert "not known whether this was done" in words(answer)
        assert not soup(answer).select("main form button, .empty button")
    assert writes(platform) == [("POST", "/device/trigger-event")]


def test_a_refused_event_can_be_sent_again(admin: Person, platform: SandboxServer) -> None:
    platform.fault("/device/trigger-event", "status", status=400, times=1)
    data = {"code": "door_open", "idempotency_key": "f"}
    assert admin.post(TRIGGER, data).status_code == 422
    assert admin.post(TRIGGER, data).status_code == 303


def test_without_a_description_none_is_sent(admin: Person, platform: SandboxServer) -> None:
    admin.post(TRIGGER, {"code": "door_open", "description": "  "})
    assert newest(platform).get("description") is None


@pytest.mark.parametrize(
    ("data", "field", "sentence"),
    [
        ({"code": "", "description": "kept"}, "code", "Choose or enter an event."),
        ({"code": "   ", "description": "kept"}, "code", "Choose or enter an event."),
        ({"code": "c" * 201, "description": "kept"}, "code", "Shorten this to 200 characters. It has 201."),
        ({"code": "door_open", "description": "d" * 201}, "description", "Shorten this to 200 characters. It has 201."),
        ({"code": "no_such_event", "description": "kept"}, "code", "There is no such event in the template"),
        ({"code": "<script>", "description": "kept"}, "code", "There is no such event in the template"),
    ],
)
def test_a_wrong_event_is_told_beside_its_field_and_nothing_typed_is_lost(
    admin: Person, platform: SandboxServer, data: dict[str, str], field: str, sentence: str
) -> None:
    for post in (admin.post, admin.htmx):
        answer = post(TRIGGER, data | {"reason": "drill"})
        assert answer.status_code == 422
        invalid = soup(answer).select_one(f"[name={field}]")
        assert invalid is not None
        assert invalid["aria-invalid"] == "true"
        assert sentence in soup(answer).select_one(f"#id_{field}-error").get_text()  # type: ignore[union-attr]
        assert soup(answer).select_one("input[name=description]")["value"] == data["description"]  # type: ignore[index]
        assert soup(answer).select_one("input[name=reason]")["value"] == "drill"  # type: ignore[index]
        chosen = soup(answer).select_one("select[name=code] option[selected]")
        assert (chosen["value"] if chosen else "") == data["code"].strip() or data["code"] == "   "
    assert not [entry for entry in platform.requests() if entry["status"] == 204]


def test_two_hundred_characters_pass(admin: Person, platform: SandboxServer) -> None:
    assert admin.post(TRIGGER, {"code": "door_open", "description": "ø" * 200}).status_code == 303
    assert newest(platform)["description"] == "ø" * 200


def test_over_the_limit_one_is_told_to_wait_and_keeps_what_was_typed(admin: Person, platform: SandboxServer) -> None:
    platform.switch(retry_after=7, event_gap=60)
    data = {"code": "door_open", "description": "kept"}
    assert admin.post(TRIGGER, data).status_code == 303
    for post in (admin.post, admin.htmx):
        answer = post(TRIGGER, data)
        assert answer.status_code == 429
        assert answer["Retry-After"] == "7"
        assert "Not triggered" in words(answer)
        assert "Wait 7 seconds and send it again." in words(answer)
        assert soup(answer).select_one("input[name=description]")["value"] == "kept"  # type: ignore[index]
        assert soup(answer).select_one("option[selected]")["value"] == "door_open"  # type: ignore[index]


def test_a_limit_without_a_time_says_a_minute(admin: Person, platform: SandboxServer) -> None:
    platform.fault("/device/trigger-event", "status", status=429)
    answer = admin.post(TRIGGER, {"code": "door_open"})
    assert answer.status_code == 429
    assert "Retry-After" not in answer
    assert "a minute is usually enough" in words(answer)


def test_a_limit_told_as_a_refusal_stands_beside_the_event(admin: Person, platform: SandboxServer) -> None:
    platform.switch(event_limit="400", event_gap=60)
    admin.post(TRIGGER, {"code": "door_open"})
    answer = admin.post(TRIGGER, {"code": "door_open"})
    assert answer.status_code == 422
    assert "Events limit is reached" in soup(answer).select_one("#id_code-error").get_text()  # type: ignore[union-attr]


def test_a_device_deleted_meanwhile_is_gone_and_not_without_such_an_event(
    admin: Person, platform: SandboxServer
) -> None:
    platform.fault("/device/trigger-event", "status", status=404)
    platform.fault("/device/baseInfo", "status", status=404)
    answer = admin.post(TRIGGER, {"code": "door_open"})
    assert answer.status_code == 404
    assert "gone, or outside your reach" in words(answer)
    assert writes(platform) == [("POST", "/device/trigger-event")]
