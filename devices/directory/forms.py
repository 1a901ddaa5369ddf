"""The query string of the pickers."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from devices.ui.query_forms import query_field


class PickForm(forms.Form):
    """The text to find a person or an organization by."""

    q = query_field(gettext_lazy("Name or e-mail"))
