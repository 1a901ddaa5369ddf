"""A person's preferences as a value: what is on offer, and the defaults. Table and page: devices/preferences/."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import available_timezones

import msgspec
from django.conf import settings
from django.utils.translation import gettext_lazy

from devices.core import api_rules

COLUMN_LABELS = {
    "id": gettext_lazy("ID"),
    "status": gettext_lazy("Status"),
    "template": gettext_lazy("Template"),
    "firmware": gettext_lazy("Firmware"),
    "board": gettext_lazy("Board"),
    "owner": gettext_lazy("Owner"),
    "activated": gettext_lazy("Activated"),
    "organization": gettext_lazy("Organization"),
}
"""The optional columns of the device lists, in their order. The device's name always comes first."""
DEFAULT_COLUMNS = tuple(column for column in COLUMN_LABELS if column != "board")
PAGE_SIZES = (25, 50, 100, 200)
THEMES = ("auto", "light", "dark")


class Preferences(msgspec.Struct, frozen=True):
    """One person's preferences, by default those of somebody who has chosen nothing.

    `zone`: an IANA name, empty for the zone of the person's profile. `language` "auto": the browser's. `shortcuts`:
    single-key shortcuts. `columns`: those that lists show, in the order of COLUMN_LABELS. `page_size`: rows.
    """

    zone: str = ""
    theme: str = "auto"
    language: str = "auto"
    shortcuts: bool = True
    columns: tuple[str, ...] = DEFAULT_COLUMNS
    page_size: int = api_rules.PAGE_SIZE


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """The names of all time zones of this machine, without those that are no place (`posix/`, `Etc/`)."""
    return frozenset(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/")))


@lru_cache(maxsize=1024)
def from_row(
    zone: str | None,
    theme: str | None,
    language: str | None,
    shortcuts: bool | None,
    columns: str | None,
    page_size: int | None,
) -> Preferences:
    """From the columns of the table, in its order; `columns` are comma-separated.

    None (no row), and a value that is not on offer any more, give the default.
    """
    chosen = DEFAULT_COLUMNS if columns is None else columns.split(",")
    return Preferences(
        zone=zone if zone and (zone == "UTC" or zone in zones()) else "",
        theme=theme if theme in THEMES else "auto",
        language=language if language in dict(settings.LANGUAGES) else "auto",
        shortcuts=shortcuts is None or bool(shortcuts),
        columns=tuple(column for column in COLUMN_LABELS if column in chosen),
        page_size=page_size if page_size in PAGE_SIZES else api_rules.PAGE_SIZE,
    )
