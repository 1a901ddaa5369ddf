"""Untrusted text made safe to read. The templates escape it for HTML."""

from __future__ import annotations

import unicodedata

LIST_NAME_MAX = 120
"""Characters of a name in a list; an old name can be far longer than the API allows now."""


def clean(text: str) -> str:
    """Control, bidirectional and unassigned characters become a visible mark. Line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(
        c
        if c in "\n\t" or c.isprintable() or unicodedata.category(c) in ("Zs", "Zl", "Zp")
        else "\N{REPLACEMENT CHARACTER}"
        for c in text
    )


def shorten(text: str, limit: int = LIST_NAME_MAX) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def sentences(*parts: str) -> str:
    """Join sentences, each translated by itself; empty ones are left out."""
    return " ".join(part for part in parts if part)
