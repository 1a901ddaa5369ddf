"""The form of a person's preferences."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import msgspec
from django import forms
from django.conf import settings
from django.template import engines
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core.preferences import COLUMN_LABELS, PAGE_SIZES, Preferences, zones
from devices.preferences.models import Preference

THEME_LABELS = {
    "auto": gettext_lazy("As your system is set"),
    "light": gettext_lazy("Light"),
    "dark": gettext_lazy("Dark"),
}
LANGUAGE_LABELS = {"auto": gettext_lazy("As your browser asks for")} | dict(settings.LANGUAGES)
"""A language has its own name: whoever needs it may not read the language of the page."""


def _invalid(message: Any) -> dict[str, Any]:
    """The message for a missing value or one that is not on offer. The summary repeats it, so it names the field."""
    return {"invalid_choice": message, "required": message}


def zone_choices(profile: str) -> list[tuple[str, Any]]:
    """All zones by region, after that of the person's profile."""
    first = [("", _("As in your profile: %(zone)s") % {"zone": profile}), ("UTC", "UTC")]
    regions = groupby(sorted(zones()), key=lambda name: name.split("/")[0])
    return [*first, *((region, [(name, name.replace("_", " ")) for name in group]) for region, group in regions)]


class LongSelect(forms.Select):
    """A select with hundreds of options: Django renders a template for each, which takes most of the page's time."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        options = engines["jinja2"].env.get_template("components/options.html").module.options  # type: ignore[attr-defined]
        return options(self.get_context(name, value, attrs)["widget"])


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]
    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        required=False,
        widget=LongSelect,
        help_text=gettext_lazy("All times on the pages are in this zone. Files that you download use UTC."),
        error_messages=_invalid(gettext_lazy("Choose a time zone from the list.")),
    )
    theme = forms.ChoiceField(
        label=gettext_lazy("Colours"),
        choices=THEME_LABELS,
        error_messages=_invalid(gettext_lazy("Choose one of the colours offered.")),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=LANGUAGE_LABELS,
        help_text=gettext_lazy("Of the pages, their dates and their numbers."),
        error_messages=_invalid(gettext_lazy("Choose one of the languages offered.")),
    )
    page_size = forms.TypedChoiceField(
        label=gettext_lazy("Rows on a page of a list"),
        choices=[(size, str(size)) for size in PAGE_SIZES],
        coerce=int,
        error_messages=_invalid(gettext_lazy("Choose one of the numbers of rows offered.")),
    )
    columns = forms.MultipleChoiceField(
        label=gettext_lazy("Columns of the list of devices"),
        required=False,
        choices=COLUMN_LABELS,
        help_text=gettext_lazy("The name of the device always comes first."),
        widget=forms.CheckboxSelectMultiple,
        error_messages=_invalid(gettext_lazy("Choose the columns from those offered.")),
    )

    class Meta:
        model = Preference
        fields = ("language", "zone", "theme", "page_size", "columns", "shortcuts")
        labels = {"shortcuts": gettext_lazy("Enable single-key shortcuts")}  # noqa: RUF012
        help_texts = {  # noqa: RUF012
            "shortcuts": gettext_lazy(
                "Such as / for the search. Switch them off if you dictate, or press keys by accident."
            )
        }

    def __init__(self, data: Any, *, person: str, preferences: Preferences, profile_zone: str) -> None:
        """`profile_zone`: the time zone of the person's profile."""
        super().__init__(data, instance=Preference(person=person), initial=msgspec.structs.asdict(preferences))
        self.fields["zone"].choices = zone_choices(profile_zone)  # type: ignore[attr-defined]

    def clean_columns(self) -> str:
        return ",".join(self.cleaned_data["columns"])
