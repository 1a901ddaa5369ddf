"""How dates and numbers are written in the language of the request: the locale data of Babel, compiled once.

Babel's own functions take some 20 us for a date; a list has dozens, so its patterns become format strings here.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from django.utils.translation import get_language

TERRITORIES = {"en": "en_GB"}
"""Where a language alone would write as Americans do: month before day, and a clock of twelve hours."""


def _by_month(pattern: str, months: dict[int, str]) -> dict[int, str]:
    """A CLDR date pattern as a format string for each month: `d. MMM y` becomes `%d. Nov. %d`.

    Its fields stand in the order weekday, day, year, which is that of all our languages; ValueError where it is not.
    """
    order = [field for field in re.findall(r"[A-Za-z]+", pattern) if field[0] != "M"]
    if order != [field for field in ("EEEE", "d", "y") if field in order]:
        raise ValueError(f"A date in an order that is not supported: {pattern}")
    pattern = re.sub(r"E+", "%s", re.sub(r"\bd+|y+", "%d", pattern))
    return {number: re.sub(r"M+", month, pattern) for number, month in months.items()}


class Style:
    """One language's way of writing."""

    def __init__(self, language: str) -> None:
        locale = Locale.parse(TERRITORIES.get(language, language))
        words = Locale.parse(language)
        months, short_months = dict(words.months["format"]["wide"]), dict(words.months["format"]["abbreviated"])
        self._weekdays = dict(words.days["format"]["wide"])
        skeletons = locale.datetime_skeletons
        self._short = _by_month(skeletons["MMMd"].pattern, short_months)
        self._short_year = _by_month(skeletons["yMMMd"].pattern, short_months)
        full = locale.date_formats["full"].pattern
        if language == "en":
            full = full.replace(",", "")  # Tuesday 17 November, as all our English pages have it
        self._long = _by_month(full.removesuffix(" y"), months)
        self._long_year = _by_month(full, months)
        symbols = words.number_symbols["latn"]
        self.decimal: str = symbols["decimal"]
        marks = (symbols["group"], self.decimal)
        self._marks = None if marks == (",", ".") else str.maketrans({",": marks[0], ".": marks[1]})

    def short(self, day: date, year: int) -> str:
        """`17 Nov`, with the year where it is not `year`."""
        return self._short[day.month] % day.day if day.year == year else self.whole(day)

    def whole(self, day: date) -> str:
        """`17 Nov 2026`."""
        return self._short_year[day.month] % (day.day, day.year)

    def long(self, day: date, year: int) -> str:
        """`Tuesday 17 November`, with the year where it is not `year`."""
        weekday = self._weekdays[day.weekday()]
        if day.year == year:
            return self._long[day.month] % (weekday, day.day)
        return self._long_year[day.month] % (weekday, day.day, day.year)

    def number(self, written: str) -> str:
        """A number as Python writes it with `,` between thousands, with the marks of this language."""
        return written if self._marks is None else written.translate(self._marks)


@lru_cache(maxsize=8)
def _style(language: str) -> Style:
    return Style(language.split("-", maxsplit=1)[0])


def style() -> Style:
    """Of the language that this request's answer is in."""
    return _style(get_language() or "en")


def get_zone(name: str) -> tzinfo:
    """The zone of this IANA name; UTC where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def valid_zone_name(name: str) -> str:
    """`name`, or UTC where this machine knows no such zone: pages name the zone that their times stand in."""
    return "UTC" if get_zone(name) is UTC else name


def utc_offset(moment: datetime) -> str:
    """How far from UTC this moment's zone is then: `UTC+1`."""
    minutes = int((moment.utcoffset() or UTC.utcoffset(None)).total_seconds() // 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '−'}{hours}" + (f":{rest:02}" if rest else "")
