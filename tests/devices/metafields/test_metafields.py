"""Every metafield type: how it reads, whether it may be edited, what is refused before sending."""

from __future__ import annotations

from typing import Any

import pytest

from devices.gateway.types import Metafield
from devices.metafields import METAFIELD_TYPES, FieldView, InvalidValue, validation, view_of


def view(value: Any, *, mandatory: bool = False, likely: bool = True) -> FieldView:
    return view_of(Metafield(3, "Shelf", mandatory, None, value), likely=likely)


SHOWN = [
    ({"type": "Text", "value": "A-12"}, ["A-12"]),
    ({"type": "Text", "value": None}, []),
    ({"type": "Number", "value": 120.0, "units": "kW"}, ["120 kW"]),
    ({"type": "Number", "value": 0.00001}, ["0.00001"]),
    ({"type": "Int", "value": 5}, ["5"]),
    ({"type": "Measurement", "value": 21.5, "units": "°C"}, ["21.5 °C"]),
    ({"type": "Email", "value": "a@example.com"}, ["a@example.com"]),
    ({"type": "List", "options": ["A", "B"], "selectedOption": "B"}, ["B"]),
    ({"type": "Switch", "from": "Off", "to": "On", "value": "On"}, ["On"]),
    ({"type": "IMEI", "value": "359881234567890"}, ["359881234567890"]),
    ({"type": "Imei", "value": "359881234567890"}, ["359881234567890"]),
    ({"type": "Time", "time": 21_600}, ["06:00"]),
    ({"type": "Range", "from": 21_600, "to": 79_200}, ["06:00–22:00"]),
    ({"type": "Range", "from": 360, "to": 10**9}, ["00:06–1000000000"]),
    ({"type": "Shift", "shifts": [{"name": "Early", "from": 21_600, "to": 50_400}, 4]}, ["Early: 06:00–14:00"]),
    (
        {
            "type": "Contact",
            "firstName": "Ana",
            "lastName": "Lund",
            "email": "a@example.com",
            "phone": "1",
            "isPhoneEnabled": False,
            "city": "Halden",
            "zip": "1771",
        },
        ["Ana Lund", "a@example.com", "1771 Halden"],
    ),
    ({"type": "Address", "streetAddress": "Mølleveien 4", "zip": "1771", "city": "Halden", "country": "Norway"},
     ["Mølleveien 4", "1771 Halden", "Norway"]),
    (
        {"type": "Location", "siteName": "Mill", "floor": 2, "lat": 59.1, "lon": 11.3},
        ["Mill", "Floor 2", "59.10000, 11.30000"],
    ),
    ({"type": "Coordinates", "lat": 59.1241, "lon": 11.3872}, ["59.12410, 11.38720"]),
    ({"type": "Coordinates", "lat": 590, "lon": 11}, []),
    ({"type": "Cost", "currency": "EUR", "price": 1.5, "perValue": 1, "units": "kWh"}, ["1.5 EUR / 1 kWh"]),
    ({"type": "DeviceReference", "selectedDeviceId": 42}, ["Device 42"]),
    ({"type": "MultiText", "values": ["a", "b"]}, ["a", "b"]),
    ({"type": "Table", "rows": [["a", 1], ["b", 2]]}, ["a, 1", "b, 2"]),
    ({"type": "Tz", "value": "Europe/Oslo"}, ["Europe/Oslo"]),
    ({"type": "ApplicationKey", "value": "00112233445566778899aabbccddeeff"}, ["Hidden"]),
    ({"type": "Novel", "value": "as sent"}, ["as sent"]),
    ({"type": "Novel", "a": 1}, ['{"a": 1}']),
    ("plain string", ["plain string"]),
    (12, ["12"]),
    (None, []),
    ([1, 2], ["[1, 2]"]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "lines"), SHOWN, ids=lambda v: str(v)[:40])
def test_each_type_is_shown_as_text(value: Any, lines: list[str]) -> None:
    assert view(value).lines == lines


NONSENSE: list[dict[str, Any]] = [
    {},
    {"value": None},
    {"value": [1]},
    {"value": {"x": 1}},
    {"from": "x", "to": []},
    {"shifts": 4},
    {"lat": "x"},
    {"options": 3},
    {"values": {"a": 1}},
    {"rows": 3},
    {"min": "a", "max": None},
]


@pytest.mark.parametrize("kind", METAFIELD_TYPES)
def test_no_type_fails_on_an_empty_or_invalid_object(kind: str) -> None:
    for nonsense in NONSENSE:
        field = view({"type": kind, **nonsense})
        assert all(isinstance(line, str) for line in field.lines)
        assert field.name


def test_a_secret_key_is_neither_shown_nor_put_into_the_editor() -> None:
    assert "00112233" not in repr(view({"type": "ApplicationKey", "value": "00112233445566778899aabbccddeeff"}))


def test_the_type_and_the_setting_decide_what_is_editable() -> None:
    assert view({"type": "Text"}).editable
    assert view({"type": "Email"}, likely=True).editable
    assert not view({"type": "Email"}, likely=False).editable
    assert not view({"type": "Contact"}).editable
    assert not view({"type": "Novel"}).editable
    assert not view(None).editable
    assert "Rename" in view({"type": "DeviceName", "value": "x"}).why_not
    assert "Transfer" in view({"type": "DeviceOwner", "value": "x"}).why_not


REFUSED = [
    ({"type": "Text"}, "x" * 201),
    ({"type": "Number"}, "12,5"),
    ({"type": "Number"}, "1e3"),
    ({"type": "Number"}, "1e-400"),
    ({"type": "Number"}, "0.1234567890123456"),
    ({"type": "Number"}, "1234567890123456"),
    ({"type": "Number"}, "."),
    ({"type": "Number"}, "1 000"),
    ({"type": "Int"}, "٣"),
    ({"type": "Int"}, "1234567890123456"),
    ({"type": "Number"}, "nan"),
    ({"type": "Number"}, "1e99"),
    ({"type": "Number"}, "1_000"),
    ({"type": "Number"}, "٣"),
    ({"type": "Number", "min": 0, "max": 500}, "501"),
    ({"type": "Int"}, "1.5"),
    ({"type": "Measurement", "min": 1, "max": 2}, "0"),
    ({"type": "Email"}, "nobody"),
    ({"type": "List", "options": ["Gold"]}, "gold"),
    ({"type": "Imei"}, "35988123456789O"),
    ({"type": "Imei"}, "1" * 16),
    ({"type": "Tz"}, "Mars/Olympus"),
    ({"type": "DeviceEui"}, "0011"),
    ({"type": "ApplicationKey"}, "zz" * 16),
]


@pytest.mark.parametrize(("value", "typed"), REFUSED, ids=lambda v: str(v)[:40])
def test_an_invalid_value_is_refused_before_sending(value: dict[str, Any], typed: str) -> None:
    with pytest.raises(InvalidValue):
        view(value).check(typed)


TAKEN = [
    ({"type": "Text"}, " A-13 ", "A-13"),
    ({"type": "Text"}, "x" * 200, "x" * 200),
    ({"type": "Text"}, "", ""),
    ({"type": "Number", "min": 0, "max": 0}, "-7.5", "-7.5"),
    ({"type": "Number", "min": 0, "max": 500}, "500", "500"),
    ({"type": "Number"}, "+999999999999999", "+999999999999999"),
    ({"type": "Number"}, "-.5", "-.5"),
    ({"type": "Number"}, "0.12345678901234", "0.12345678901234"),
    ({"type": "Number", "min": 0, "max": 500, "step": 5}, "7", "7"),
    ({"type": "List", "options": ["Gold"]}, "Gold", "Gold"),
    ({"type": "Imei"}, "3598812345", "3598812345"),
    ({"type": "List"}, "anything", "anything"),
    ({"type": "Imei"}, "359881234567890", "359881234567890"),
    ({"type": "Iccid"}, "8947080012345678901F", "8947080012345678901F"),
    ({"type": "Tz"}, "Europe/Oslo", "Europe/Oslo"),
]


@pytest.mark.parametrize(("value", "typed", "sent"), TAKEN, ids=lambda v: str(v)[:40])
def test_a_valid_value_is_sent_trimmed(value: dict[str, Any], typed: str, sent: str) -> None:
    assert view(value).check(typed) == sent


def test_a_mandatory_field_refuses_an_empty_value() -> None:
    field = view({"type": "Text", "value": ""}, mandatory=True)
    assert field.missing
    with pytest.raises(InvalidValue, match="required"):
        field.check("  ")


def test_only_web_addresses_become_links() -> None:
    assert view({"type": "Image", "value": "https://images.example.com/1.png"}).href.startswith("https://")
    for address in ("javascript:alert(1)", "data:text/html,x", "//evil.example", "http://[", 5):
        assert view({"type": "Image", "value": address}).href == ""
    assert "mlat=59.1" in view({"type": "Coordinates", "lat": 59.1, "lon": 11.3}).href


def test_a_list_without_options_is_typed_and_one_with_them_is_chosen() -> None:
    assert view({"type": "List"}).control == "text"
    assert view({"type": "List", "options": ["A"]}).control == "select"
    assert view({"type": "Number", "min": 0, "max": 5, "step": 0.5}).attrs == {"step": 0.5, "min": 0, "max": 5}


HELD = [
    ({"type": "Number", "value": 7.5}, "7.50", True),
    ({"type": "Number", "value": 7}, "+7.0", True),
    ({"type": "Number", "value": "7.5"}, "7.50", True),
    ({"type": "Number", "value": 0.1}, "0.2", False),
    ({"type": "Int", "value": 7}, "007", True),
    ({"type": "Number", "value": None}, "", True),
    ({"type": "Number", "value": 0}, "", False),
    ({"type": "List", "options": ["A", "B"], "selectedOption": "B"}, "B", True),
    ({"type": "List", "options": ["A", "B"], "selectedOption": "A", "value": "B"}, "B", False),
    ({"type": "Text", "value": " A-1 "}, "A-1", True),
    ({"type": "Text", "value": "a-1"}, "A-1", False),
    ({"type": "Text", "value": "007"}, "7", False),
    ("A-1", "A-1", True),
    (None, "", True),
    (None, "A-1", False),
    ({"type": "Email", "value": "ana@example.com"}, "Ana@example.com", True),
    ({"type": "DeviceEui", "value": "AB" * 8}, "ab" * 8, True),
    ({"type": "ApplicationKey", "value": "AB" * 16}, "ab" * 16, True),
    ({"type": "ApplicationKey", "value": "00" * 16}, "ab" * 16, False),
    ({"type": "ApplicationKey", "value": "********"}, "ab" * 16, False),
]


@pytest.mark.parametrize(("value", "sent", "held"), HELD, ids=lambda v: str(v)[:40])
def test_a_read_back_value_is_compared_by_its_type(value: Any, sent: str, held: bool) -> None:
    assert view(value).holds(sent) is held


def test_each_refusal_of_a_number_says_what_to_do() -> None:
    for typed, sentence in (
        ("1e3", "plain digits, with a point for decimals"),
        ("0.1234567890123456", "at most 15 digits. This has 17"),
        ("501", "from 0 to 500"),
    ):
        with pytest.raises(InvalidValue, match=sentence):
            view({"type": "Number", "min": 0, "max": 500}).check(typed)


def test_an_imei_of_an_unusual_length_passes_with_a_warning() -> None:
    assert "normally has 15 digits. This has 10." in view({"type": "Imei", "value": "3598812345"}).caution
    assert view({"type": "Imei", "value": "359881234567890"}).caution == ""
    assert view({"type": "Imei", "value": None}).caution == ""


@pytest.mark.parametrize(
    ("value", "unsure"),
    [
        ({"type": "Range", "from": 21_600, "to": 79_200}, False),
        ({"type": "Range", "from": 360, "to": 86_401}, True),
        ({"type": "Range"}, False),
        ({"type": "Time", "time": 10**9}, True),
        ({"type": "Shift", "shifts": [{"from": 0, "to": 1}, 4]}, False),
        ({"type": "Shift", "shifts": [{"from": 0, "to": 10**6}]}, True),
    ],
)
def test_times_beyond_a_day_have_a_warning(value: dict[str, Any], unsure: bool) -> None:
    assert ("not certain" in view(value).caution) is unsure


def test_a_reference_needs_a_valid_device_id() -> None:
    assert view({"type": "DeviceReference", "selectedDeviceId": 42}).device_id == 42
    for number in (0, -1, 2**63, True, "42", 4.0, None):
        assert view({"type": "DeviceReference", "selectedDeviceId": number}).device_id == 0
    assert view({"type": "Text", "selectedDeviceId": 42}).device_id == 0


def test_time_zones_are_looked_up_once_and_only_for_an_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    known = validation.available_timezones()
    monkeypatch.setattr(validation, "available_timezones", lambda: looked.append(1) or known)
    validation.zones.cache_clear()
    field = view({"type": "Tz", "value": "Europe/Oslo"})
    assert field.control == "select"
    assert not looked
    assert "Europe/Oslo" in field.options
    assert field.check("Europe/Oslo")
    assert "Europe/Oslo" in view({"type": "Tz"}).options
    assert len(looked) == 1
