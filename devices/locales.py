"""How dates and numbers are written in the language of the request: the locale data of Babel, compiled once.

Babel's own functions take some 20 us for a date; a list has dozens, so its patterns become format strings here.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from babel import Locale
from django.utils.translation import get_language

TERRITORIES = {"en": "en_GB"}
"""Where a language alone would write as Americans do: month before day, and a clock of twelve hours."""
_FIELDS = {"E": "{weekday}", "M": "{month}", "d": "{day}", "y": "{year}"}


def _compiled(pattern: str) -> str:
    """A CLDR date pattern as a format string: `EEEE, d. MMMM y` becomes `{weekday}, {day}. {month} {year}`."""
    return re.sub(r"E+|M+|d+|y+", lambda field: _FIELDS[field[0][0]], pattern)


class Style:
    """One language's way of writing."""

    def __init__(self, language: str) -> None:
        locale = Locale.parse(TERRITORIES.get(language, language))
        words = Locale.parse(language)
        self._months = dict(words.months["format"]["wide"])
        self._short_months = dict(words.months["format"]["abbreviated"])
        self._weekdays = dict(words.days["format"]["wide"])
        skeletons = locale.datetime_skeletons
        self._short = _compiled(skeletons["MMMd"].pattern)
        self._short_year = _compiled(skeletons["yMMMd"].pattern)
        full = locale.date_formats["full"].pattern
        if language == "en":
            full = full.replace(",", "")  # Tuesday 17 November, as all our English pages have it
        self._long = _compiled(full.removesuffix(" y"))
        self._long_year = _compiled(full)
        symbols = words.number_symbols["latn"]
        self.decimal: str = symbols["decimal"]
        marks = (symbols["group"], self.decimal)
        self._marks = None if marks == (",", ".") else str.maketrans({",": marks[0], ".": marks[1]})

    def short(self, day: date, year: int) -> str:
        """`17 Nov`, with the year where it is not `year`."""
        pattern = self._short if day.year == year else self._short_year
        return pattern.format(day=day.day, month=self._short_months[day.month], year=day.year)

    def whole(self, day: date) -> str:
        """`17 Nov 2026`."""
        return self._short_year.format(day=day.day, month=self._short_months[day.month], year=day.year)

    def long(self, day: date, year: int) -> str:
        """`Tuesday 17 November`, with the year where it is not `year`."""
        pattern = self._long if day.year == year else self._long_year
        return pattern.format(
            weekday=self._weekdays[day.weekday()], day=day.day, month=self._months[day.month], year=day.year
        )

    def number(self, written: str) -> str:
        """A number as Python writes it with `,` between thousands, with the marks of this language."""
        return written if self._marks is None else written.translate(self._marks)


@lru_cache(maxsize=8)
def _style(language: str) -> Style:
    return Style(language.split("-", maxsplit=1)[0])


def style() -> Style:
    """Of the language that this request's answer is in."""
    return _style(get_language() or "en")
