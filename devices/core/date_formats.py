"""Dates and numbers in the language of the request, and time zones by name."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal
from django.utils.translation import get_language, to_locale

PATTERN_LOCALES = {"en": "en_GB"}
"""Whose date patterns a language uses: plain English would put the month first."""

FINAL_YEAR = re.compile(r",?( '[^']*')? y$")
"""The year at the end of a long date pattern. CLDR has no long pattern without it; elsewhere it stays."""


def short_date(day: date, current_year: int = 0) -> str:
    """`17 Nov 2026`, without the year if it is `current_year`. `day` is no datetime."""
    return cached_short_date(get_language() or "en", day, day.year != current_year)


def long_date(day: date, current_year: int) -> str:
    """`Tuesday 17 November`, with the year unless it is `current_year`."""
    language = to_locale(get_language() or "en")
    pattern: str = _patterns(language).date_formats["full"].pattern
    if language == "en":
        pattern = pattern.replace(",", "")
    if day.year == current_year:
        pattern = FINAL_YEAR.sub("", pattern)
    return format_date(day, pattern, locale=language)


@lru_cache(maxsize=4096)
def cached_short_date(language: str, day: date, year: bool) -> str:
    """Babel takes about 20 us a date, and a list has dozens."""
    locale = to_locale(language)
    skeletons = _patterns(locale).datetime_skeletons
    return format_date(day, skeletons["yMMMd" if year else "MMMd"].pattern, locale=locale)


def _patterns(locale: str) -> Locale:
    return Locale.parse(PATTERN_LOCALES.get(locale, locale))


def decimal(value: float) -> str:
    """A finite number with the language's marks: thousands grouped, all decimals that are not zero."""
    return _decimal(get_language() or "en", value)


@lru_cache(maxsize=4096)
def _decimal(language: str, value: float) -> str:
    return format_decimal(value, locale=to_locale(language), decimal_quantization=False)


def get_zone(name: str) -> tzinfo:
    """The zone of this IANA name; UTC where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def valid_zone_name(name: str) -> str:
    """`name`, or UTC where this machine knows no such zone: pages name the zone of their times."""
    return "UTC" if get_zone(name) is UTC else name


def utc_offset(moment: datetime) -> str:
    """The offset of this moment's zone at that moment: `UTC+1`."""
    minutes = int((moment.utcoffset() or UTC.utcoffset(None)).total_seconds() // 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '−'}{hours}" + (f":{rest:02}" if rest else "")
