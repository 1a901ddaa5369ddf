"""Query string forms. A wrong value falls back to a default, with a notice on the page."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core import api_rules


class LenientQueryForm(forms.Form):
    """A query whose wrong values fall back to the value in `fallbacks`, each with a warning."""

    fallbacks: ClassVar[dict[str, Any]] = {}

    def clean_with_defaults(self, *, rows: int = api_rules.PAGE_SIZE) -> dict[str, Any]:
        """Validate, and give every field a usable value. Errors stay in `errors`.

        `rows`: this person's rows per page, if the address has no `size`. Used on the first page only: page 7 of an
        address has to show the same rows to everybody.
        """
        self.is_valid()
        values = {name: self.cleaned_data.get(name) or fallback for name, fallback in self.fallbacks.items()}
        if "size" in values and values["page"] == 1 and not self.data.get("size"):
            values["size"] = rows
        return values

    def warnings(self) -> list[str]:
        """A sentence for each value that was replaced."""
        sentences = {
            "page": _("That is not a page number. This is page 1."),
            "size": _("Rows per page go from 1 to %d. This page has %d.")
            % (api_rules.PAGE_SIZE_MAX, api_rules.PAGE_SIZE),
            "sort": _("The platform cannot sort by that. Its own order is shown."),
            "order": _("The order is ASC or DESC. This page is ascending."),
            "org": _("That is not an organization ID. This is your own organization."),
            "minutes": _("Minutes go from 1 to %d. These are the last %d.")
            % (api_rules.RECENT_MINUTES_MAX, api_rules.RECENT_MINUTES),
        }
        return [sentence for name, sentence in sentences.items() if name in self.errors]


def org_field() -> forms.IntegerField:
    return forms.IntegerField(
        label=gettext_lazy("Organization"), required=False, min_value=1, max_value=api_rules.INT32_MAX
    )


def query_field(label: Any) -> forms.CharField:
    """The search text. No `maxlength` in the page: it would silently cut a pasted text."""
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

    def clean_with_defaults(self) -> tuple[int, int]:
        self.is_valid()
        return self.cleaned_data.get("page") or 1, self.cleaned_data.get("size") or api_rules.PAGE_SIZE
