"""Whether a field holds what was written into it: the same value as its type writes it, not the same characters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

NUMBERS = frozenset({"number", "int", "measurement"})
ANY_CASE = frozenset({"email", "deviceeui", "joineui", "applicationkey"})
_KEY = re.compile(r"[0-9A-Fa-f]{32}")


def same(known: str, raw: Mapping[str, Any], sent: str) -> bool:
    """`known`: the table's key of the type read back. A key that reads back masked cannot be compared, and passes."""
    held = raw.get("selectedOption", raw.get("value")) if known == "list" else raw.get("value")
    text = "" if held is None else str(held).strip()
    if known in NUMBERS:
        return _number(text) == _number(sent)
    if known == "applicationkey" and text and not _KEY.fullmatch(text):
        return True
    return text.casefold() == sent.casefold() if known in ANY_CASE else text == sent


def _number(text: str) -> float | str:
    """Fifteen digits at most were sent, and a double keeps those."""
    try:
        return float(text)
    except ValueError:
        return text
