"""Checks of a typed metafield value, one function per type.

Each takes the trimmed text and the value object (with options and bounds), and returns the text to send or raises
InvalidValue. They follow the API's documents; the API decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from devices.metafields.display import scalar

Raw = Mapping[str, Any]
DIGITS = 15
"""Digits of a number that the platform keeps exactly."""
IMEI_DIGITS = 15
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_WHOLE = re.compile(r"[+-]?[0-9]+")


class InvalidValue(ValueError):
    """The value is invalid for its type; the message is for the person."""


def any_text(value: str, raw: Raw) -> str:
    return value


def number(value: str, raw: Raw) -> str:
    """Plain digits, without exponent or grouping. The API only recommends the step, so it is not checked."""
    if not _DECIMAL.fullmatch(value):
        raise InvalidValue(_("Enter a number in plain digits, with a point for decimals, such as 21.5."))
    digits = sum(character.isdigit() for character in value)
    if digits > DIGITS:
        raise InvalidValue(_("Use at most %d digits. This has %d.") % (DIGITS, digits))
    limits = bounds(raw)
    if limits and not limits[0] <= float(value) <= limits[1]:
        raise InvalidValue(_("Enter a number from %s to %s.") % (scalar(limits[0])[0], scalar(limits[1])[0]))
    return value


def integer(value: str, raw: Raw) -> str:
    if not _WHOLE.fullmatch(value):
        raise InvalidValue(_("Enter a whole number in plain digits, such as 7."))
    return number(value, raw)


def bounds(raw: Raw) -> tuple[float, float] | None:
    """`min` and `max` of the field's definition; None if both are 0, which means no limit."""
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
    """At most 15 digits. Fewer are accepted: the API does not say, and some platforms have them. See `short_imei`."""
    if not re.fullmatch(rf"[0-9]{{1,{IMEI_DIGITS}}}", value):
        raise InvalidValue(_("An IMEI is digits only, at most 15 of them."))
    return value


def short_imei(raw: Raw) -> str:
    """A warning if the stored IMEI has an unusual length."""
    digits = len(str(raw.get("value") or ""))
    return _("An IMEI normally has 15 digits. This has %d.") % digits if digits not in (0, IMEI_DIGITS) else ""


@cache
def zones() -> tuple[str, ...]:
    """All time zones. Cached, because it reads hundreds of files."""
    return tuple(sorted(available_timezones()))


def zone(value: str, raw: Raw) -> str:
    if value not in zones():
        raise InvalidValue(_("Choose a time zone, such as Europe/Oslo."))
    return value


def hexadecimal(digits: int) -> Callable[[str, Raw], str]:
    def check(value: str, raw: Raw) -> str:
        if not re.fullmatch(rf"[0-9A-Fa-f]{{{digits}}}", value):
            raise InvalidValue(_("Enter %d characters, each 0 to 9 or A to F.") % digits)
        return value

    return check
