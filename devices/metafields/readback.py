"""Whether a field holds what was written into it: the same value as its type writes it, not the same characters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

NUMBERS = frozenset({"number", "int", "measurement"})
ANY_CASE = frozenset({"email", "deviceeui", "joineui", "applicationkey"})
_KEY = re.compile(r"[0-9A-Fa-f]{32}")


def same(known: str, raw: Mapping[str, Any], sent: str) -> bool:
    """`known`: the table's key of the type read back."""
    text = held(known, raw)
    if known in NUMBERS:
        return _number(text) == _number(sent)
    return text.casefold() == sent.casefold() if known in ANY_CASE else text == sent


def unchanged(known: str, raw: Mapping[str, Any], sent: str) -> bool:
    """Whether writing `sent` would change nothing. Another case of letters would, and so would space around it, also
    where they read back the same."""
    return _text(known, raw) == sent or (known in NUMBERS and same(known, raw, sent))


def held(known: str, raw: Mapping[str, Any]) -> str:
    return _text(known, raw).strip()


def masked(known: str, raw: Mapping[str, Any]) -> bool:
    """Whether a key reads back as something in its place, so that nothing can be compared with it."""
    text = held(known, raw)
    return known == "applicationkey" and text != "" and not _KEY.fullmatch(text)


def _text(known: str, raw: Mapping[str, Any]) -> str:
    value = raw.get("selectedOption", raw.get("value")) if known == "list" else raw.get("value")
    return "" if value is None else str(value)


def _number(text: str) -> float | str:
    """Fifteen digits at most were sent, and a double keeps those."""
    try:
        return float(text)
    except ValueError:
        return text
