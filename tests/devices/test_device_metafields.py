"""Metafields on the page: every type readable, the editable ones edited in place, refusals beside the field."""

from __future__ import annotations

from typing import Any

import pytest

from tests.devices import fleet
from tests.devices.changes import lines
from tests.devices.conftest import Person, soup, words
from tests.servers import SandboxServer

PANEL = f"/devices/{fleet.BENCH}/metafields/"

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


def ids(platform: SandboxServer) -> dict[str, int]:
    fields = platform.get("/device/metafield", "admin", deviceId=fleet.BENCH).json()
    return {field["name"]: field["id"] for field in fields}


def held(platform: SandboxServer, name: str) -> Any:
    fields = platform.get("/device/metafield", "admin", deviceId=fleet.BENCH).json()
    return next(field["value"] for field in fields if field["name"] == name)


def address(platform: SandboxServer, name: str) -> str:
    return f"{PANEL}{ids(platform)[name]}/"


def test_every_type_reads_for_people(support: Person) -> None:
    rows = {
        row.th.get_text(): " ".join(row.select_one(".value").get_text(" ").split())  # type: ignore[union-attr]
        for row in soup(support.get(PANEL)).select(".table-fields tbody tr")
    }
    assert rows["Shelf"] == "A-12"
    assert rows["Output"] == "12.5 kW"
    assert rows["Quiet hours"] == "22:00–06:00"
    assert rows["Defrost at"] == "03:00"
    assert rows["Caretaker"].startswith("Ana Lund ana.lund@example.org +47")
    assert rows["Energy price"] == "0.31 EUR / 1 kWh"
    assert rows["Twin"] == "Device 1"
    assert rows["Notes"] == "door seal replaced fan noisy"
    assert rows["Firmware updates"] == "On"
    assert rows["Application key"] == "Hidden"
    assert rows["Spare"] == "Empty"
    assert rows["Old label"] == "written before fields had types"
    assert "19.2" in rows["Orbit"]


def test_a_device_referred_to_and_the_form_for_the_name_are_one_click_away(
    support: Person, viewer: Person, platform: SandboxServer
) -> None:
    assert soup(support.get(PANEL)).select_one('td.value a[href="/devices/1/"]').get_text() == "Device 1"  # type: ignore[union-attr]
    rename = f'a[href="/devices/{fleet.BENCH}/rename/"]'
    assert "Rename the device instead" in [a.get_text() for a in soup(support.get(PANEL)).select(f"td.act {rename}")]
    assert not soup(viewer.get(PANEL)).select(f"td.act {rename}")
    assert soup(support.get(address(platform, "Device Name"))).select(f".sheet {rename}")


def test_a_secret_key_never_reaches_the_page(support: Person, platform: SandboxServer) -> None:
    assert b"00112233445566778899" not in support.get(PANEL).content
    assert b"00112233445566778899" not in support.get(address(platform, "Application key")).content


def test_what_cannot_be_edited_says_why(support: Person) -> None:
    row = next(row for row in soup(support.get(PANEL)).select("tr") if row.th and row.th.get_text() == "Caretaker")
    assert row.select_one("a.action") is None
    assert "Read-only" in row.get_text()


def test_an_edit_in_place_shows_what_the_platform_now_holds(support: Person, platform: SandboxServer) -> None:
    here = address(platform, "Shelf")
    editor = support.htmx(here)
    assert soup(editor).select_one("tr form input[name=value]")["value"] == "A-12"  # type: ignore[index]
    saved = support.htmx(here, {"value": " B-7 "})
    assert saved.status_code == 200
    row = soup(saved).select_one("tr")
    assert row is not None
    assert row["id"] == f"metafield-{ids(platform)['Shelf']}"
    assert "B-7" in row.get_text()
    assert "saved" in row.get_text()
    assert held(platform, "Shelf")["value"] == "B-7"


def test_that_a_field_was_set_is_written_down_without_its_value(
    support: Person, platform: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    support.post(address(platform, "Shelf"), {"value": "QX-4711"})
    (line,) = lines(caplog)
    for part in ("set_metafield device=9", f"metafield={ids(platform)['Shelf']}", "user=2", 'outcome="done"'):
        assert part in line
    assert "QX-4711" not in caplog.text


def test_without_script_the_editor_is_a_page_and_saving_returns(support: Person, platform: SandboxServer) -> None:
    here = address(platform, "Capacity")
    page = support.get(here)
    assert soup(page).select_one("main form[method=post] input[name=csrfmiddlewaretoken]")
    saved = support.post(here, {"value": "125"})
    assert saved.status_code == 303
    assert saved["Location"] == PANEL
    assert "Capacity saved" in words(support.get(PANEL))
    assert held(platform, "Capacity")["value"] == 125


REFUSED = [
    ("Shelf", "x" * 201, "at most 200 characters. This has 201."),
    ("Shelf", "", "required"),
    ("Capacity", "501", "from 0 to 500"),
    ("Capacity", "twelve", "Enter a number"),
    ("Inspections", "1.5", "whole number"),
    ("Output", "81", "from 0 to 80"),
    ("Service contact", "nobody", "e-mail"),
    ("Refrigerant", "R12", "Choose one of the options"),
    ("IMEI", "35693803564380X", "digits only"),
    ("Time zone", "Mars/Olympus", "time zone"),
    ("Device EUI", "123", "16 characters"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), REFUSED)
def test_a_value_that_cannot_be_right_is_refused_beside_the_field_and_kept(
    support: Person, platform: SandboxServer, name: str, value: str, sentence: str
) -> None:
    here = address(platform, name)
    for post in (support.post, support.htmx):
        answer = post(here, {"value": value})
        assert answer.status_code == 422
        error = soup(answer).select_one(".field .error")
        assert error is not None
        assert sentence in error.get_text()
        control = soup(answer).select_one("[name=value]")
        assert control is not None
        kept = control.get("value") if control.name == "input" else control.select_one("option[selected]")["value"]  # type: ignore[index]
        assert kept == value
    assert not [e for e in platform.requests() if e["method"] == "POST" and e["path"].endswith("/device/metafield")]


def test_two_hundred_characters_pass(support: Person, platform: SandboxServer) -> None:
    assert support.post(address(platform, "Shelf"), {"value": "z" * 200}).status_code == 303
    assert held(platform, "Shelf")["value"] == "z" * 200


def test_a_refusal_by_the_api_stands_beside_the_field_with_what_was_typed(
    support: Person, platform: SandboxServer
) -> None:
    here = address(platform, "Shelf")
    message = "The provided value for metafield is invalid."
    platform.fault("/device/metafield", "status", status=400, message=message, method="POST")
    answer = support.htmx(here, {"value": "C-1"})
    assert answer.status_code == 422
    assert soup(answer).select_one("input[name=value]")["value"] == "C-1"  # type: ignore[index]
    assert "The platform refused this value for a field of type Text." in words(answer)


def test_the_control_fits_the_type(support: Person, platform: SandboxServer) -> None:
    options = [option["value"] for option in soup(support.get(address(platform, "Refrigerant"))).select("option")]
    assert options == ["R290", "R744", "R449A"]
    assert soup(support.get(address(platform, "Service contact"))).select_one("input[type=email]")
    assert "Europe/Oslo" in str(soup(support.get(address(platform, "Time zone"))).select_one("option[selected]"))


def test_a_save_that_cannot_be_read_back_is_not_shown_as_lost(support: Person, platform: SandboxServer) -> None:
    here = address(platform, "Shelf")
    platform.fault("/device/metafield", "status", status=500, method="GET", skip=1)
    answer = support.post(here, {"value": "D-4"})
    assert answer.status_code == 303
    platform.clear_faults()
    assert "could not be read back" in words(support.get(PANEL))
    assert held(platform, "Shelf")["value"] == "D-4"
    platform.fault("/device/metafield", "status", status=500, method="GET", skip=1)
    answer = support.htmx(here, {"value": "D-5"})
    platform.clear_faults()
    assert answer["HX-Redirect"] == PANEL
    assert "could not be read back" in words(support.get(PANEL))
    assert held(platform, "Shelf")["value"] == "D-5"


def test_a_metafield_the_device_does_not_have_is_not_found(support: Person) -> None:
    assert support.get(f"{PANEL}999999/").status_code == 404
    assert support.post(f"{PANEL}999999/", {"value": "x"}).status_code == 404


def test_a_read_only_field_takes_no_value(support: Person, platform: SandboxServer) -> None:
    answer = support.post(address(platform, "Caretaker"), {"value": "x"})
    assert answer.status_code == 422
    assert "Read-only" in words(answer)


def test_without_the_permission_nothing_is_offered_and_the_reason_stands_there(
    viewer: Person, platform: SandboxServer
) -> None:
    page = viewer.get(PANEL)
    assert not soup(page).select("a.action")
    assert "ORG_DEVICES_EDIT" in words(page)
    for post in (viewer.post, viewer.htmx):
        assert post(address(platform, "Shelf"), {"value": "x"}).status_code == 403


def test_the_platform_down_is_said_and_signed_out_leads_to_sign_in(
    support: Person, platform: SandboxServer, platform_down: Any
) -> None:
    here = address(platform, "Shelf")
    with platform_down():
        assert support.get(here).status_code == 503
        assert support.htmx(here, {"value": "x"}).status_code == 503
    assert Person().get(here, secure=True).status_code == 302
    assert Person().htmx(here).status_code == 401
