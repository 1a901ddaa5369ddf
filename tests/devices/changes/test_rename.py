"""Renaming: with and without script, refused by us and by the API, lost on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devices.audit.models import AuditEntry
from tests.devices import fleet
from tests.devices.changes.forms import lines
from tests.devices.conftest import HTMX, Person, soup, words
from tests.servers import SandboxServer

RENAME = f"/devices/{fleet.RICH}/rename/"
NAME = "Cold room 14 - door's sensor"

SHORT = "Nothing was sent: this was changed since you opened the form."
pytestmark = pytest.mark.usefixtures("fresh_sandbox")


def held(platform: SandboxServer) -> str:
    """The name that the platform holds."""
    name: str = platform.get("/device", "admin", deviceId=fleet.RICH).json()["name"]
    return name


def test_a_plain_post_renames_and_returns_to_the_device(support: Person, platform: SandboxServer) -> None:
    answer = support.post(RENAME, {"name": "Cold room 15"})
    assert answer.status_code == 303
    assert answer["Location"].startswith(f"/devices/{fleet.RICH}/?change=")
    page = support.get(answer["Location"])
    assert soup(page).h1.get_text() == "Cold room 15"  # type: ignore[union-attr]
    assert "Renamed to Cold room 15. Read back at" in words(page)
    assert f"{NAME} → Cold room 15" in words(page)
    assert held(platform) == "Cold room 15"


def test_by_htmx_the_new_name_appears_in_place_and_the_dialog_closes(support: Person, platform: SandboxServer) -> None:
    answer = support.htmx(RENAME, {"name": "  Cold room\N{RIGHT SINGLE QUOTATION MARK}s twin "})
    assert answer.status_code == 200
    assert answer["HX-Retarget"] == "#device-title"
    assert "deviceChanged" in answer["HX-Trigger"]
    assert soup(answer).h1.get_text() == "Cold room's twin"  # type: ignore[union-attr]
    assert held(platform) == "Cold room's twin"


def test_the_form_is_a_dialog_for_htmx_and_a_page_otherwise(support: Person) -> None:
    dialog = support.htmx(RENAME)
    assert b"<html" not in dialog.content
    assert soup(dialog).select_one("input[name=name]")["value"] == NAME  # type: ignore[index]
    page = support.get(RENAME)
    assert soup(page).select_one("main form[method=post] input[name=name]")["value"] == NAME  # type: ignore[index]
    assert soup(page).select_one("input[name=csrfmiddlewaretoken]")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Enter a name of 1 to 50 characters"),
        ("   ", "Enter a name of 1 to 50 characters"),
        ("Hall / 3 #3", "Remove “/” and “#”"),
        ("<script>alert(1)</script>", "not allowed"),
        ("nul\x00", "not allowed"),
        ("x" * 51, "Shorten the name to 50 characters. This one has 51."),
        ("x" * 10_000, "Shorten the name to 50 characters"),
    ],
)
def test_a_name_against_the_rule_is_refused_beside_the_field_and_kept(
    support: Person, platform: SandboxServer, name: str, sentence: str
) -> None:
    for post in (support.post, support.htmx):
        answer = post(RENAME, {"name": name})
        assert answer.status_code == 422
        field = soup(answer).select_one("input[name=name]")
        assert field is not None
        assert field["aria-invalid"] == "true"
        if "\x00" not in name:
            assert field.get("value", "") == name
        error = soup(answer).select_one(".field .error")
        assert error is not None
        assert sentence in error.get_text()
        assert "There is a problem" in words(answer)
    assert held(platform) == NAME
    assert not [entry for entry in platform.requests() if entry["method"] == "PUT"]


def test_the_rename_is_written_down(support: Person, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    support.post(RENAME, {"name": "Cold room 15"})
    (line,) = lines(caplog)
    for part in ("rename_device", "device=1", 'after="Cold room 15"', "user=2", 'outcome="confirmed"'):
        assert part in line


def test_fifty_characters_pass(support: Person, platform: SandboxServer) -> None:
    assert support.post(RENAME, {"name": "y" * 50}).status_code == 303
    assert held(platform) == "y" * 50


def test_a_refusal_by_the_api_stands_beside_the_field_with_what_was_typed(
    support: Person, platform: SandboxServer
) -> None:
    platform.switch(name_letters="ascii")
    answer = support.htmx(RENAME, {"name": "Kühlraum"})
    assert answer.status_code == 422
    assert soup(answer).select_one("input[name=name]")["value"] == "Kühlraum"  # type: ignore[index]
    assert "The platform refused this name." in words(answer)
    assert held(platform) == NAME


def test_without_the_permission_the_button_is_locked_and_the_form_refused(viewer: Person) -> None:
    page = viewer.get(f"/devices/{fleet.RICH}/")
    button = soup(page).select_one("#action-rename")
    assert button is not None
    assert button["aria-disabled"] == "true"
    why = soup(page).select_one("#action-rename-why")
    assert why is not None
    assert "ORG_DEVICES_EDIT" in why.get_text()
    for answer in (viewer.get(RENAME), viewer.post(RENAME, {"name": "Mine now"}), viewer.htmx(RENAME, {"name": "x"})):
        assert answer.status_code == 403
        assert "ORG_DEVICES_EDIT" in words(answer)


def puts(platform: SandboxServer) -> int:
    return sum(entry["method"] == "PUT" for entry in platform.requests())


def test_a_lost_answer_is_read_back_and_nothing_is_sent_twice(support: Person, platform: SandboxServer) -> None:
    platform.fault("/device", "cut", method="PUT", apply=True)
    answer = support.post(RENAME, {"name": "Cold room 16"})
    assert "the change reads back" in words(support.get(answer["Location"]))
    assert puts(platform) == 1
    platform.clear_faults()
    platform.fault("/device", "drop", method="PUT")
    answer = support.post(RENAME, {"name": "Cold room 17"})
    assert answer.status_code in (502, 503, 504)
    assert "still holds “Cold room 16”, so nothing was changed" in words(answer)
    assert soup(answer).select_one("input[name=name]")["value"] == "Cold room 17"  # type: ignore[index]
    assert puts(platform) == 2


def test_a_lost_answer_that_cannot_be_read_back_is_told_as_unknown(support: Person, platform: SandboxServer) -> None:
    platform.fault("/device", "cut", method="PUT", apply=True)
    platform.fault("/device/baseInfo", "status", skip=1)
    answer = support.post(RENAME, {"name": "Cold room 16"})
    assert answer.status_code >= 500
    assert "not known whether this was done" in words(answer)
    assert not soup(answer).select("main form[method=post]")
    platform.clear_faults()
    entry = soup(answer).select_one("main a.primary")
    assert entry is not None
    assert "Confirmed" in words(support.get(str(entry["href"])))
    assert puts(platform) == 1


def test_a_form_sent_again_shows_the_outcome_of_the_first(support: Person, platform: SandboxServer) -> None:
    fields = {field["name"]: field.get("value", "") for field in soup(support.get(RENAME)).select("main form input")}
    first, second = (support.post(RENAME, fields | {"name": "Cold room 16"}) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first["Location"] == second["Location"]
    assert puts(platform) == 1


def test_the_name_it_has_already_is_neither_sent_nor_written_down(support: Person, platform: SandboxServer) -> None:
    page = support.post(RENAME, {"name": f" {NAME} ", "expected_version": "of another name"})
    assert (page.status_code, page["Location"]) == (303, f"/devices/{fleet.RICH}/")
    assert "That is its name already. Nothing was sent." in words(support.get(page["Location"]))
    notice = support.htmx(RENAME, {"name": NAME})
    assert (notice.status_code, notice["HX-Retarget"], json.loads(notice["HX-Trigger"])) == (
        200,
        "#flash",
        {"deviceChanged": {}},
    )
    assert "That is its name already. Nothing was sent." in words(notice)
    assert puts(platform) == 0
    assert not AuditEntry.objects.exists()


def test_who_opened_the_form_before_somebody_elses_change_sees_both_and_chooses(
    support: Person, admin: Person, platform: SandboxServer
) -> None:
    fields = {field["name"]: field.get("value", "") for field in soup(support.get(RENAME)).select("main form input")}
    admin.post(RENAME, {"name": "Cold room 15"})
    answer = support.post(RENAME, fields | {"name": "Cold room 16"})
    assert answer.status_code == 409
    said = words(answer)
    assert "it is “Cold room 15” now. You entered “Cold room 16”" in said
    assert said.count("You entered") == 1, "beside the field alone"
    (link,) = soup(answer).select("[data-error-summary] li a")
    assert (link["href"], link.get_text()) == ("#id_name", SHORT)
    assert held(platform) == "Cold room 15"
    again = {field["name"]: field.get("value", "") for field in soup(answer).select("main form input")}
    assert again["name"] == "Cold room 16"
    assert support.post(RENAME, again).status_code == 303
    assert held(platform) == "Cold room 16"


def test_a_token_that_cannot_be_renewed_is_not_told_as_a_change_of_unknown_fate(
    support: Person, platform: SandboxServer
) -> None:
    platform.expire_tokens()
    platform.fault("/oauth2/token", "status", status=500)
    answer = support.post(RENAME, {"name": "Cold room 18"})
    assert answer.status_code >= 500
    assert "not known" not in words(answer)
    platform.clear_faults()
    assert held(platform) == NAME


def test_the_platform_down_changes_nothing_and_says_so(support: Person, platform_down: Any) -> None:
    with platform_down():
        page = support.post(RENAME, {"name": "Cold room 17"})
        dialog = support.htmx(RENAME, {"name": "Cold room 17"})
    for answer in (page, dialog):
        assert answer.status_code == 503
        assert "Nothing was changed" in words(answer)
    assert soup(dialog).select_one("form input[name=name]")["value"] == "Cold room 17"  # type: ignore[index]
    assert "could not be read" in words(dialog)


def test_the_form_costs_one_call_and_its_page_two(support: Person, platform: SandboxServer) -> None:
    for ask, paths in ((support.htmx, ["baseInfo"]), (support.get, ["baseInfo", "online"])):
        platform.clear_requests()
        assert ask(RENAME).status_code == 200
        assert sorted(entry["path"].rsplit("/", 1)[-1] for entry in platform.requests()) == paths


def test_a_device_that_is_gone_cannot_be_renamed(support: Person) -> None:
    for post in (support.post, support.htmx):
        assert post(f"/devices/{fleet.NOBODY}/rename/", {"name": "Ghost"}).status_code == 404


def test_other_methods_are_refused(support: Person) -> None:
    assert support.put(RENAME).status_code == 405
    assert support.delete(RENAME).status_code == 405


def test_out_of_a_list_the_row_takes_the_new_name(support: Person, platform: SandboxServer) -> None:
    address = support.get("/devices/recent/").wsgi_request.build_absolute_uri
    for here in ("/devices/?q=room&page=2", "/devices/by-owner/?email=a@b.example", "/devices/recent/"):
        headers = HTMX | {"HX-Current-URL": address(here)}
        name = f"Room {len(here)}"
        answer = support.post("/devices/12/rename/", {"name": name}, headers=headers)
        assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#flash", "outerHTML"), "the row may have gone"
        assert "deviceChanged" in answer["HX-Trigger"]
        said = soup(answer).select_one("#flash")
        assert said is not None
        assert (said["data-renamed"], said["data-name"]) == ("/devices/12/", name)
        assert "Undo" in said.get_text()
        assert name in words(support.get("/devices/recent/?minutes=60")), "and no name is kept from before"
