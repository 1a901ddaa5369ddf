"""Query strings of a device's tabs."""

from __future__ import annotations

from django import forms

from devices.core import api_rules
from devices.ui.query_forms import PageForm


class OnlineForm(forms.Form):
    """The last report, which the page knows when it reads the online state alone: see `never_connected`."""

    last = forms.IntegerField(required=False, min_value=0, max_value=api_rules.INT64_MAX)

    def reported(self) -> int | None:
        """Epoch milliseconds, None if the address has none."""
        return self.cleaned_data["last"] if self.is_valid() else None


class TimelineForm(PageForm):
    type = forms.ChoiceField(required=False, choices=[(name, name) for name in api_rules.EVENT_TYPES])
