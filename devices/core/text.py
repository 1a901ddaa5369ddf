"""Untrusted text, made fit to be looked at. Escaping for HTML is the templates' business, not done here."""

from __future__ import annotations

import unicodedata

LIST_NAME_MAX = 120
"""Characters of a name in a list; an old name can be far longer than today's rule."""


def clean(text: str) -> str:
    """Make untrusted text safe to look at: control, bidirectional and unassigned characters become a visible mark.

    Line breaks and tabs stay. Escaping for HTML is the templates' business, not done here.
    """
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
    """Whole sentences after one another; what is empty is left out. Each is translated by itself."""
    return " ".join(part for part in parts if part)
