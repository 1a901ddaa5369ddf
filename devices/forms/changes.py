"""Changes to a device, in the words of the API's own rules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from devices.forms.naming import NamingForm, name_field
from devices.metafields import FieldView, InvalidValue


class RenameForm(NamingForm):
    name = name_field(gettext_lazy("New name"))


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
