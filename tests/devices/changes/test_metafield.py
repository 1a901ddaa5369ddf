"""Metafields on the page: every type readable, the editable ones edited in place, refusals beside the field."""

from __future__ import annotations

from typing import Any

import pytest

from tests.devices import fleet
from tests.devices.changes.forms import writes
from tests.devices.changes.metafields import PANEL, address, held, ids
from tests.devices.conftest import Person, soup, words
from tests.servers import SandboxServer

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


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


def test_a_device_referred_to_and_the_forms_for_name_and_owner_are_one_click_away(
    support: Person, viewer: Person, platform: SandboxServer
) -> None:
    assert soup(support.get(PANEL)).select_one('td.value a[href="/devices/1/"]').get_text() == "Device 1"  # type: ignore[union-attr]
    panel, locked = soup(support.get(PANEL)), soup(viewer.get(PANEL))
    forms = {"rename": ("Device Name", "Rename"), "transfer-to-owner": ("Device Owner", "Transfer")}
    for form, (field, verb) in forms.items():
        link = f'a[href="/devices/{fleet.BENCH}/{form}/"]'
        assert f"{verb} the device instead" in [a.get_text() for a in panel.select(f"td.act {link}")]
        assert not locked.select(f"td.act {link}")
        assert soup(support.get(address(platform, field))).select(f".dialog-content a.button{link[1:]}")
        assert soup(support.htmx(address(platform, field))).select(f"form {link}")


def test_a_secret_key_never_reaches_the_page(support: Person, platform: SandboxServer) -> None:
    assert b"00112233445566778899" not in support.get(PANEL).content
    assert b"00112233445566778899" not in support.get(address(platform, "Application key")).content


def test_a_secret_key_is_replaced_only_by_another_and_never_by_nothing(
    support: Person, platform: SandboxServer
) -> None:
    here = address(platform, "Application key")
    box = soup(support.get(here)).select_one("[name=value]")
    assert box is not None
    assert (box["type"], box["value"], box["autocomplete"]) == ("password", "", "off")
    for nothing in ("", "  "):
        answer = support.htmx(here, {"value": nothing})
        assert answer.status_code == 422
        assert "stays unchanged. Enter a new value" in soup(answer).select_one(".field .error").get_text()  # type: ignore[union-attr]
    assert not [call for call in writes(platform) if call[0] == "POST"]
    support.post(here, {"value": "FFEEDDCCBBAA99887766554433221100"})
    assert held(platform, "Application key")["value"] == "FFEEDDCCBBAA99887766554433221100"


def test_a_refused_secret_is_not_put_into_the_page_again(support: Person, platform: SandboxServer) -> None:
    here = address(platform, "Application key")
    key = "FFEEDDCCBBAA99887766554433221100"
    platform.fault("/device/metafield", "status", status=400, message=f"{key} is invalid.", method="POST")
    for post in (support.post, support.htmx):
        for value in ("FFEEDDCC-mistyped", key):
            answer = post(here, {"value": value})
            assert answer.status_code == 422
            assert soup(answer).select_one(".field .error")
            assert b"FFEEDDCC" not in answer.content


def test_two_editors_share_no_id_and_what_describes_a_control_is_there(
    support: Person, platform: SandboxServer
) -> None:
    seen: list[str] = []
    for name, value in (("Capacity", "501"), ("Output", "81"), ("Refrigerant", "R12"), ("IMEI", "x")):
        page = soup(support.htmx(address(platform, name), {"value": value}))
        control = page.select_one("[name=value]")
        assert control is not None
        assert page.select_one(f'label[for="{control["id"]}"]')
        described = str(control["aria-describedby"]).split()
        assert any("error" in part for part in described)
        assert all(page.find(id=part) for part in described)
        seen += [str(tag["id"]) for tag in page.select("[id]")]
    assert len(seen) == len(set(seen))


def test_the_page_without_script_leads_from_the_summary_to_the_control(
    support: Person, platform: SandboxServer
) -> None:
    page = soup(support.post(address(platform, "Shelf"), {"value": ""}))
    link = page.select_one("[data-error-summary] a")
    assert link is not None
    assert page.select_one(f"[name=value]{link['href']}")


def test_cancel_brings_back_its_own_row_by_one_call(support: Person, viewer: Person, platform: SandboxServer) -> None:
    here = address(platform, "Shelf")
    cancel = soup(support.htmx(here)).select_one("form a.button")
    assert cancel is not None
    row = f"metafield-{ids(platform)['Shelf']}"
    assert (cancel["href"], cancel["hx-get"], cancel["hx-target"]) == (PANEL, f"{here}?row=on", f"#{row}")
    platform.clear_requests()
    answer = support.htmx(str(cancel["hx-get"]))
    assert [entry["method"] for entry in platform.requests()] == ["GET"]
    page = soup(answer)
    assert page.find()["id"] == row  # type: ignore[index]
    assert page.select_one("a.action")
    assert not page.select_one("form")
    assert "A-12" in words(answer)
    assert not soup(viewer.htmx(f"{here}?row=on")).select_one("a.action")
    plain = support.get(f"{here}?row=on")
    assert (plain.status_code, plain["Location"]) == (303, PANEL)


def test_a_box_for_numbers_has_its_bounds_and_its_unit(support: Person, platform: SandboxServer) -> None:
    def box(name: str) -> Any:
        return soup(support.htmx(address(platform, name))).select_one("[name=value]")

    capacity = box("Capacity")
    assert [capacity[name] for name in ("type", "min", "max", "step")] == ["number", "0", "500", "5"]
    assert box("Inspections")["step"] == "1"
    assert not box("Inspections").has_attr("min")
    output = soup(support.htmx(address(platform, "Output")))
    unit = output.select_one(".measured .unit")
    assert unit is not None
    assert unit.get_text() == "kW"
    assert str(unit["id"]) in str(output.select_one("[name=value]")["aria-describedby"])  # type: ignore[index]


def test_a_number_off_the_step_is_sent(support: Person, platform: SandboxServer) -> None:
    assert soup(support.get(address(platform, "Capacity"))).select_one("form[novalidate] [step]")
    assert support.post(address(platform, "Capacity"), {"value": "7"}).status_code == 303
    assert held(platform, "Capacity")["value"] == 7


def test_what_is_no_number_comes_back_in_a_box_that_can_show_it(support: Person, platform: SandboxServer) -> None:
    for typed in ("12,5", "1e3", "+5x"):
        control = soup(support.htmx(address(platform, "Capacity"), {"value": typed})).select_one("[name=value]")
        assert control is not None
        assert (control["type"], control["value"]) == ("text", typed)


def test_a_number_that_the_browser_could_not_read_does_not_empty_the_field(
    support: Person, platform: SandboxServer
) -> None:
    here = address(platform, "Inspections")
    answer = support.htmx(here, {"value": ""})
    assert answer.status_code == 422
    assert "No number arrived" in words(answer)
    assert held(platform, "Inspections")["value"] == 7
    form = soup(answer).select_one("form")
    assert form is not None
    sent = {str(tag["name"]): str(tag.get("value", "")) for tag in form.select("input[name]")}
    assert support.htmx(here, sent).status_code == 200
    assert held(platform, "Inspections")["value"] is None


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


def test_without_script_the_editor_is_a_page_and_saving_returns(support: Person, platform: SandboxServer) -> None:
    here = address(platform, "Capacity")
    page = support.get(here)
    assert soup(page).select_one("main form[method=post] input[name=csrfmiddlewaretoken]")
    saved = support.post(here, {"value": "125"})
    assert saved.status_code == 303
    assert saved["Location"].startswith(PANEL)
    assert "Capacity was set to " in words(support.get(saved["Location"]))
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


def test_the_control_fits_the_type(support: Person, platform: SandboxServer) -> None:
    options = [option["value"] for option in soup(support.get(address(platform, "Refrigerant"))).select("option")]
    assert options == ["R290", "R744", "R449A"]
    assert soup(support.get(address(platform, "Service contact"))).select_one("input[type=email]")
    assert "Europe/Oslo" in str(soup(support.get(address(platform, "Time zone"))).select_one("option[selected]"))


def test_a_metafield_the_device_does_not_have_is_not_found(support: Person) -> None:
    assert support.get(f"{PANEL}999999/").status_code == 404
    assert support.post(f"{PANEL}999999/", {"value": "x"}).status_code == 404


def test_a_metafield_the_device_does_not_have_is_not_found_by_htmx_either(support: Person) -> None:
    for answer in (
        support.htmx(f"{PANEL}999999/"),
        support.htmx(f"{PANEL}999999/?row=on"),
        support.htmx(f"{PANEL}999999/", {"value": "x"}),
    ):
        assert answer.status_code == 404
        assert not soup(answer).select("html, form")
        assert "HX-Request" in answer["Vary"]


def test_another_method_is_refused(support: Person, platform: SandboxServer) -> None:
    here = address(platform, "Shelf")
    for method in (support.put, support.delete, support.patch):
        answer = method(here)
        assert answer.status_code == 405
        assert answer["Allow"] == "GET, HEAD, POST"
    assert held(platform, "Shelf")["value"] == "A-12"


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
