"""The query strings of the lists: query, order, page. A wrong value falls back to a default, and the page says so."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core import api_rules
from devices.ui.query_forms import LenientQueryForm, org_field, query_field

SHOW_CHOICES = ("online", "offline", "never", "unknown", "unchecked")
"""What the rows of a page can be narrowed to after a check of their states."""
SORT_LABELS = {
    "Name": gettext_lazy("Name"),
    "Device Id": gettext_lazy("Device ID"),
    "Owner Id": gettext_lazy("Owner ID"),
    "Device Owner Name": gettext_lazy("Name of the owner"),
    "Device Owner": gettext_lazy("E-mail of the owner"),
    "Last Reported At": gettext_lazy("Last report"),
    "Activated At": gettext_lazy("Activated"),
    "Activated By": gettext_lazy("Activated by"),
    "Model": gettext_lazy("Model"),
    "Template Name": gettext_lazy("Template"),
    "Template Id": gettext_lazy("Template ID"),
    "Firmware Version": gettext_lazy("Firmware"),
    "Organization Id": gettext_lazy("Organization ID"),
    "Status": gettext_lazy("Status"),
}
"""Labels of api_rules.SORT_FIELDS."""


class DeviceListForm(LenientQueryForm):
    """What every list of devices has: the page, its rows, and the check of their states (`connectivity.py`)."""

    page = forms.IntegerField(required=False, min_value=1, max_value=api_rules.INT32_MAX)
    size = forms.IntegerField(required=False, min_value=1, max_value=api_rules.PAGE_SIZE_MAX)
    checked = forms.CharField(required=False, max_length=32)
    show = forms.ChoiceField(required=False, choices=[(state, state) for state in SHOW_CHOICES])

    fallbacks: ClassVar[dict[str, Any]] = {"page": 1, "size": api_rules.PAGE_SIZE, "checked": "", "show": ""}


class SearchForm(DeviceListForm):
    """The organization's list and the search. Only `q` can be refused."""

    q = query_field(gettext_lazy("Search devices"))
    org = org_field()
    sub_orgs = forms.BooleanField(label=gettext_lazy("Include sub-organizations"), required=False)
    sort = forms.ChoiceField(
        label=gettext_lazy("Sort by"),
        required=False,
        choices=[
            ("", gettext_lazy("The platform’s order")),
            *((name, SORT_LABELS[name]) for name in api_rules.SORT_FIELDS),
        ],
    )
    order = forms.ChoiceField(
        label=gettext_lazy("Order"),
        required=False,
        choices=[("ASC", gettext_lazy("Ascending")), ("DESC", gettext_lazy("Descending"))],
    )

    fallbacks: ClassVar[dict[str, Any]] = DeviceListForm.fallbacks | {
        "q": "",
        "org": None,
        "sub_orgs": False,
        "sort": "",
        "order": "ASC",
    }


class ByUserForm(DeviceListForm):
    """The devices that a user can see. Only `email` can be refused."""

    email = forms.CharField(
        label=gettext_lazy("E-mail"),
        required=False,
        widget=forms.TextInput(
            attrs={"inputmode": "email", "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )

    fallbacks: ClassVar[dict[str, Any]] = DeviceListForm.fallbacks | {"email": ""}

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email:
            try:
                validate_email(email)
            except ValidationError:
                raise ValidationError(
                    _("Enter a whole e-mail, such as ana.lund@example.org."), code="invalid"
                ) from None
        return email


class ByOwnerForm(ByUserForm):
    """The devices that a user owns in one organization."""

    org = org_field()

    fallbacks: ClassVar[dict[str, Any]] = ByUserForm.fallbacks | {"org": None}


class RecentForm(LenientQueryForm):
    """Recent activations: of how many minutes, in which organization. `paused`: the page does not refresh.

    A refresh says what the page shows: `seen`, the time of the newest activation; `stale`, that it is an old response.
    """

    minutes = forms.IntegerField(
        label=gettext_lazy("Minutes"), required=False, min_value=1, max_value=api_rules.RECENT_MINUTES_MAX
    )
    org = org_field()
    paused = forms.BooleanField(required=False)
    seen = forms.IntegerField(required=False, min_value=1, max_value=api_rules.INT64_MAX)
    stale = forms.BooleanField(required=False)

    fallbacks: ClassVar[dict[str, Any]] = {
        "minutes": api_rules.RECENT_MINUTES,
        "org": None,
        "paused": False,
        "seen": 0,
        "stale": False,
    }
