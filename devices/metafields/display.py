"""A metafield's value as lines of text, one function per type. Each takes the value object as sent and never raises."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from devices.core import api_rules

Raw = Mapping[str, Any]


def scalar(value: Any) -> list[str]:
    """One line for a scalar, none if empty, JSON for anything else."""
    if value is None or value == "":
        return []
    if isinstance(value, bool):
        return [_("On") if value else _("Off")]
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**15:
        return [str(int(value))]
    if isinstance(value, float) and 1e-15 <= abs(value) < 10**15:
        return [f"{Decimal(repr(value)):f}"]  # 0.00001, not 1e-05
    if isinstance(value, (str, int, float)):
        return [str(value)]
    return [json.dumps(value, ensure_ascii=False)]


def plain(raw: Raw) -> list[str]:
    return scalar(raw.get("value"))


def with_unit(raw: Raw) -> list[str]:
    lines = plain(raw)
    return [f"{lines[0]} {raw['units']}"] if lines and raw.get("units") else lines


def selected(raw: Raw) -> list[str]:
    return scalar(raw.get("selectedOption", raw.get("value")))


def clock_time(seconds: Any) -> str:
    """Seconds of the day as HH:MM; anything else as sent, because the API does not say the unit."""
    if isinstance(seconds, int) and not isinstance(seconds, bool) and 0 <= seconds < 86_400:
        return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}"
    return str(seconds)


def time(raw: Raw) -> list[str]:
    return [clock_time(raw["time"])] if raw.get("time") is not None else []


def time_range(raw: Raw) -> list[str]:
    if raw.get("from") is None or raw.get("to") is None:
        return []
    return [f"{clock_time(raw['from'])}–{clock_time(raw['to'])}"]


def unsure_times(raw: Raw) -> str:
    """A warning if a number cannot be seconds of the day."""
    sent = raw.get("shifts")
    parts = [part for part in sent if isinstance(part, Mapping)] if isinstance(sent, list) else [raw]
    times = [part[name] for part in parts for name in ("from", "to", "time") if part.get(name) is not None]
    if all(clock_time(number) != str(number) for number in times):
        return ""
    return _("Shown as sent: not a time of day in seconds, and its unit is not certain.")


def shifts(raw: Raw) -> list[str]:
    sent = raw.get("shifts")
    if not isinstance(sent, list):
        return plain(raw)
    return [f"{s.get('name') or _('Shift')}: {' '.join(time_range(s))}" for s in sent if isinstance(s, Mapping)]


def _enabled(raw: Raw, name: str) -> str:
    """A member's text, unless the field's definition disables it (`isCityEnabled: false`)."""
    flag = f"is{name[0].upper()}{name[1:]}Enabled"
    value = raw.get(name)
    return "" if raw.get(flag) is False or value is None else str(value)


def address(raw: Raw) -> list[str]:
    city = " ".join(part for part in (_enabled(raw, "zip"), _enabled(raw, "city")) if part)
    street = [_enabled(raw, "streetAddress"), _enabled(raw, "streetAddress2")]
    return [*street, city, _enabled(raw, "state"), _enabled(raw, "country")]


def contact(raw: Raw) -> list[str]:
    name = " ".join(part for part in (_enabled(raw, "firstName"), _enabled(raw, "lastName")) if part)
    return [name, _enabled(raw, "email"), _enabled(raw, "phone"), *address(raw)]


def point(raw: Raw) -> tuple[float, float] | None:
    """Latitude and longitude if both are valid."""
    lat, lon = raw.get("lat"), raw.get("lon")
    if not isinstance(lat, (int, float)) or not isinstance(lon, (int, float)):
        return None
    if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
        return None
    return float(lat), float(lon)


def coordinates(raw: Raw) -> list[str]:
    where = point(raw)
    return [f"{where[0]:.5f}, {where[1]:.5f}"] if where else plain(raw)


def location(raw: Raw) -> list[str]:
    inside = [
        f"{label} {raw[name]}"
        for name, label in (
            ("buildingName", _("Building")),
            ("floor", _("Floor")),
            ("unit", _("Unit")),
            ("room", _("Room")),
            ("zone", _("Zone")),
        )
        if raw.get(name) not in (None, "")
    ]
    return [*scalar(raw.get("siteName")), *address(raw), ", ".join(inside), *coordinates(raw)]


def cost(raw: Raw) -> list[str]:
    price = scalar(raw.get("price"))
    if not price:
        return []
    per = scalar(raw.get("perValue")) + scalar(raw.get("units"))
    return [f"{price[0]} {raw.get('currency') or ''}".strip() + (f" / {' '.join(per)}" if per else "")]


def values(raw: Raw) -> list[str]:
    sent = raw.get("values", raw.get("value"))
    return [line for value in sent for line in scalar(value)] if isinstance(sent, list) else scalar(sent)


def rows(raw: Raw) -> list[str]:
    sent = raw.get("rows", raw.get("value"))
    if isinstance(sent, list):
        return [", ".join(str(cell) for cell in row) if isinstance(row, list) else str(row) for row in sent]
    return sent.splitlines() if isinstance(sent, str) else scalar(sent)


def device_referred_to(raw: Raw) -> int:
    """The id of the device that the field refers to, 0 for none."""
    number = raw.get("selectedDeviceId")
    return number if type(number) is int and 0 < number <= api_rules.INT64_MAX else 0


def device_reference(raw: Raw) -> list[str]:
    return [_("Device %s") % raw["selectedDeviceId"]] if raw.get("selectedDeviceId") else []


def anything(raw: Raw) -> list[str]:
    """For an unknown type: its value if there is nothing else, otherwise the object as JSON."""
    rest = {name: value for name, value in raw.items() if name != "type"}
    return scalar(rest.get("value")) if set(rest) <= {"value"} else [json.dumps(rest, ensure_ascii=False)]
