"""The API's own rules for what people type: names, lengths, ranges. Forms and the hints beside them read these."""

from __future__ import annotations

import unicodedata

NAME_MAX = 50
QUERY_MAX = 255
METAFIELD_VALUE_MAX = 200
EVENT_CODE_MAX = 200
EVENT_DESCRIPTION_MAX = 200
REASON_MAX = 200
"""Our own limit: a reason goes into the portal's trail of changes, not to the API."""
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
"""What `sortBy` of `GET /search/devices` takes, as the API spells it. `Auth Token` is left out on purpose."""

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
"""What `eventType` of `GET /device/timeline` takes."""

_NAME_EXTRA = frozenset(" '_-")


def tidy_name(raw: str) -> str:
    """Bring a typed device name into the form that is sent: composed letters, straight apostrophes, no outer blanks.

    U+2019 is what phones type for an apostrophe; the API's rule surely means U+0027.
    """
    return unicodedata.normalize("NFC", raw).replace("\u2019", "'").strip()


def forbidden_in_name(name: str) -> list[str]:
    """The characters of a tidied name that the API's rule does not allow, each once, in order.

    Allowed are letters and digits (of any script, as "letters" is not narrowed), space, apostrophe, underscore, hyphen.
    """
    return [
        c
        for c in dict.fromkeys(name)
        if c not in _NAME_EXTRA and unicodedata.category(c)[0] != "L" and not c.isdecimal()
    ]


def suggest_name(name: str) -> str:
    """The nearest name that the rule allows: forbidden characters become one blank, the end is cut. May be empty."""
    bad = set(forbidden_in_name(name))
    words = "".join(" " if c in bad else c for c in name).split()
    return " ".join(words)[:NAME_MAX].rstrip()
