"""The API's rules for device names and metafield values."""

from __future__ import annotations

import re
import unicodedata
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from sandbox import switches
from sandbox.parameters import Invalid, Text

LARGEST = 999_999_999_999_999  # fifteen digits
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_HEX16 = re.compile(r"[0-9A-Fa-f]{16}", re.ASCII)
_HEX32 = re.compile(r"[0-9A-Fa-f]{32}", re.ASCII)
_DIGITS15 = re.compile(r"\d{1,15}", re.ASCII)
_check_email = EmailValidator()


class Refused(Exception):
    """The value does not match the field's type, or the type cannot be written as text."""


def is_device_name(name: str) -> bool:
    """1 to 50 letters, digits, spaces, apostrophes, underscores and hyphens, but not only spaces."""
    if not 1 <= len(name) <= 50 or not name.strip(" "):
        return False
    ascii_only = switches.get("name_letters") == "ascii"
    for character in name:
        if character in " '_-":
            continue
        if ascii_only and not character.isascii():
            return False
        category = unicodedata.category(character)
        if not (category.startswith("L") or category == "Nd"):
            return False
    return True


@dataclass(frozen=True)
class _Name(Text):
    def read(self, raw: object, *, from_text: bool) -> str:
        name = super().read(raw, from_text=from_text)
        if not is_device_name(name):
            raise Invalid
        return name


NAME = _Name("name", required=True, longest=50, shortest=1)


def _number(text: str, known: dict[str, Any]) -> float:
    if not _NUMBER.fullmatch(text) or sum(c.isdigit() for c in text) > 15:
        raise Refused
    return _bounded(float(text), known)


def _integer(text: str, known: dict[str, Any]) -> float:
    if not _INTEGER.fullmatch(text):
        raise Refused
    return int(_bounded(int(text), known))


def _bounded(number: float, known: dict[str, Any]) -> float:
    """Within the definition's min and max; both 0 means no limit. The step is not checked."""
    low, high = known.get("min"), known.get("max")
    limited = not (low == 0 and high == 0)
    too_low = limited and isinstance(low, int | float) and number < low
    too_high = limited and isinstance(high, int | float) and number > high
    if abs(number) > LARGEST or too_low or too_high:
        raise Refused
    return int(number) if number == int(number) else number


def _any(text: str, known: dict[str, Any]) -> str:
    return text


def _visible(text: str, known: dict[str, Any]) -> str:
    if not text.strip():
        raise Refused
    return text


def _email(text: str, known: dict[str, Any]) -> str:
    try:
        _check_email(text)
    except ValidationError:
        raise Refused from None
    return text


def _matching(pattern: re.Pattern[str]) -> Callable[[str, dict[str, Any]], str]:
    def check(text: str, known: dict[str, Any]) -> str:
        if not pattern.fullmatch(text):
            raise Refused
        return text

    return check


def _option(text: str, known: dict[str, Any]) -> str:
    text = text.strip()
    options = known.get("options")
    if isinstance(options, list) and text not in options:
        raise Refused
    return text


def _device_name(text: str, known: dict[str, Any]) -> str:
    if not is_device_name(text):
        raise Refused
    return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _zone(text: str, known: dict[str, Any]) -> str:
    if text not in _zones():
        raise Refused
    return text


Check = Callable[[str, dict[str, Any]], Any]

# Types that the documentation calls writable as one string.
CERTAIN: dict[str, Check] = {
    "Text": _any,
    "Number": _number,
    "Int": _integer,
    "List": _option,
    "Imei": _matching(_DIGITS15),
    "Iccid": _visible,
    "DeviceName": _device_name,
    "HotspotName": _visible,
}
# Types for which that is only likely.
LIKELY: dict[str, Check] = {
    "Measurement": _number,
    "Email": _email,
    "Tz": _zone,
    "DeviceEui": _matching(_HEX16),
    "JoinEui": _matching(_HEX16),
    "ApplicationKey": _matching(_HEX32),
    "BluesDevice": _visible,
    "MyriotaTerminalId": _visible,
    "TheThingsNetworkDeviceId": _visible,
    "ThingName": _visible,
}


def new_value(kind: str, known: Any, text: str, *, mandatory: bool) -> Any:
    """The field's value after writing `text`; `known` is its present value. Raises Refused."""
    check = CERTAIN.get(kind) or (LIKELY.get(kind) if switches.on("metafield_likely") else None)
    if check is None:
        raise Refused
    definition = known if isinstance(known, dict) else {"type": kind}
    member = "selectedOption" if kind == "List" else "value"
    if text == "":
        if mandatory or kind == "DeviceName" or switches.get("metafield_empty") == "400":
            raise Refused
        written = None
    else:
        written = check(text, definition)
    if isinstance(known, str):  # an older field, whose value is the plain text
        return written
    return {**definition, member: written}
