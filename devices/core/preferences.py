"""What a person has chosen for themselves: time zone, looks, language, keys, and how lists stand. No I/O."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal
from zoneinfo import available_timezones

import msgspec

from devices.core import api_rules

COLUMNS = ("id", "status", "template", "firmware", "board", "owner", "activated", "organization")
"""The columns of a list of devices that can be left out, in their order. The device's name always stands first."""
DEFAULT_COLUMNS = tuple(column for column in COLUMNS if column != "board")
PAGE_SIZES = (25, 50, 100, 200)

Theme = Literal["auto", "light", "dark"]
Language = Literal["auto", "en", "de"]
THEMES: tuple[Theme, ...] = ("auto", "light", "dark")
LANGUAGES: tuple[Language, ...] = ("auto", "en", "de")


class Preferences(msgspec.Struct, frozen=True, omit_defaults=True):
    """One person's choices; whoever has chosen nothing has the defaults.

    `zone`: an IANA name, empty for that of the person's profile. `language` "auto": the browser's. `shortcuts`: single
    keys. `columns`: those of COLUMNS that lists show, in the order of COLUMNS. `page_size`: rows, one of PAGE_SIZES.
    """

    zone: str = ""
    theme: Theme = "auto"
    language: Language = "auto"
    shortcuts: bool = True
    columns: tuple[str, ...] = DEFAULT_COLUMNS
    page_size: int = api_rules.PAGE_SIZE


DEFAULTS = Preferences()


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """The names of all time zones that this machine knows, without those that are no place (`posix/`, `Etc/`)."""
    return frozenset(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/")))


def _fits(name: str, value: Any) -> bool:
    match name:
        case "zone":
            return isinstance(value, str) and (value in ("", "UTC") or value in zones())
        case "theme":
            return value in THEMES
        case "language":
            return value in LANGUAGES
        case "shortcuts":
            return isinstance(value, bool)
        case "columns":
            return isinstance(value, list | tuple) and all(column in COLUMNS for column in value)
        case _:
            return isinstance(value, int) and not isinstance(value, bool) and value in PAGE_SIZES


def settled(values: dict[str, Any]) -> Preferences:
    """Preferences of these values; what is unknown or cannot be is left at its default."""
    kept = {name: value for name, value in values.items() if name in Preferences.__struct_fields__}
    kept = {name: value for name, value in kept.items() if _fits(name, value)}
    if "columns" in kept:
        kept["columns"] = tuple(column for column in COLUMNS if column in kept["columns"])
    return Preferences(**kept)


@lru_cache(maxsize=1024)
def read(text: str | None) -> Preferences:
    """From the text as it is kept. None, and whatever is not readable, gives the defaults."""
    if not text:
        return DEFAULTS
    try:
        values = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return DEFAULTS
    return settled(values) if isinstance(values, dict) else DEFAULTS


def written(preferences: Preferences) -> str:
    """The text to keep: only what is not a default."""
    return msgspec.json.encode(preferences).decode()
