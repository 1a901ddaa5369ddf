"""Undoing: who may, when it is done, when it names the conflict instead, and that it is a change like any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from devices.audit.models import AuditEntry
from tests.devices import fleet
from tests.devices.audit import entries
from tests.devices.changes.forms import ANA, JONAS, held, writes
from tests.devices.conftest import Person, SignIn, soup, words
from tests.servers import SandboxServer

NAME = "Cold room 14 - door's sensor"
DEVICE = f"/devices/{fleet.RICH}/"

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


def rename(person: Person, name: str = "Cold room 15") -> AuditEntry:
    assert person.post(f"{DEVICE}rename/", {"name": name}).status_code == 303
    return AuditEntry.objects.latest("pk")


def undo(entry: AuditEntry) -> str:
    return f"/audit/{entry.pk}/undo/"


def form_of(page: Any) -> tuple[str, dict[str, str]]:
    """Where the undo form of a page posts to, and what it sends."""
    form = soup(page).select_one('main form[method=post][action$="/undo/"]')
    assert form is not None, words(page)
    return str(form["action"]), {str(box["name"]): str(box.get("value", "")) for box in form.select("input")}


def metafield(platform: SandboxServer, kind: str) -> dict[str, Any]:
    """The first one of that type which has a value."""
    fields = platform.get("/device/metafield", "admin", deviceId=fleet.BENCH).json()
    return next(field for field in fields if field["value"]["type"] == kind and field["value"].get("value"))


# --- it is done -------------------------------------------------------------------------------------------------------


def test_right_after_a_rename_one_press_takes_it_back(support: Person, platform: SandboxServer) -> None:
    done = support.post(f"{DEVICE}rename/", {"name": "Cold room 15"})
    url, filled = form_of(support.get(done["Location"]))
    assert filled["idempotency_key"]
    answer = support.post(url, filled)
    assert answer.status_code == 303
    assert answer["Location"].startswith(f"{DEVICE}?change=")
    assert held(platform)["name"] == NAME
    page = support.get(answer["Location"])
    assert f"Cold room 15 → {NAME}" in words(page)
    first, second = AuditEntry.objects.order_by("pk")
    assert second.undoes_id == first.pk
    assert (second.before, second.after) == ("Cold room 15", NAME)
    assert second.outcomes.get().outcome == "confirmed"


def test_without_script_a_page_shows_from_and_to_and_takes_a_reason(support: Person, platform: SandboxServer) -> None:
    entry = rename(support)
    page = support.get(undo(entry))
    assert "Cold room 15" in words(page)
    assert NAME in words(page)
    url, filled = form_of(page)
    assert support.post(url, filled | {"reason": "HC-7"}).status_code == 303
    assert AuditEntry.objects.latest("pk").reason == "HC-7"
    assert held(platform)["name"] == NAME


def test_a_former_owner_is_put_back_and_that_is_undone_again(admin: Person, platform: SandboxServer) -> None:
    entry = entries.entry(operation="transfer_to_owner", before=str(JONAS), after=str(ANA))
    assert "may move to that person’s organization" in words(admin.get(undo(entry)))
    assert admin.post(undo(entry), {"idempotency_key": "1"}).status_code == 303
    assert held(platform)["ownerUserId"] == JONAS
    assert admin.post(undo(AuditEntry.objects.latest("pk")), {"idempotency_key": "2"}).status_code == 303
    assert held(platform)["ownerUserId"] == ANA


def test_a_removed_owner_is_put_back_and_taken_away_again(admin: Person, platform: SandboxServer) -> None:
    removal = entries.entry(device_id=fleet.NO_OWNER, operation="remove_owner", before=str(JONAS), after="")
    assert admin.post(undo(removal), {"idempotency_key": "1"}).status_code == 303
    assert held(platform, fleet.NO_OWNER)["ownerUserId"] == JONAS
    redone = AuditEntry.objects.latest("pk")
    assert (redone.operation, redone.before, redone.after) == ("transfer_to_owner", "", str(JONAS))
    assert admin.post(undo(redone), {"idempotency_key": "2"}).status_code == 303
    assert AuditEntry.objects.latest("pk").operation == "remove_owner"
    assert not held(platform, fleet.NO_OWNER).get("ownerUserId")


def test_a_metafield_gets_its_former_value(admin: Person, platform: SandboxServer) -> None:
    field = metafield(platform, "Text")
    values = {"target": str(field["id"]), "target_name": field["name"], "device_id": fleet.BENCH}
    entry = entries.entry(operation="set_metafield", before="Rack 7", after=field["value"]["value"], **values)
    answer = admin.post(undo(entry), {"idempotency_key": "1"})
    assert answer.status_code == 303
    assert answer["Location"].startswith(f"/devices/{fleet.BENCH}/metafields/?change=")
    assert metafield(platform, "Text")["value"]["value"] == "Rack 7"


def test_a_value_that_its_field_does_not_take_any_more_is_not_sent(admin: Person, platform: SandboxServer) -> None:
    field = metafield(platform, "Text")
    values = {"target": str(field["id"]), "device_id": fleet.BENCH, "after": field["value"]["value"]}
    entry = entries.entry(operation="set_metafield", before="x" * 201, **values)
    answer = admin.post(undo(entry), {"idempotency_key": "1"})
    assert answer.status_code == 422
    assert "cannot be put back" in words(answer)
    assert writes(platform) == []
    gone = entries.entry(operation="set_metafield", before="x", **values | {"target": "4711"})
    assert admin.post(undo(gone), {"idempotency_key": "1"}).status_code == 409


def test_somebody_else_with_the_permission_may_undo_it(
    support: Person, admin: Person, viewer: Person, platform: SandboxServer
) -> None:
    entry = rename(support)
    assert viewer.get(undo(entry)).status_code == 404, "who may not read the entry may not undo it"
    assert admin.post(undo(entry), {"idempotency_key": "1"}).status_code == 303
    assert held(platform)["name"] == NAME
    assert AuditEntry.objects.latest("pk").person.email == "admin@example.com"


def test_an_undone_change_says_so_and_is_not_undone_twice_but_redone(support: Person, platform: SandboxServer) -> None:
    entry = rename(support)
    support.post(undo(entry), {"idempotency_key": "1"})
    back = AuditEntry.objects.latest("pk")
    page = support.get(f"/audit/{entry.pk}/")
    assert "Undone" in words(page)
    assert not soup(page).select_one(f'a[href="{undo(entry)}"]')
    assert f"/audit/{back.pk}/" in page.content.decode()
    assert f"/audit/{entry.pk}/" in support.get(f"/audit/{back.pk}/").content.decode()
    again = support.post(undo(entry), {"idempotency_key": "2"})
    assert again.status_code == 409
    assert "A change can be undone only once." in words(again)
    assert support.post(undo(back), {"idempotency_key": "3"}).status_code == 303
    assert held(platform)["name"] == "Cold room 15"
    assert writes(platform) == [("PUT", "/device")] * 3


def test_the_same_form_sent_twice_undoes_once(support: Person, platform: SandboxServer) -> None:
    url, filled = form_of(support.get(undo(rename(support))))
    first, second = (support.post(url, filled) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert len(writes(platform)) == 2
    assert AuditEntry.objects.count() == 2


# --- it is not --------------------------------------------------------------------------------------------------------


def test_after_somebody_elses_change_both_values_and_who_are_named(
    support: Person, admin: Person, platform: SandboxServer
) -> None:
    entry = rename(admin)
    rename(support, "Cold room 16")
    for answer in (admin.post(undo(entry), {"idempotency_key": "1"}), admin.get(undo(entry))):
        said = words(answer)
        assert "it is “Cold room 16” now, not “Cold room 15”" in said
        assert "changed by" in said
        assert "Not undone: Rename" in said
        assert f"Before the change {NAME}" in said
        assert "Undone," not in said, "which could be read as done"
        assert "After undoing" not in said
        assert not soup(answer).select("main form[method=post]")
        assert soup(answer).select_one(f'main a[href="{DEVICE}rename/"]'), "the way to put it back all the same"
    assert "was not undone, and nothing was changed" in words(admin.post(undo(entry), {"idempotency_key": "1"}))
    assert admin.post(undo(entry), {"idempotency_key": "2"}).status_code == 409
    assert held(platform)["name"] == "Cold room 16"
    assert len(writes(platform)) == 2
    assert AuditEntry.objects.count() == 2, "nothing was set out to be done"


def test_a_change_made_elsewhere_is_told_as_that(support: Person, platform: SandboxServer) -> None:
    entry = rename(support)
    for path in ("/device/baseInfo", "/device"):
        known = platform.get(path, "admin", deviceId=fleet.RICH).json()
        platform.fault(path, "json", method="GET", body=known | {"name": "From the console"})
    answer = support.post(undo(entry), {"idempotency_key": "1"})
    assert answer.status_code == 409
    assert "it is “From the console” now" in words(answer)
    assert "outside this portal" in words(answer)


def test_the_permission_is_judged_and_named(sign_in: SignIn, support: Person) -> None:
    theirs = entries.entry(operation="transfer_to_owner", before=str(ANA), after=str(JONAS))
    person = entries.person("user:3")
    mine = entries.entry(person=person)
    viewer = sign_in("viewer")
    answer = viewer.post(undo(mine), {"idempotency_key": "1"})
    assert answer.status_code == 403
    assert "ORG_DEVICES_EDIT" in words(answer)
    page = viewer.get(f"/audit/{mine.pk}/")
    assert "ORG_DEVICES_EDIT" in words(page)
    assert not soup(page).select_one(f'a[href="{undo(mine)}"]')
    assert viewer.get(undo(theirs)).status_code == 404


@pytest.mark.parametrize("operation", ["delete_device", "clear_device", "create_device", "trigger_event"])
def test_what_has_no_way_back_leads_to_the_record_which_says_so(admin: Person, operation: str) -> None:
    entry = entries.entry(operation=operation)
    for answer in (admin.get(undo(entry)), admin.post(undo(entry), {"idempotency_key": "1"})):
        assert (answer.status_code, answer["Location"]) == (303, f"/audit/{entry.pk}/")
    assert "The platform cannot undo this" in words(admin.get(f"/audit/{entry.pk}/"))


def test_what_was_not_made_or_is_not_known_cannot_be_undone(admin: Person) -> None:
    for outcome, said in (("rejected", "This change was not made"), ("unknown", "is not known")):
        entry = entries.entry(outcome=outcome)
        assert admin.post(undo(entry), {"idempotency_key": "1"}).status_code == 303
        assert said in words(admin.get(f"/audit/{entry.pk}/"))


def test_a_secret_has_nothing_to_restore(admin: Person) -> None:
    entry = entries.entry(operation="set_metafield", secret=True, before="", after="")
    assert admin.post(undo(entry), {"idempotency_key": "1"}).status_code == 303
    assert "does not store secret values" in words(admin.get(f"/audit/{entry.pk}/"))


# --- it goes wrong ----------------------------------------------------------------------------------------------------


def test_a_lost_answer_is_read_back(support: Person, platform: SandboxServer) -> None:
    entry = rename(support)
    platform.fault("/device", "cut", method="PUT", apply=True)
    answer = support.post(undo(entry), {"idempotency_key": "1"})
    assert "the change reads back" in words(support.get(answer["Location"]))
    assert len(writes(platform)) == 2


def test_an_undo_of_unknown_outcome_locks_the_next_try_and_is_settled_by_a_look(
    support: Person, platform: SandboxServer
) -> None:
    entry = rename(support)
    platform.fault("/device", "cut", method="PUT", apply=True)
    platform.fault("/device/baseInfo", "status", skip=1)
    answer = support.post(undo(entry), {"idempotency_key": "1"})
    assert answer.status_code >= 500
    assert "not known whether this was done" in words(answer)
    platform.clear_faults()
    assert support.post(undo(entry), {"idempotency_key": "2"}).status_code == 409
    assert "Undone" in words(support.get(f"/audit/{entry.pk}/"))
    assert len(writes(platform)) == 2


def test_what_the_platform_refuses_is_told_and_can_be_sent_again(support: Person, platform: SandboxServer) -> None:
    entry = rename(support)
    platform.fault("/device", "status", method="PUT", status=400, message="Not today")
    answer = support.post(undo(entry), {"idempotency_key": "1", "reason": "HC-9"})
    assert answer.status_code == 422
    assert "Not today" in words(answer)
    platform.clear_faults()
    url, filled = form_of(answer)
    assert filled["reason"] == "HC-9"
    assert support.post(url, filled).status_code == 303
    assert held(platform)["name"] == NAME


def test_the_platform_down_changes_nothing(support: Person, platform_down: Callable[[], Any]) -> None:
    entry = rename(support)
    with platform_down():
        answer = support.post(undo(entry), {"idempotency_key": "1"})
        assert answer.status_code == 503
        assert "Nothing was changed" in words(answer)
        page = support.get(undo(entry))
        assert page.status_code == 503
        assert soup(page).select_one(f'#try-again[href="{undo(entry)}"]')
        assert soup(page).select_one(f'main dd a[href="{DEVICE}"]'), "still a page about its device"
        assert not soup(page).select("main form[method=post]")
    assert AuditEntry.objects.count() == 1


def test_a_former_owner_who_is_gone_is_told(admin: Person, platform: SandboxServer) -> None:
    entry = entries.entry(operation="transfer_to_owner", before="4711", after=str(ANA))
    answer = admin.post(undo(entry), {"idempotency_key": "1"})
    assert answer.status_code == 422
    assert "former owner" in words(answer)
    assert held(platform)["ownerUserId"] == ANA


def test_an_organization_that_has_changed_is_told_before(admin: Person) -> None:
    entry = entries.entry(operation="transfer_to_owner", before=str(JONAS), after=str(ANA), org_id=2)
    assert "Undoing restores only the owner." in words(admin.get(undo(entry)))
