"""Query strings of the pickers."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from devices.ui.query_forms import query_field


class PickForm(forms.Form):
    """What somebody types to find a person or an organization."""

    q = query_field(gettext_lazy("Name or e-mail"))
