"""Forms of a page's query string. A wrong value falls back to a default, and the page says so."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core import api_rules


class LenientQueryForm(forms.Form):
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

    def warnings(self) -> list[str]:
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


class PageForm(forms.Form):
    """Page and size of a tab's list; wrong values fall back to the first page."""

    page = forms.IntegerField(required=False, min_value=1, max_value=api_rules.INT32_MAX)
    size = forms.IntegerField(required=False, min_value=1, max_value=api_rules.PAGE_SIZE_MAX)

    def settle(self) -> tuple[int, int]:
        self.is_valid()
        return self.cleaned_data.get("page") or 1, self.cleaned_data.get("size") or api_rules.PAGE_SIZE
