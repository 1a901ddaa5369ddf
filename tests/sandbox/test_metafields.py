"""Writing metafields as text, by type."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import seed_cases as cases
from tests.servers import SandboxServer

INVALID = {"error": {"message": "The provided value for metafield is invalid."}}
IDS = {name: number for number, (name, *_) in enumerate(cases.BENCH_FIELDS, start=1)}
ALL_DIGITS = "9" * 15
# Field -> accepted texts with the resulting value, and refused texts.
RULES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "Shelf": ({"B-7": "B-7", "x" * 200: "x" * 200, "Ünï 🧊 <b>": "Ünï 🧊 <b>", " ": " "}, ()),
    "Capacity": (
        {"0": 0, "500": 500, "12.5": 12.5, "+7": 7, ".5": 0.5, "7.": 7},
        ("501", "-1", "500.1", "abc", "1e3", "1,5", "0x10", "NaN", "Infinity", "-inf", " 5", "5 ", "١", "--1", "."),
    ),
    "Correction": (
        {"-999999999999999": -999_999_999_999_999, "0.12345678901234": 0.12345678901234},
        ("1234567890123456", "0.123456789012345", "-1000000000000000"),
    ),
    "Inspections": (
        {"12": 12, "-3": -3, ALL_DIGITS: 999_999_999_999_999},
        ("1.5", "1.0", "abc", f"{ALL_DIGITS}0", "1e2", "½"),
    ),
    "Output": ({"0": 0, "80": 80, "79.99": 79.99}, ("80.01", "-0.1", "twelve")),
    "Service contact": (
        {"a.b+c@example.org": "a.b+c@example.org"},
        ("a.b", "a@b", "a b@example.org", "a@example.org\n"),
    ),
    "Refrigerant": (
        {"R290": "R290", " R744 ": "R744"},
        ("r290", "R22", "R290,R744"),
    ),
    "IMEI": (
        {"356938035643809": "356938035643809", "123456789012": "123456789012"},
        ("1234567890123456", "35693803564380X", "١٢٣"),
    ),
    "SIM": ({"8947080012345678901F": "8947080012345678901F", "89": "89"}, (" ",)),
    "Time zone": (
        {"Asia/Kathmandu": "Asia/Kathmandu", "UTC": "UTC"},
        ("Mars/Olympus", "europe/oslo", "+02:00", "../UTC"),
    ),
    "Hotspot": ({"café 5GHz": "café 5GHz"}, (" ",)),
    "Device EUI": (
        {"70b3d57ed0001a2b": "70b3d57ed0001a2b"},
        ("70B3D57ED0001A2", "70B3D57ED0001A2BC", "70B3D57ED0001A2G"),
    ),
    "Join EUI": ({"0" * 16: "0" * 16}, ("0" * 15,)),
    "Application key": ({"f" * 32: "f" * 32}, ("f" * 31, "g" * 32)),
    "Blues device": ({"dev:864475046552567": "dev:864475046552567"}, (" ",)),
    "Myriota terminal": ({"00C0FFEE": "00C0FFEE"}, (" ",)),
    "Things network id": ({"bench-2": "bench-2"}, (" ",)),
    "Thing name": ({"bench/2": "bench/2"}, (" ",)),
    "Spare": ({"found": "found"}, ()),
    "Device Name": ({"Bench two": "Bench two"}, ("a/b", "x" * 51, " ", "tab\t", "dot.")),
}  # fmt: skip
READ_ONLY = tuple(name for name in IDS if name not in RULES and name != "Old label")


def write(sandbox: SandboxServer, field: str, text: Any) -> Any:
    body = {"deviceId": cases.BENCH, "metaFieldId": IDS[field], "newValue": text}
    return sandbox.call("POST", "/device/metafield", json=body)


def value(sandbox: SandboxServer, field: str) -> Any:
    rows = sandbox.get("/device/metafield", deviceId=cases.BENCH).json()
    return next(row["value"] for row in rows if row["name"] == field)


@pytest.mark.parametrize("field", RULES)
def test_values_by_type(fresh_sandbox: SandboxServer, field: str) -> None:
    good, bad = RULES[field]
    member = "selectedOption" if field == "Refrigerant" else "value"
    before = value(fresh_sandbox, field)
    for text, expected in good.items():
        answer = write(fresh_sandbox, field, text)
        assert (answer.status_code, answer.content) == (204, b""), text
        after = value(fresh_sandbox, field)
        assert after[member] == expected
        if before is not None:  # the rest of the definition is unchanged
            assert {**after, member: None} == {**before, member: None}
    kept = value(fresh_sandbox, field)
    for text in bad:
        answer = write(fresh_sandbox, field, text)
        assert (answer.status_code, answer.json()) == (400, INVALID), text
    assert value(fresh_sandbox, field) == kept


@pytest.mark.parametrize("field", READ_ONLY)
def test_read_only_types(sandbox: SandboxServer, field: str) -> None:
    shown = value(sandbox, field)
    for text in ("x", "1", str(shown)[:200]):
        answer = write(sandbox, field, text)
        assert (answer.status_code, answer.json()) == (400, INVALID)
    assert value(sandbox, field) == shown


def test_list_of_read_only_types() -> None:
    """Guards against a type missing in RULES."""
    assert set(READ_ONLY) == {
        "Device Owner", "Noise limit", "Defrost at", "Quiet hours", "Shifts", "Caretaker", "Site address", "Site",
        "Position", "Energy price", "Twin", "Set points", "Notes", "Photo", "Template", "Firmware updates",
        "Temperature unit", "Orbit",
    }  # fmt: skip


def test_a_plain_value_stays_plain(fresh_sandbox: SandboxServer) -> None:
    assert write(fresh_sandbox, "Old label", "rewritten").status_code == 204
    assert value(fresh_sandbox, "Old label") == "rewritten"


def test_an_empty_text_clears_an_optional_field_only(fresh_sandbox: SandboxServer) -> None:
    assert write(fresh_sandbox, "Capacity", "").status_code == 204
    assert value(fresh_sandbox, "Capacity") == {"type": "Number", "value": None, "min": 0, "max": 500, "step": 5}
    assert write(fresh_sandbox, "Shelf", "").json() == INVALID  # mandatory
    assert write(fresh_sandbox, "Device Name", "").json() == INVALID


def test_writing_the_name_field_renames_the_device(fresh_sandbox: SandboxServer) -> None:
    assert write(fresh_sandbox, "Device Name", "Bench by the door").status_code == 204
    assert fresh_sandbox.get("/device", deviceId=cases.BENCH).json()["name"] == "Bench by the door"
    found = fresh_sandbox.get("/search/devices", query="bench by the").json()
    assert [row["id"] for row in found["content"]] == [cases.BENCH]


def test_a_value_belongs_to_one_device(fresh_sandbox: SandboxServer) -> None:
    before = fresh_sandbox.get("/device/metafield", deviceId=cases.MINE).json()
    body = {"deviceId": cases.RICH, "metaFieldId": 3, "newValue": "mine alone"}
    assert fresh_sandbox.call("POST", "/device/metafield", json=body).status_code == 204
    assert fresh_sandbox.get("/device/metafield", deviceId=cases.MINE).json() == before
