"""Devices defined by hand, with the same ids for every seed: difficult cases, and those that tests use by id."""

from __future__ import annotations

from typing import Any

from sandbox import seed_data as d

# Ids, all in Halden Cooling unless the name says otherwise.
RICH = 1  # timeline of every type, log of every kind of value; owned by ana.lund@example.org
NO_OWNER = 2
MINE = 3  # owned by owner@example.com
NEVER_ACTIVATED = 4
NO_HARDWARE = 5
HTTP_ONLY = 6  # reports but is never connected
UNKNOWN_ONLINE = 7  # `connected` is absent
NO_HISTORY = 8
BENCH = 9  # every type of metafield
INSTALLERS = 10  # owned by installer@example.com
OWNERS = (MINE, 14, 19, 27, 33, 38, 46, 52, 61, 68, 75, 83)  # owned by owner@example.com
INSTALLERS_ALL = (INSTALLERS, 24, 57)
NORTHS = 101
DEPOTS = 102
MARINES = 103
OUT_OF_REACH = 104  # of another company
OUT_OF_REACH_ALL = tuple(range(104, 112))
LEGACY = tuple(range(112, 121))
HOSTILE = tuple(range(121, 129))
SMALLEST_FLEET = 150

# Minutes since activation.
RECENT: dict[int, int] = {12: 1, 20: 3, 35: 4, 44: 9, 63: 17, 72: 26, 88: 34, 93: 47, 97: 58, NORTHS: 2, DEPOTS: 12}

NAMES: dict[int, str] = {
    RICH: "Cold room 14 - door's sensor",
    NO_OWNER: "Boiler room 2",
    MINE: "Kitchen cold room",
    NEVER_ACTIVATED: "Heat pump 7 - not installed yet",
    NO_HARDWARE: "Walk-in cooler 3",
    HTTP_ONLY: "Roof weather post",
    UNKNOWN_ONLINE: "Freezer 21",
    NO_HISTORY: "Display case 5",
    BENCH: "Service bench 1",
    INSTALLERS: "Boiler room 9",
    NORTHS: "Fryserom 12",
    DEPOTS: "Kühlraum 4",
    MARINES: "Reefer Nordlys_2",
    # Names that older consoles or devices wrote; the API refuses them today.
    112: "Plant room #3 (old)",
    113: "Halden/Depot/Freezer.7",
    114: "Chiller no. 4 – east wing",
    115: "Café’s cold room",
    116: "pump@site:12",
    117: "A name of sixty characters, as the older consoles had let in",
    118: " Boiler room, leading blank",
    119: "Насосная №2",
    120: "🧊 Freezer",
    121: "<script>alert('name')</script>",
    122: "{{7*7}} {% debug %} ${7*7} #{7*7}",
    123: "Cold\x07 room\x1b[31m \r\n\t\x00\u202etxt.exe",
    124: '"><img src=x onerror=alert(1)>',
    125: '=HYPERLINK("http://127.0.0.1/","open")',
    126: "' OR 1=1; DROP TABLE devices; --",
    127: "x" * 2000,
    128: "-",
}
HOSTILE_TEXTS: tuple[str, ...] = (
    "<script>alert('text')</script>",
    "{{ 7*7 }}{% raise %}",
    "\x00\x07\x1b[2J\u202e\u2066 control \r\nSet-Cookie: a=b",
    "<img src=x onerror=alert(1)><svg onload=alert(2)>",
    "y" * 2000,
    "</textarea></title><script>alert(3)</script>",
    "=cmd|' /C calc'!A0",
    "javascript:alert(4)",
)
HOSTILE_TAG = "<i>tag</i> {{7*7}}"

_PERSON = {"firstName": "Ana", "lastName": "Lund", "email": "ana.lund@example.org", "phone": "+47 400 00 000"}
_PLACE = {"streetAddress": "Storgata 8", "city": "Halden", "state": "Østfold", "zip": "1771", "country": "Norway"}
_ON = {f"is{name[0].upper()}{name[1:]}Enabled": True for name in (*_PERSON, *_PLACE)}

# One field of each known type, then an unknown one, a null and a plain string.
BENCH_FIELDS: tuple[tuple[str, Any, bool | None, bool | None], ...] = (
    ("Device Name", {"type": "DeviceName", "value": ""}, True, True),
    ("Device Owner", {"type": "DeviceOwner", "value": None}, False, False),
    ("Shelf", d.text("A-12"), True, False),
    ("Capacity", d.number(120, 0, 500, 5), False, True),
    ("Inspections", {"type": "Int", "value": 7}, False, True),
    ("Output", {"type": "Measurement", "units": "kW", "value": 12.5, "min": 0, "max": 80, "step": 0.5}, False, True),
    ("Service contact", {"type": "Email", "value": "service@example.org"}, False, False),
    ("Refrigerant", d.choice(("R290", "R744", "R449A"), "R744"), True, True),
    ("Noise limit", {"type": "Switch", "from": "Day", "to": "Night", "value": "Night"}, False, False),
    ("IMEI", {"type": "Imei", "value": "356938035643809"}, False, True),
    ("SIM", {"type": "Iccid", "value": "8947080012345678901F"}, False, True),
    ("Defrost at", {"type": "Time", "time": 10800}, False, False),
    ("Quiet hours", {"type": "Range", "from": 79200, "to": 21600}, False, False),
    (
        "Shifts",
        {
            "type": "Shift",
            "shifts": [{"name": "Early", "from": 21600, "to": 50400}, {"name": "Late", "from": 50400, "to": 79200}],
        },
        False,
        False,
    ),
    ("Caretaker", {"type": "Contact", **_PERSON, **_PLACE, **_ON, "isDefaultsEnabled": False}, False, False),
    ("Site address", {"type": "Address", **_PLACE, **_ON}, False, False),
    (
        "Site",
        {
            "type": "Location",
            "siteName": "Harbour hall",
            **_PLACE,
            "lat": 59.1226,
            "lon": 11.3875,
            "buildingName": "B",
            "floor": 2,
            "unit": "2B",
            "room": "214",
            "zone": "north",
            "placeId": "",
            "size": 140,
            "useLocationDataFromDevice": False,
        },
        None,
        None,
    ),
    ("Position", {"type": "Coordinates", "lat": 59.1226, "lon": 11.3875}, False, False),
    (
        "Energy price",
        {"type": "Cost", "currency": "EUR", "price": 0.31, "perValue": 1, "units": "kWh", "min": 0, "max": 5},
        False,
        False,
    ),
    ("Twin", {"type": "DeviceReference", "selectedProductIds": [d.COLD], "selectedDeviceId": RICH}, False, False),
    ("Set points", {"type": "Table", "value": "hour,celsius\n0,-18\n6,-20\n18,-18"}, False, False),
    ("Notes", {"type": "MultiText", "values": ["door seal replaced", "fan noisy"]}, False, False),
    ("Photo", {"type": "Image", "value": "https://images.example.org/bench/1.jpg"}, False, False),
    ("Time zone", {"type": "Tz", "value": "Europe/Oslo"}, False, True),
    ("Hotspot", {"type": "HotspotName", "value": "halden-bench"}, False, True),
    (
        "Template",
        {"type": "TemplateId", "options": ["TMPL2sBn0qE8m", "TMPL2cRm01aQ9"], "selectedOption": "TMPL2sBn0qE8m"},
        False,
        False,
    ),
    ("Firmware updates", {"type": "FirmwareUpdateControl", "value": True}, False, False),
    (
        "Temperature unit",
        {"type": "UnitConversionSwitch", "from": "°C", "to": "°F", "value": "°C", "isEditable": True},
        False,
        False,
    ),
    ("Device EUI", {"type": "DeviceEui", "value": "70B3D57ED0001A2B"}, False, False),
    ("Join EUI", {"type": "JoinEui", "value": "70B3D57ED0000001"}, False, False),
    ("Application key", {"type": "ApplicationKey", "value": "00112233445566778899AABBCCDDEEFF"}, False, False),
    ("Blues device", {"type": "BluesDevice", "value": "dev:000000000001"}, False, False),
    ("Myriota terminal", {"type": "MyriotaTerminalId", "value": "0001A2B3C4"}, False, False),
    ("Things network id", {"type": "TheThingsNetworkDeviceId", "value": "halden-bench-1"}, False, False),
    ("Thing name", {"type": "ThingName", "value": "halden/bench/1"}, False, False),
    ("Orbit", {"type": "OrbitalSlot", "slot": {"ring": 4, "degrees": 19.2}, "value": "19.2E"}, False, False),
    ("Spare", None, False, False),
    ("Old label", "written before fields had types", None, None),
    ("Correction", d.number(0.5, 0, 0, 0.1), False, True),  # no bounds
)
# Fields whose type is not in the value.
UNTYPED = {"Spare": "Text", "Old label": "Text"}
