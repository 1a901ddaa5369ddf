"""What a list is asked for: query, order, page. Wrong values fall back to sane ones and are said."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core import api_rules
from devices.ui.query_forms import LenientQueryForm, org_field, query_field

SHOW_CHOICES = ("online", "offline", "never", "unknown", "unasked")
"""What the rows of a page can be narrowed to after their states were asked."""
CHECKED_MAX = 500
"""Characters of what a page's address tells of an asking (`views/checking.py`)."""
SORT_WORDS = {
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
"""rules.SORT_FIELDS as people know them."""


def checked_field() -> forms.CharField:
    return forms.CharField(required=False, max_length=CHECKED_MAX)


def show_field() -> forms.ChoiceField:
    return forms.ChoiceField(required=False, choices=[(state, state) for state in SHOW_CHOICES])


class SearchForm(LenientQueryForm):
    """The list's query. Only `q` can be refused."""

    q = query_field(gettext_lazy("Search devices"))
    org = org_field()
    sub_orgs = forms.BooleanField(label=gettext_lazy("Include sub-organizations"), required=False)
    sort = forms.ChoiceField(
        label=gettext_lazy("Sort by"),
        required=False,
        choices=[
            ("", gettext_lazy("The platform’s order")),
            *((name, SORT_WORDS[name]) for name in api_rules.SORT_FIELDS),
        ],
    )
    order = forms.ChoiceField(
        label=gettext_lazy("Order"),
        required=False,
        choices=[("ASC", gettext_lazy("Ascending")), ("DESC", gettext_lazy("Descending"))],
    )
    page = forms.IntegerField(required=False, min_value=1, max_value=api_rules.INT32_MAX)
    size = forms.IntegerField(required=False, min_value=1, max_value=api_rules.PAGE_SIZE_MAX)
    checked = checked_field()
    show = show_field()

    fallbacks: ClassVar[dict[str, Any]] = {
        "q": "",
        "org": None,
        "sub_orgs": False,
        "sort": "",
        "order": "ASC",
        "page": 1,
        "size": api_rules.PAGE_SIZE,
        "checked": "",
        "show": "",
    }


class VisibleForm(LenientQueryForm):
    """Whose devices, by what somebody can see. Only `email` can be refused."""

    email = forms.CharField(
        label=gettext_lazy("E-mail"),
        required=False,
        widget=forms.TextInput(
            attrs={"inputmode": "email", "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )
    page = forms.IntegerField(required=False, min_value=1, max_value=api_rules.INT32_MAX)
    size = forms.IntegerField(required=False, min_value=1, max_value=api_rules.PAGE_SIZE_MAX)
    checked = checked_field()
    show = show_field()

    fallbacks: ClassVar[dict[str, Any]] = {
        "email": "",
        "page": 1,
        "size": api_rules.PAGE_SIZE,
        "checked": "",
        "show": "",
    }

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


class OwnedForm(VisibleForm):
    """Whose devices, by what somebody owns, in one organization."""

    org = org_field()

    fallbacks: ClassVar[dict[str, Any]] = VisibleForm.fallbacks | {"org": None}


class RecentForm(LenientQueryForm):
    """Which activations: of how many minutes, in which organization. `paused`: the page does not ask again by itself.

    A page that asks again tells what it shows: `seen`, the time of the newest one; `stale`, that it is an old answer.
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
