"""The form of a person's preferences."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django import forms
from django.template import engines
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core.preferences import COLUMNS, LANGUAGES, PAGE_SIZES, THEMES, Preferences, zones
from devices.lists.columns import COLUMN_WORDS

THEME_WORDS = {
    "auto": gettext_lazy("As your system is set"),
    "light": gettext_lazy("Light"),
    "dark": gettext_lazy("Dark"),
}
LANGUAGE_WORDS = {"auto": gettext_lazy("As your browser asks for"), "en": "English", "de": "Deutsch"}
"""A language is called by its own name: whoever looks for it may not read the one the page is in."""


def _refused(words: Any) -> dict[str, Any]:
    """What a field says to what it does not offer, or to nothing. The summary repeats it, so it names the field."""
    return {"invalid_choice": words, "required": words}


def zone_choices(profile: str) -> list[tuple[str, Any]]:
    """All zones by region, after the one that the person's profile names."""
    named = [("", _("As in your profile: %(zone)s") % {"zone": profile}), ("UTC", "UTC")]
    regions = groupby(sorted(zones()), key=lambda name: name.split("/")[0])
    return [*named, *((region, [(name, name.replace("_", " ")) for name in group]) for region, group in regions)]


class LongSelect(forms.Select):
    """A list box for hundreds of options: Django runs a template for each, which takes most of the page's time."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        options = engines["jinja2"].env.get_template("components/options.html").module.options  # type: ignore[attr-defined]
        return options(self.get_context(name, value, attrs)["widget"])


class PreferencesForm(forms.Form):
    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        required=False,
        widget=LongSelect,
        help_text=gettext_lazy("All times on the pages are told in it. Files that you download keep UTC."),
        error_messages=_refused(gettext_lazy("Choose a time zone from the list.")),
    )
    theme = forms.ChoiceField(
        label=gettext_lazy("Colours"),
        choices=[(name, THEME_WORDS[name]) for name in THEMES],
        error_messages=_refused(gettext_lazy("Choose one of the colours offered.")),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=[(name, LANGUAGE_WORDS[name]) for name in LANGUAGES],
        help_text=gettext_lazy("Of the pages, their dates and their numbers."),
        error_messages=_refused(gettext_lazy("Choose one of the languages offered.")),
    )
    page_size = forms.TypedChoiceField(
        label=gettext_lazy("Rows on a page of a list"),
        choices=[(size, str(size)) for size in PAGE_SIZES],
        coerce=int,
        error_messages=_refused(gettext_lazy("Choose one of the numbers of rows offered.")),
    )
    columns = forms.MultipleChoiceField(
        label=gettext_lazy("Columns of the list of devices"),
        required=False,
        choices=[(name, COLUMN_WORDS[name]) for name in COLUMNS],
        help_text=gettext_lazy("The name of the device always stands first."),
        widget=forms.CheckboxSelectMultiple,
        error_messages=_refused(gettext_lazy("Choose the columns from those offered.")),
    )
    shortcuts = forms.BooleanField(
        label=gettext_lazy("Single keys do something"),
        required=False,
        help_text=gettext_lazy("Such as / for the search. Switch them off if you dictate, or press keys by accident."),
    )

    field_order = ("language", "zone", "theme", "page_size", "columns", "shortcuts")

    def __init__(self, *args: Any, profile: str, **kwargs: Any) -> None:
        """`profile`: the zone that the person's profile names."""
        super().__init__(*args, **kwargs)
        self.fields["zone"].choices = zone_choices(profile)  # type: ignore[attr-defined]

    def clean_columns(self) -> tuple[str, ...]:
        """Those ticked, in the order of the list."""
        return tuple(name for name in COLUMNS if name in self.cleaned_data["columns"])

    @classmethod
    def of(cls, preferences: Preferences, profile: str) -> PreferencesForm:
        initial = {name: getattr(preferences, name) for name in preferences.__struct_fields__}
        return cls(initial=initial | {"columns": list(preferences.columns)}, profile=profile)
