"""Checks of a typed metafield value before the API is asked, one function a type.

Each takes the trimmed text and the value object as sent (it holds options and bounds), returns the text to send or
raises InvalidValue. They are our reading of the API's rules; the API has the last word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from devices.metafields.shown import scalar

Raw = Mapping[str, Any]
NUMBER_LIMIT = 999_999_999_999_999
"""Fifteen digits are what the platform keeps exactly."""


class InvalidValue(ValueError):
    """The typed value cannot be right for its type; the message is for a person."""


def any_text(value: str, raw: Raw) -> str:
    return value


def number(value: str, raw: Raw) -> str:
    try:
        parsed = float(value)
    except ValueError:
        raise InvalidValue(_("Enter a number, with a point for decimals, such as 21.5.")) from None
    if not math.isfinite(parsed) or abs(parsed) > NUMBER_LIMIT or not value.isascii() or "_" in value:
        raise InvalidValue(_("Enter a number of at most 15 digits."))
    limits = bounds(raw)
    if limits and not limits[0] <= parsed <= limits[1]:
        raise InvalidValue(_("Enter a number from %s to %s.") % (scalar(limits[0])[0], scalar(limits[1])[0]))
    return value


def integer(value: str, raw: Raw) -> str:
    if not re.fullmatch(r"[+-]?[0-9]{1,15}", value):
        raise InvalidValue(_("Enter a whole number."))
    return number(value, raw)


def bounds(raw: Raw) -> tuple[float, float] | None:
    """`min` and `max` of the field's definition; equal zeros mean that there is no limit."""
    low, high = raw.get("min"), raw.get("max")
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)) or (low == 0 and high == 0):
        return None
    return low, high


def email(value: str, raw: Raw) -> str:
    try:
        validate_email(value)
    except ValidationError:
        raise InvalidValue(_("Enter an e-mail address, such as name@example.com.")) from None
    return value


def options(raw: Raw) -> list[str]:
    sent = raw.get("options")
    return [str(option) for option in sent] if isinstance(sent, list) else []


def option(value: str, raw: Raw) -> str:
    offered = options(raw)
    if offered and value not in offered:
        raise InvalidValue(_("Choose one of the options."))
    return value


def imei(value: str, raw: Raw) -> str:
    """Digits, at most 15. Fewer pass: some platforms hold shorter ones, and the API does not say."""
    if not re.fullmatch(r"[0-9]{1,15}", value):
        raise InvalidValue(_("An IMEI is digits only, at most 15 of them."))
    return value


def zone(value: str, raw: Raw) -> str:
    if value not in available_timezones():
        raise InvalidValue(_("Choose a time zone, such as Europe/Oslo."))
    return value


def hexadecimal(digits: int) -> Callable[[str, Raw], str]:
    def check(value: str, raw: Raw) -> str:
        if not re.fullmatch(rf"[0-9A-Fa-f]{{{digits}}}", value):
            raise InvalidValue(_("Enter %d characters, each 0 to 9 or A to F.") % digits)
        return value

    return check
