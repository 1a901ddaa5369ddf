"""Pages about the user interface: keyboard shortcuts and, for developers, the style guide."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from devices.core.requests import DeviceRequest
from devices.core.responses import answer

TOKENS = Path(settings.BASE_DIR) / "static" / "css" / "tokens.css"
COLOUR = re.compile(r"--([a-z0-9-]+): (?:light-dark\(([^,]+), ([^)]+)\)|(#[0-9a-f]+));")
TEXT, MARK = 4.5, 3.0
"""Minimum contrast of text, and of controls and meaningful graphics (WCAG 2.2 AA)."""
GROUNDS = ("canvas", "surface", "raised", "sunken", "row")
PAIRS: dict[str, tuple[float, tuple[str, ...]]] = {
    "ink": (TEXT, (*GROUNDS, "neutral-soft", "accent-soft", "good-soft", "caution-soft", "danger-soft")),
    "ink-2": (TEXT, (*GROUNDS, "neutral-soft")),
    "ink-3": (TEXT, (*GROUNDS, "neutral-soft")),
    "accent": (TEXT, (*GROUNDS, "accent-soft", "good-soft", "caution-soft")),
    "good": (TEXT, (*GROUNDS, "good-soft")),
    "caution": (TEXT, (*GROUNDS, "caution-soft")),
    "danger": (TEXT, (*GROUNDS, "danger-soft")),
    "control": (MARK, ("canvas", "surface", "raised")),
    "on-fill": (TEXT, ("accent-fill", "accent-fill-hover", "danger-fill", "danger-fill-hover")),
    "bar-ink": (TEXT, ("bar", "bar-field")),
    "bar-ink-2": (TEXT, ("bar", "bar-field")),
}
"""Colour -> the contrast it needs, and the backgrounds it is used on."""
LONG = "A name as long as nobody writes one, until somebody does and the heading has to bear it: " + "cold room " * 9
HOSTILE = "<script>alert(1)</script> {{ 7*7 }} \u202egpj.exe"


@require_safe
def shortcuts(request: DeviceRequest) -> HttpResponse:
    """The list of keyboard shortcuts: a page, or the dialog's content for htmx."""
    rows = (
        ("/", _("Go to the search field")),
        ("n", _("New device, on pages that offer it")),
        ("r", _("Reload or retry what the page shows")),
        ("?", _("Show these shortcuts")),
        ("Esc", _("Close a dialog, a menu or a list of matches")),
    )
    context = {"rows": rows, "section": "shortcuts"}
    return answer(request, "styleguide/shortcuts.html", "styleguide/_shortcuts.html", context)


class Colour(NamedTuple):
    """One token in one theme. `pairs`: background, its contrast, the contrast it needs."""

    name: str
    value: str
    pairs: list[tuple[str, float, float]]


class Side(NamedTuple):
    """One half of the style guide."""

    theme: str
    colours: list[Colour]
    form: forms.Form
    refused: forms.Form


class Sample(forms.Form):
    """Every kind of field, for the style guide."""

    name = forms.CharField(label="Name", max_length=50, help_text="Letters, digits, spaces")
    kind = forms.ChoiceField(label="Template", choices=[("", "Choose a template"), ("1", LONG)])
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea(attrs={"rows": 2}))
    locked = forms.CharField(label="Serial number", disabled=True, initial="HC-20391", required=False)
    agreed = forms.BooleanField(label="Include sub-organizations", help_text="Their devices are listed too")


@require_safe
def styleguide(request: DeviceRequest) -> HttpResponse:
    """Every component in every state, light and dark. It has a URL only in DEBUG (portal/urls.py)."""
    context = {"sides": [_side("light"), _side("dark")], "long": LONG, "hostile": HOSTILE, "section": "styleguide"}
    return render(request, "styleguide/styleguide.html", context)


def _side(theme: str) -> Side:
    refused = Sample({"name": "Hall / 3", "kind": ""}, auto_id=f"{theme}-refused-%s")
    refused.add_error("name", "Remove “/”: this character is not allowed")
    return Side(theme, colours(theme), Sample(auto_id=f"{theme}-%s", initial={"name": LONG[:50]}), refused)


@lru_cache(maxsize=1)
def _tokens() -> dict[str, dict[str, str]]:
    """Theme -> name of the token -> `#rrggbb`."""
    found: dict[str, dict[str, str]] = {"light": {}, "dark": {}}
    for name, light, dark, both in COLOUR.findall(TOKENS.read_text()):
        for theme, value in (("light", light or both), ("dark", dark or both)):
            if value.startswith("#"):
                found[theme][name] = value if len(value) == 7 else "#" + "".join(c * 2 for c in value[1:])
    return found


def colours(theme: str) -> list[Colour]:
    """All colour tokens of a theme in tokens.css, each with its contrasts."""
    values = _tokens()[theme]
    found = []
    for name, value in values.items():
        needed, grounds = PAIRS.get(name, (TEXT, ()))
        found.append(Colour(name, value, [(ground, contrast(value, values[ground]), needed) for ground in grounds]))
    return found


def contrast(one: str, other: str) -> float:
    """The WCAG contrast of two colours `#rrggbb`: 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear: list[Any] = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
