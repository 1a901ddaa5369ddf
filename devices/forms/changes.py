"""Changes to a device, in the words of the API's own rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices import rules
from devices.metafields import FieldView, InvalidValue


class RenameForm(forms.Form):
    """1 to 50 letters, digits, spaces, apostrophes, underscores and hyphens: the rule of `PUT /device`."""

    name = forms.CharField(
        label=gettext_lazy("New name"),
        help_text=gettext_lazy("Letters, digits, spaces, apostrophes, underscores and hyphens"),
        strip=False,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    suggestion = ""
    """A name near the refused one that the rule allows."""

    def clean_name(self) -> str:
        name = rules.tidy_name(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError(_("Enter a name of 1 to %d characters.") % rules.NAME_MAX, code="empty")
        if bad := rules.forbidden_in_name(name):
            self.suggestion = rules.suggest_name(name)
            raise forms.ValidationError(_forbidden(bad), code="characters")
        if len(name) > rules.NAME_MAX:
            self.suggestion = rules.suggest_name(name)
            raise forms.ValidationError(
                _("Shorten the name to %d characters. This one has %d.") % (rules.NAME_MAX, len(name)), code="length"
            )
        return name


def _forbidden(bad: list[str]) -> str:
    shown = [f"“{c}”" if c.isprintable() else f"U+{ord(c):04X}" for c in bad[:8]]
    if len(bad) > len(shown):
        return _("Remove %s and others: these characters are not allowed.") % ", ".join(shown)
    if len(shown) == 1:
        return _("Remove %s: this character is not allowed.") % shown[0]
    return _("Remove %s and %s: these characters are not allowed.") % (", ".join(shown[:-1]), shown[-1])


class MetafieldForm(forms.Form):
    """The new value of one metafield, always sent as text of at most 200 characters, checked by the field's type."""

    value = forms.CharField(required=False, strip=False)

    def __init__(self, *args: Any, field: FieldView, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.field = field
        self.fields["value"].label = field.name

    def clean_value(self) -> str:
        try:
            return self.field.check(self.cleaned_data["value"])
        except InvalidValue as problem:
            raise forms.ValidationError(str(problem), code="type") from problem
