"""Whether a field has the value that was written: the same value for its type, not the same characters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

NUMERIC_TYPES = frozenset({"number", "int", "measurement"})
CASE_INSENSITIVE_TYPES = frozenset({"email", "deviceeui", "joineui", "applicationkey"})
_KEY = re.compile(r"[0-9A-Fa-f]{32}")


def same(known: str, raw: Mapping[str, Any], sent: str) -> bool:
    """`known`: the key of the type in METAFIELD_TYPES."""
    text = text_of(known, raw)
    if known in NUMERIC_TYPES:
        return _number(text) == _number(sent)
    return text.casefold() == sent.casefold() if known in CASE_INSENSITIVE_TYPES else text == sent


def unchanged(known: str, raw: Mapping[str, Any], sent: str) -> bool:
    """Whether writing `sent` would change nothing. A different case or outer spaces are a change, even if they read
    back as the same value."""
    return _text(known, raw) == sent or (known in NUMERIC_TYPES and same(known, raw, sent))


def text_of(known: str, raw: Mapping[str, Any]) -> str:
    return _text(known, raw).strip()


def masked(known: str, raw: Mapping[str, Any]) -> bool:
    """Whether a key reads back masked and cannot be compared."""
    text = text_of(known, raw)
    return known == "applicationkey" and text != "" and not _KEY.fullmatch(text)


def _text(known: str, raw: Mapping[str, Any]) -> str:
    value = raw.get("selectedOption", raw.get("value")) if known == "list" else raw.get("value")
    return "" if value is None else str(value)


def _number(text: str) -> float | str:
    """At most fifteen digits were sent, which a double keeps exactly."""
    try:
        return float(text)
    except ValueError:
        return text
