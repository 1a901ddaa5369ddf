"""Reading one device: optional members and special cases."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sandbox import seed_cases as cases
from sandbox import seed_data
from tests.servers import SandboxServer


def device(sandbox: SandboxServer, device_id: int, user: str = "admin") -> dict[str, Any]:
    data: dict[str, Any] = sandbox.get("/device", user, deviceId=device_id).json()
    return data


def test_details_base_info_and_row_agree(sandbox: SandboxServer) -> None:
    details = device(sandbox, cases.RICH)
    base = sandbox.get("/device/baseInfo", deviceId=cases.RICH).json()
    row = sandbox.get("/devices", size=1).json()["content"][0]
    assert details == {
        **base,
        "dataStreamValues": details["dataStreamValues"],
        "metaFieldValues": details["metaFieldValues"],
    }
    assert base == {**row, **{name: base[name] for name in base.keys() - row.keys()}}
    assert details["metaFieldValues"] == sandbox.get("/device/metafield", deviceId=cases.RICH).json()
    assert details["name"] == "Cold room 14 - door's sensor"
    assert details["ownerUserId"] == 11
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", details["token"])
    assert details["hardwareInfo"]["templateId"] == "TMPL2cRm01aQ9"
    assert set(details["lifecycleStatus"]) == {"eventId", "name", "icon", "color"}


def test_values_with_their_age(sandbox: SandboxServer) -> None:
    values = device(sandbox, cases.RICH)["dataStreamValues"]
    assert [value["pin"] for value in values] == ["v1", "v2", "v3", "v4", "v5"]
    assert any(isinstance(value.get("value"), float) for value in values)
    assert device(sandbox, cases.NO_OWNER)["dataStreamValues"][2]["pin"] == "a3"
    assert device(sandbox, cases.NEVER_ACTIVATED)["dataStreamValues"][0].get("value") is None
    places = [v.get("value") for v in device(sandbox, cases.NO_OWNER)["dataStreamValues"] if v["dataStreamId"] == 6]
    assert len(places[0]) == 2


def test_online_off_and_unknown(sandbox: SandboxServer) -> None:
    def online(device_id: int) -> Any:
        return sandbox.get("/device/online", deviceId=device_id).json()

    assert online(cases.RICH) == {"connected": True}
    assert online(cases.NEVER_ACTIVATED) == {"connected": False}
    assert online(cases.UNKNOWN_ONLINE) == {}
    # It reports over HTTP: fresh values, and never "connected".
    assert online(cases.HTTP_ONLY) == {"connected": False}
    reports = device(sandbox, cases.HTTP_ONLY)
    assert reports["firstConnectTime"] == 0
    assert max(value.get("updatedAt", 0) for value in reports["dataStreamValues"]) > reports["activatedAt"]


def test_what_a_device_may_lack(sandbox: SandboxServer) -> None:
    assert not device(sandbox, cases.NO_OWNER).get("ownerUserId")
    new = device(sandbox, cases.NEVER_ACTIVATED)
    assert new.get("activatedAt") is None
    assert new.get("hardwareInfo") is None
    assert (new["firstConnectTime"], new["connectTime"]) == (0, 0)
    assert device(sandbox, cases.NO_HARDWARE).get("hardwareInfo") is None
    empty = sandbox.get("/device/timeline", deviceId=cases.NO_HISTORY).json()
    assert empty == {"content": [], "totalElements": 0}


def test_what_is_missing_is_missing_in_several_ways(sandbox: SandboxServer) -> None:
    rows = sandbox.get("/devices", size=1000).json()["content"]
    owners = {row.get("ownerUserId", "absent") for row in rows if not row.get("ownerUserId")}
    assert owners == {"absent", None, 0}
    for name in ("activatedAt", "hardwareInfo"):
        assert {row.get(name, "absent") for row in rows if not row.get(name)} == {"absent", None}
    assert any("shadow" in row for row in rows)
    assert {frozenset(row["hardwareInfo"]) for row in rows if row.get("hardwareInfo")} != {6}


def test_the_root_of_a_template(sandbox: SandboxServer) -> None:
    reefer = sandbox.get("/device", deviceId=cases.MARINES).json()
    assert (reefer["templateId"], reefer["originalTemplateId"]) == (seed_data.REEFER, seed_data.COLD)


def test_the_first_page_looks_natural(sandbox: SandboxServer) -> None:
    """People who try the demo meet a cooling company, not a museum of attacks; that stands further back."""
    for row in sandbox.get("/devices").json()["content"]:
        assert re.fullmatch(r"[\w '-]{1,50}", row["name"]), row["name"]
        assert row["name"] == row["name"].strip()


def test_names_that_could_not_be_written_today(sandbox: SandboxServer) -> None:
    for device_id in (*cases.LEGACY, *cases.HOSTILE):
        assert device(sandbox, device_id)["name"] == cases.NAMES[device_id]
    assert len(device(sandbox, 127)["name"]) == 2000
    assert "\0" in device(sandbox, 123)["name"]


def test_hostile_texts_come_as_they_are(sandbox: SandboxServer) -> None:
    found: set[Any] = set()
    for device_id in cases.HOSTILE:
        found |= {e["description"] for e in sandbox.get("/device/timeline", deviceId=device_id).json()["content"]}
        found |= {e["value"] for e in sandbox.get("/device/logs", deviceId=device_id).json()["content"]}
        found |= {tag["name"] for tag in sandbox.get("/device/tags", deviceId=device_id).json()}
    assert {*cases.HOSTILE_TEXTS, cases.HOSTILE_TAG} <= found


def test_tags_of_one_s_own_and_of_organizations_above(sandbox: SandboxServer) -> None:
    owners = {
        tag["tagOwnerOrgId"]
        for row in sandbox.get("/devices", orgId=4, size=1000).json()["content"]
        for tag in sandbox.get("/device/tags", deviceId=row["id"]).json()
    }
    assert owners == {1, 2, 4}


def test_every_type_of_metafield_is_somewhere(sandbox: SandboxServer) -> None:
    fields = sandbox.get("/device/metafield", deviceId=cases.BENCH).json()
    types = {field["value"]["type"] for field in fields if isinstance(field["value"], dict)}
    assert types == {
        "Text", "Number", "Int", "Measurement", "Email", "List", "Switch", "Imei", "Iccid", "Time", "Range", "Shift",
        "Contact", "Address", "Location", "Coordinates", "Cost", "DeviceReference", "Table", "MultiText", "Image",
        "DeviceName", "DeviceOwner", "Tz", "HotspotName", "TemplateId", "FirmwareUpdateControl", "UnitConversionSwitch",
        "DeviceEui", "JoinEui", "ApplicationKey", "BluesDevice", "MyriotaTerminalId", "TheThingsNetworkDeviceId",
        "ThingName", "OrbitalSlot",
    }  # fmt: skip
    plain = [field["value"] for field in fields if not isinstance(field["value"], dict)]
    assert plain == [None, "written before fields had types"]
    assert [field["id"] for field in fields] == list(range(1, len(fields) + 1))
    assert any("isMandatory" not in field for field in fields)


@pytest.mark.parametrize("device_id", [cases.RICH, cases.MINE])
def test_name_and_owner_fields_follow_the_device(sandbox: SandboxServer, device_id: int) -> None:
    fields = {f["name"]: f["value"] for f in sandbox.get("/device/metafield", deviceId=device_id).json()}
    assert fields["Device Name"]["value"] == cases.NAMES[device_id]
    assert fields["Device Owner"]["value"] == {1: "ana.lund@example.org", 3: "owner@example.com"}[device_id]


def test_empty_mandatory_fields_exist(sandbox: SandboxServer) -> None:
    fields = [
        field
        for row in sandbox.get("/devices", size=1000).json()["content"]
        if row["templateId"] == seed_data.CASE
        for field in sandbox.get("/device/metafield", deviceId=row["id"]).json()
    ]
    assert any(field.get("isMandatory") and field["value"].get("value", 1) is None for field in fields)
