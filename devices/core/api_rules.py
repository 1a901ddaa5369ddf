"""The API's rules for input: names, lengths, ranges. Forms and their hints use these."""

from __future__ import annotations

import unicodedata

NAME_MAX = 50
QUERY_MAX = 255
METAFIELD_VALUE_MAX = 200
EVENT_CODE_MAX = 200
EVENT_DESCRIPTION_MAX = 200
REASON_MAX = 200
"""The portal's own limit: a reason goes into the audit trail, not to the API."""
TEMPLATE_CODE_MAX = 200
RECENT_MINUTES = 5
RECENT_MINUTES_MAX = 60
PAGE_SIZE = 50
PAGE_SIZE_MAX = 1000
INT32_MAX = 2_147_483_647
INT64_MAX = 9_223_372_036_854_775_807

SORT_FIELDS = (
    "Name",
    "Device Id",
    "Owner Id",
    "Device Owner Name",
    "Device Owner",
    "Last Reported At",
    "Activated At",
    "Activated By",
    "Model",
    "Template Name",
    "Template Id",
    "Firmware Version",
    "Organization Id",
    "Status",
)
"""Values of `sortBy` of `GET /search/devices`. `Auth Token` is left out on purpose."""

EVENT_TYPES = (
    "CRITICAL",
    "WARNING",
    "INFORMATION",
    "ONLINE",
    "OFFLINE",
    "CONTENT",
    "INACTIVE",
    "LIFECYCLE",
    "NOTE",
)
"""Values of `eventType` of `GET /device/timeline`."""

_NAME_EXTRA = frozenset(" '_-")


def tidy_name(raw: str) -> str:
    """A typed device name as it is sent: composed letters, U+0027 for the U+2019 that phones type, no outer spaces."""
    return unicodedata.normalize("NFC", raw).replace("\u2019", "'").strip()


def forbidden_in_name(name: str) -> list[str]:
    """Each character, once, that is no letter or digit (of any script), space, apostrophe, underscore or hyphen."""
    return [
        c
        for c in dict.fromkeys(name)
        if c not in _NAME_EXTRA and unicodedata.category(c)[0] != "L" and not c.isdecimal()
    ]


def suggest_name(name: str) -> str:
    """The nearest allowed name: forbidden characters become one space, the end is cut. May be empty."""
    bad = set(forbidden_in_name(name))
    words = "".join(" " if c in bad else c for c in name).split()
    return " ".join(words)[:NAME_MAX].rstrip()
