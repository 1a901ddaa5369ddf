"""The fixed seed data: organizations, roles, users, templates."""

from __future__ import annotations

from typing import Any, NamedTuple

from sandbox import permissions as p

Json = dict[str, Any]

HALDEN, NORTH, DEPOT, MARINE, BRIGHTWATER = 1, 2, 3, 4, 5
ORGANIZATIONS: tuple[tuple[int, int | None, str, str, str], ...] = (
    # id, parent, name, zone, description
    (HALDEN, None, "Halden Cooling", "Europe/Oslo", "Cold rooms and boiler rooms, looked after day and night."),
    (NORTH, HALDEN, "Halden North", "Europe/Oslo", "Service area from Trondheim upwards."),
    (DEPOT, HALDEN, "Halden Depot", "Europe/Berlin", "Stock and repair."),
    (MARINE, NORTH, "Halden North Marine", "Atlantic/Reykjavik", ""),
    # Another company, which nobody at Halden can see.
    (BRIGHTWATER, None, "Brightwater Heating", "Europe/London", "A neighbour on the same platform."),
)
ADDRESSES: dict[int, Json | None] = {
    HALDEN: {"fullAddress": "Kaigata 4, 1767 Halden", "country": "Norway", "city": "Halden", "zip": "1767"},
    NORTH: {"fullAddress": "Fjordgata 11, 7010 Trondheim", "country": "Norway", "city": "Trondheim", "zip": "7010"},
    DEPOT: {"fullAddress": "Am Speicher 2", "country": "Germany", "city": "Rostock", "state": "MV", "zip": "18055"},
}

ADMIN, SUPPORT, VIEWER, OWNER, INSTALLER, GUEST = 1, 2, 3, 4, 5, 6
ROLES: dict[int, tuple[str, tuple[str, ...]]] = {
    ADMIN: ("Admin", p.EVERY),
    SUPPORT: (
        "Support",
        (
            p.ORG_DEVICES_VIEW,
            p.ORG_DEVICES_EDIT,
            p.VIEW_TIMELINE,
            p.ORG_DEVICE_VIEW_ACTION_LOG,
            p.VIEW_OWN_ORG_TAG,
            p.TRANSFER_DEVICE,
            p.ORG_VIEW,
            p.ORG_VIEW_USERS,
            p.PRODUCT_VIEW,
        ),
    ),
    VIEWER: ("Viewer", (p.ORG_DEVICES_VIEW, p.VIEW_TIMELINE, p.PRODUCT_VIEW)),
    OWNER: ("Owner", (p.OWN_DEVICES_VIEW,)),
    # Can edit only their own devices: there is no OWN_ variant of the edit permission.
    INSTALLER: (
        "Installer",
        (
            p.OWN_DEVICES_VIEW,
            p.ORG_DEVICES_EDIT,
            p.ORG_DEVICES_CREATE,
            p.ORG_DEVICES_CONTROL,
            p.TRANSFER_DEVICE,
            p.VIEW_TIMELINE,
            p.PRODUCT_VIEW,
            "OTA_VIEW",
        ),
    ),
    GUEST: ("Guest", ()),
}


class Person(NamedTuple):
    id: int
    email: str
    name: str
    org: int
    role: int
    status: str = "Active"
    title: str = ""
    tz: str = "Europe/Oslo"


PEOPLE: tuple[Person, ...] = (
    Person(1, "admin@example.com", "Ingrid Halden", HALDEN, ADMIN, title="Head of service"),
    Person(2, "support@example.com", "Sam Okafor", HALDEN, SUPPORT, title="Support engineer"),
    Person(3, "viewer@example.com", "Vera Lind", HALDEN, VIEWER, title="Shift manager", tz="Europe/Stockholm"),
    Person(4, "owner@example.com", "Olav Berg", HALDEN, OWNER, title="Caretaker"),
    Person(5, "installer@example.com", "Ines Mora", HALDEN, INSTALLER, title="Installer", tz="Europe/Madrid"),
    Person(6, "guest@example.com", "Gustav Noor", HALDEN, GUEST),
    Person(7, "north@example.com", "Nora Vik", NORTH, SUPPORT, title="Support engineer"),
    Person(8, "marine@example.com", "Mattis Strand", MARINE, VIEWER, tz="Atlantic/Reykjavik"),
    Person(9, "pending@example.com", "Petra Sund", HALDEN, OWNER, "Pending"),
    Person(10, "suspended@example.com", "Stig Moe", HALDEN, OWNER, "Suspended"),
    Person(11, "ana.lund@example.org", "Ana Lund", HALDEN, OWNER),
    Person(12, "jonas.aas@example.org", "Jonas Aas", HALDEN, OWNER),
    Person(13, "mei.tan@example.org", "Mei Tan", HALDEN, OWNER, tz="Asia/Singapore"),
    Person(14, "kofi+plant@example.org", "Kofi Mensah", HALDEN, OWNER, tz="Africa/Accra"),
    Person(15, "lucia.rossi@example.org", "Lucia Rossi", HALDEN, OWNER, tz="Europe/Rome"),
    Person(16, "peter.novak@example.org", "Peter Novák", HALDEN, OWNER, tz="Europe/Prague"),
    Person(17, "sofie.dahl@example.org", "Sofie Dahl", HALDEN, INSTALLER),
    Person(18, "tomasz.wolski@example.org", "Tomasz Wolski", HALDEN, OWNER, "Inactive", tz="Europe/Warsaw"),
    Person(19, "amina.yusuf@example.org", "Amina Yusuf", HALDEN, SUPPORT),
    Person(20, "erik.solberg@example.org", "Erik Solberg", HALDEN, OWNER),
    Person(21, "hanna.weiss@example.org", "Hanna Weiß", HALDEN, VIEWER, tz="Europe/Vienna"),
    Person(22, "raj.patel@example.org", "Raj Patel", HALDEN, OWNER, tz="Asia/Kolkata"),
    Person(23, "marta.silva@example.org", "Marta Silva", HALDEN, OWNER, "Inactive", tz="Europe/Lisbon"),
    Person(24, "olena.koval@example.org", "Олена Коваль", HALDEN, OWNER, tz="Europe/Kyiv"),
    Person(25, "david.cohen@example.org", "David Cohen", HALDEN, OWNER),
    Person(26, "siri.hauge@example.org", "Siri Hauge", NORTH, OWNER),
    Person(27, "lars.nygard@example.org", "Lars Nygård", NORTH, OWNER),
    Person(28, "aili.saari@example.org", "Áile Sára", NORTH, INSTALLER),
    Person(29, "bjorn.foss@example.org", "Bjørn Foss", NORTH, OWNER),
    Person(30, "kari.moen@example.org", "Kari Moen", NORTH, VIEWER),
    Person(31, "henrik.lie@example.org", "Henrik Lie", NORTH, OWNER, "Pending"),
    Person(32, "tuva.rein@example.org", "Tuva Rein", NORTH, OWNER),
    Person(33, "emil.haug@example.org", "Emil Haug", NORTH, ADMIN),
    Person(34, "greta.brandt@example.org", "Greta Brandt", DEPOT, ADMIN, tz="Europe/Berlin"),
    Person(35, "uwe.kramer@example.org", "Uwe Krämer", DEPOT, SUPPORT, tz="Europe/Berlin"),
    Person(36, "jana.schulz@example.org", "Jana Schulz", DEPOT, OWNER, tz="Europe/Berlin"),
    Person(37, "piet.jansen@example.org", "Piet Jansen", DEPOT, OWNER, tz="Europe/Amsterdam"),
    Person(38, "elif.demir@example.org", "Elif Demir", DEPOT, INSTALLER, tz="Europe/Berlin"),
    Person(39, "arne.falk@example.org", "Arne Falk", DEPOT, OWNER, "Inactive"),
    Person(40, "sigrun.jons@example.org", "Sigrún Jónsdóttir", MARINE, OWNER, tz="Atlantic/Reykjavik"),
    Person(41, "pall.arnar@example.org", "Páll Arnar", MARINE, OWNER, tz="Atlantic/Reykjavik"),
    Person(42, "freya.joensen@example.org", "Freya Joensen", MARINE, SUPPORT, tz="Atlantic/Faroe"),
    Person(43, "rune.hansen@example.org", "Rune Hansen", MARINE, OWNER),
    Person(44, "yuki.mori@example.org", "森 由紀", HALDEN, OWNER, tz="Asia/Tokyo"),
    Person(45, "hostile@example.org", '<b onclick="x()">Bobby</b> {{7*7}} "Tables"', HALDEN, OWNER),
    Person(46, "brightwater@example.net", "Beth Waters", BRIGHTWATER, ADMIN, tz="Europe/London"),
    Person(47, "tenant@example.net", "Ted Small", BRIGHTWATER, OWNER, tz="Europe/London"),
    # User ids are 64 bits wide.
    Person(4_294_967_301, "noor.dekker@example.org", "Noor Dekker", HALDEN, OWNER, tz="Europe/Amsterdam"),
)

COLD, BOILER, PUMP, CASE, REEFER, BENCH, VALVE = 11, 12, 13, 14, 15, 16, 21


class Stream(NamedTuple):
    """`low` and `high` bound a number with `places`; `among` lists other values."""

    alias: str
    type: str
    units: str = ""
    low: float = 0
    high: float = 1
    places: int = 0
    among: tuple[Any, ...] = ()


class Kind(NamedTuple):
    """A template. `events`: (name, type, code); fields: (name, value, mandatory, in provision)."""

    id: int
    org: int
    name: str
    codes: tuple[str, ...]
    board: str
    connection: str
    parent: int | None
    streams: tuple[Stream, ...]
    events: tuple[tuple[str, str, str | None], ...]
    fields: tuple[tuple[str, Any, bool | None, bool | None], ...]


def text(value: str | None) -> Json:
    return {"type": "Text", "value": value}


def number(value: float | None, low: float = 0, high: float = 0, step: float = 1, **more: Any) -> Json:
    return {"type": "Number", "value": value, "min": low, "max": high, "step": step, **more}


def choice(options: tuple[str, ...], selected: str | None) -> Json:
    return {"type": "List", "options": list(options), "selectedOption": selected}


NAME_AND_OWNER: tuple[tuple[str, Any, bool | None, bool | None], ...] = (
    ("Device Name", {"type": "DeviceName", "value": ""}, True, True),
    ("Device Owner", {"type": "DeviceOwner", "value": None}, False, False),
)
COMMON_EVENTS: tuple[tuple[str, str, str | None], ...] = (
    ("Online", "ONLINE", None),
    ("Offline", "OFFLINE", None),
    ("No data for a day", "INACTIVE", None),
    ("Commissioned", "LIFECYCLE", "commissioned"),
    ("User note", "NOTE", "note"),
    ("Daily report", "CONTENT", "daily_report"),
)
COOLING_EVENTS = (
    *COMMON_EVENTS,
    ("Defrost finished", "INFORMATION", "defrost_done"),
    ("Door open too long", "WARNING", "door_open"),
    ("Temperature too high", "CRITICAL", "temp_high"),
    ("Compressor fault", "CRITICAL", "compressor_fault"),
)
COOLING_STREAMS = (
    Stream("Temperature", "DOUBLE", "°C", -24, 8, 1),
    Stream("Set point", "DOUBLE", "°C", -22, 5, 1),
    Stream("Door", "STRING", "", among=("closed", "closed", "closed", "open")),
    Stream("Compressor load", "INT", "%", 0, 100),
    Stream("Power", "DOUBLE", "kW", 0, 9, 3),
)
TEMPLATES: tuple[Kind, ...] = (
    Kind(
        COLD, HALDEN, "Cold Room Controller", ("TMPL2cRm01aQ9",), "ESP32", "WI_FI", None,
        COOLING_STREAMS, COOLING_EVENTS,
        (
            *NAME_AND_OWNER,
            ("Shelf", text("A-12"), True, False),
            ("Capacity", number(120, 0, 500, 5, units="kg"), False, True),
            ("Refrigerant", choice(("R290", "R744", "R449A", "R717"), "R290"), True, True),
            ("Time zone", {"type": "Tz", "value": "Europe/Oslo"}, False, True),
            ("Service contact", {"type": "Email", "value": "service@example.org"}, None, None),
            ("SIM", {"type": "Iccid", "value": "8947080012345678901F"}, False, False),
        ),
    ),
    Kind(
        BOILER, HALDEN, "Boiler Gateway", ("TMPL2bGw07xK4", "TMPL2bGw08xK4"), "Raspberry Pi CM4", "ETHERNET", None,
        (
            Stream("Flow temperature", "DOUBLE", "°C", 35, 82, 1),
            Stream("Return temperature", "DOUBLE", "°C", 25, 60, 1),
            Stream("Pressure", "DOUBLE", "bar", 0.8, 2.6, 2),
            Stream("Burner", "INT", "", 0, 1),
            Stream("Mode", "STRING", "", among=("auto", "auto", "summer", "service")),
            Stream("Site", "LOCATION", "", among=([10.7522, 59.9139], [11.3875, 59.1226], [5.3221, 60.3913])),
        ),
        (
            *COMMON_EVENTS,
            ("Burner started", "INFORMATION", "burner_on"),
            ("Low pressure", "WARNING", "pressure_low"),
            ("Overheat cut-out", "CRITICAL", "overheat"),
            ("Flue blocked", "CRITICAL", "flue_blocked"),
        ),
        (
            *NAME_AND_OWNER,
            ("Plate number", text("HB-2231"), True, True),
            ("Output", {"type": "Measurement", "units": "kW", "value": 48.0, "min": 0, "max": 400, "step": 0.5},
             False, True),
            ("Fuel", choice(("Gas", "Oil", "Pellets"), "Gas"), True, False),
            ("Inspections", {"type": "Int", "value": 3}, False, None),
            ("Site address", {"type": "Address", "streetAddress": "Storgata 8", "city": "Halden", "country": "Norway",
                              "isStreetAddressEnabled": True, "isCityEnabled": True}, False, False),
        ),
    ),
    Kind(
        PUMP, HALDEN, "Heat Pump Link", ("TMPL2hPl3zW7b",), "ESP32-C3", "WI_FI", None,
        (
            Stream("Outdoor temperature", "DOUBLE", "°C", -18, 24, 1),
            Stream("COP", "DOUBLE", "", 1.8, 5.2, 2),
            Stream("Power", "DOUBLE", "kW", 0.2, 12, 2),
            Stream("Mode", "ENUM", "", among=("heat", "heat", "cool", "defrost", "off")),
        ),
        (
            *COMMON_EVENTS,
            ("Defrost cycle", "INFORMATION", "defrost_cycle"),
            ("Filter due", "WARNING", "filter_due"),
            ("High pressure lock", "CRITICAL", "hp_lock"),
        ),
        (
            *NAME_AND_OWNER,
            ("Serial", text("HP-000-000"), True, True),
            ("Hotspot", {"type": "HotspotName", "value": "halden-plant"}, False, True),
            ("Noise limit", {"type": "Switch", "from": "Day", "to": "Night", "value": "Day"}, False, False),
            ("Quiet hours", {"type": "Range", "from": 79200, "to": 21600}, False, False),
        ),
    ),
    Kind(
        CASE, HALDEN, "Display Case Monitor", ("TMPL2dCm5rT1v",), "nRF9160", "CELLULAR", None,
        COOLING_STREAMS[:3],
        COOLING_EVENTS[:-1],
        (
            *NAME_AND_OWNER,
            ("IMEI", {"type": "Imei", "value": "356938035643809"}, True, True),
            ("Aisle", text(None), True, False),
            ("Position", {"type": "Coordinates", "lat": 59.1226, "lon": 11.3875}, False, False),
        ),
    ),
    Kind(
        REEFER, HALDEN, "Marine Reefer Unit", ("TMPL2mRu9kD6s",), "ESP32", "SATELLITE", COLD,
        COOLING_STREAMS[:4],
        COOLING_EVENTS,
        (
            *NAME_AND_OWNER,
            ("Vessel", text("MS Nordlys"), True, True),
            ("Terminal", {"type": "MyriotaTerminalId", "value": "0001A2B3C4"}, False, True),
            ("Berths", {"type": "MultiText", "values": ["Halden", "Tromsø", "Tórshavn"]}, None, None),
        ),
    ),
    Kind(
        BENCH, HALDEN, "Service Bench", ("TMPL2sBn0qE8m",), "ESP32", "WI_FI", None,
        COOLING_STREAMS[:2],
        COOLING_EVENTS,
        (),  # see seed_cases.BENCH_FIELDS
    ),
    Kind(
        VALVE, BRIGHTWATER, "Radiator Valve", ("TMPL7rVa2uN3c",), "nRF52840", "WI_FI", None,
        (Stream("Valve", "INT", "%", 0, 100),),
        (*COMMON_EVENTS, ("Battery low", "WARNING", "battery_low")),
        NAME_AND_OWNER,
    ),
)  # fmt: skip
