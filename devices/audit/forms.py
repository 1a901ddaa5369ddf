"""The query of the audit list."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from devices.audit.models import AuditOutcome
from devices.core import api_rules
from devices.ui.query_forms import LenientQueryForm

TEXT_MAX = 120
"""Characters of a name or e-mail to search for."""
YEARS = (2000, 2999)


class _Day(forms.DateField):
    """A day as browsers send it, in years that every time zone and database supports."""

    def __init__(self, label: Any) -> None:
        super().__init__(
            label=label,
            required=False,
            input_formats=["%Y-%m-%d"],
            widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        )

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(value)
        if day and not YEARS[0] <= day.year <= YEARS[1]:
            raise forms.ValidationError("year", code="year")
        return day


class AuditQueryForm(LenientQueryForm):
    """`mine`: only the person's own entries. `all`: all dates. `person`: the id of an `AuditPerson`, or text.

    `from` and `to` are days in the reader's time zone, both included. `actions`: choices as (operation, label).
    """

    mine = forms.BooleanField(required=False)
    all = forms.BooleanField(required=False)
    person = forms.CharField(label=gettext_lazy("Person"), required=False, max_length=TEXT_MAX)
    device = forms.CharField(label=gettext_lazy("Device"), required=False, max_length=TEXT_MAX)
    action = forms.ChoiceField(label=gettext_lazy("Action"), required=False)
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        required=False,
        choices=[(name, name) for name in (AuditOutcome.CONFIRMED, AuditOutcome.REJECTED, AuditOutcome.UNKNOWN)],
    )
    page = forms.IntegerField(required=False, min_value=1, max_value=api_rules.INT32_MAX)
    size = forms.IntegerField(required=False, min_value=1, max_value=api_rules.PAGE_SIZE_MAX)

    fallbacks: ClassVar[dict[str, Any]] = {
        "mine": False,
        "all": False,
        "person": "",
        "device": "",
        "action": "",
        "outcome": "",
        "from": None,
        "to": None,
        "page": 1,
        "size": api_rules.PAGE_SIZE,
    }

    def __init__(self, *args: Any, actions: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["from"] = _Day(pgettext_lazy("a day", "From"))  # `from` is a keyword
        self.fields["to"] = _Day(pgettext_lazy("a day", "To"))
        self.fields["action"].choices = actions  # type: ignore[attr-defined]

    def warnings(self) -> list[str]:
        sentences = {
            "person": _("That is too long to be a person. Everybody is shown."),
            "device": _("That is too long to be a device. All devices are shown."),
            "action": _("There is no such action. All actions are shown."),
            "outcome": _("There is no such outcome. All outcomes are shown."),
            "from": _("The first day is not a date. The list shows the usual period."),
            "to": _("The last day is not a date. The list ends today."),
        }
        return super().warnings() + [sentence for name, sentence in sentences.items() if name in self.errors]
