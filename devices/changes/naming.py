"""The name of a device, as every form takes it: the API's one rule, in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core import api_rules

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


def name_field(label: str | StrPromise) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=gettext_lazy("Letters, digits, spaces, apostrophes, underscores and hyphens"),
        strip=False,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class NamingForm(forms.Form):
    """1 to 50 letters, digits, spaces, apostrophes, underscores and hyphens: the rule of `PUT /device` and of
    `POST /device/create`."""

    name = name_field(gettext_lazy("Name"))

    suggestion = ""
    """A name near the refused one that the rule allows."""

    def clean_name(self) -> str:
        name = api_rules.tidy_name(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError(_("Enter a name of 1 to %d characters.") % api_rules.NAME_MAX, code="empty")
        if bad := api_rules.forbidden_in_name(name):
            self.suggestion = api_rules.suggest_name(name)
            raise forms.ValidationError(_forbidden(bad), code="characters")
        if len(name) > api_rules.NAME_MAX:
            self.suggestion = api_rules.suggest_name(name)
            raise forms.ValidationError(
                _("Shorten the name to %d characters. This one has %d.") % (api_rules.NAME_MAX, len(name)),
                code="length",
            )
        return name


def _forbidden(bad: list[str]) -> str:
    shown = [_("“%s”") % c if c.isprintable() else f"U+{ord(c):04X}" for c in bad[:8]]
    if len(bad) > len(shown):
        return _("Remove %s and others: these characters are not allowed.") % ", ".join(shown)
    if len(shown) == 1:
        return _("Remove %s: this character is not allowed.") % shown[0]
    return _("Remove %s and %s: these characters are not allowed.") % (", ".join(shown[:-1]), shown[-1])
