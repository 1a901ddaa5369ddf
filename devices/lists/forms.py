"""What a list is asked for: query, order, page. Wrong values fall back to sane ones and are said."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core import api_rules

STATES = ("online", "offline", "never", "unknown", "unasked")
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


class ForgivingForm(forms.Form):
    """A query whose wrong values never cost the page: each falls back to the value in `fallbacks`, and that is said."""

    fallbacks: ClassVar[dict[str, Any]] = {}

    def settle(self, *, rows: int = api_rules.PAGE_SIZE) -> dict[str, Any]:
        """Validate, and give every field a usable value. Errors stay in `errors`.

        `rows`: how many this person wants on a page, where the address does not say. It counts on the first page only:
        "page 7" of an address has to be the same rows for whoever opens it.
        """
        self.is_valid()
        settled = {name: self.cleaned_data.get(name) or fallback for name, fallback in self.fallbacks.items()}
        if "size" in settled and settled["page"] == 1 and not self.data.get("size"):
            settled["size"] = rows
        return settled

    def fallen_back(self) -> list[str]:
        """A sentence for each value that was put aside."""
        said = {
            "page": _("That is not a page number. This is page 1."),
            "size": _("Rows per page go from 1 to %d. This page has %d.")
            % (api_rules.PAGE_SIZE_MAX, api_rules.PAGE_SIZE),
            "sort": _("The platform cannot sort by that. The order is its own."),
            "order": _("The order is ASC or DESC. This page is ascending."),
            "org": _("That is not an organization's id. This is your own organization."),
            "minutes": _("Minutes go from 1 to %d. These are the last %d.")
            % (api_rules.RECENT_MINUTES_MAX, api_rules.RECENT_MINUTES),
        }
        return [sentence for name, sentence in said.items() if name in self.errors]


def checked_field() -> forms.CharField:
    return forms.CharField(required=False, max_length=CHECKED_MAX)


def show_field() -> forms.ChoiceField:
    return forms.ChoiceField(required=False, choices=[(state, state) for state in STATES])


def org_field() -> forms.IntegerField:
    return forms.IntegerField(
        label=gettext_lazy("Organization"), required=False, min_value=1, max_value=api_rules.INT32_MAX
    )


def query_field(label: Any) -> forms.CharField:
    """What is searched for. No `maxlength` in the page: it would cut a pasted text without a word."""
    return forms.CharField(
        label=label,
        required=False,
        max_length=api_rules.QUERY_MAX,
        error_messages={
            "max_length": gettext_lazy("Search for at most %(limit_value)d characters. You typed %(show_value)d.")
        },
        widget=forms.TextInput(
            attrs={"type": "search", "autocomplete": "off", "spellcheck": "false", "maxlength": False}
        ),
    )


class SearchForm(ForgivingForm):
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


class PageForm(forms.Form):
    """Page and size of a tab's list; wrong values fall back to the first page."""

    page = forms.IntegerField(required=False, min_value=1, max_value=api_rules.INT32_MAX)
    size = forms.IntegerField(required=False, min_value=1, max_value=api_rules.PAGE_SIZE_MAX)

    def settle(self) -> tuple[int, int]:
        self.is_valid()
        return self.cleaned_data.get("page") or 1, self.cleaned_data.get("size") or api_rules.PAGE_SIZE


class OnlineForm(forms.Form):
    """What the page knows already when it asks for the online state alone: see `identity.never_connected`."""

    last = forms.IntegerField(required=False, min_value=0, max_value=api_rules.INT64_MAX)

    def reported(self) -> int | None:
        """Epoch milliseconds, None where it was not told."""
        return self.cleaned_data["last"] if self.is_valid() else None


class TimelineForm(PageForm):
    type = forms.ChoiceField(required=False, choices=[(name, name) for name in api_rules.EVENT_TYPES])


class VisibleForm(ForgivingForm):
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


class RecentForm(ForgivingForm):
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


class PickForm(forms.Form):
    """What somebody types to find a person or an organization."""

    q = query_field(gettext_lazy("Name or e-mail"))
