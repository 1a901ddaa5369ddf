"""What a list is asked for: query, order, page. Wrong values fall back to sane ones and are said."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices import rules

PAGE_SIZES = (25, 50, 100, 200)


class SearchForm(forms.Form):
    """The list's query. Only `q` can be refused; a wrong page, size, order or organization falls back and is said."""

    q = forms.CharField(
        label=gettext_lazy("Search devices"),
        required=False,
        max_length=rules.QUERY_MAX,
        error_messages={
            "max_length": gettext_lazy("Search for at most %(limit_value)d characters. You typed %(show_value)d.")
        },
        widget=forms.TextInput(
            attrs={"type": "search", "autocomplete": "off", "spellcheck": "false", "maxlength": False}
        ),
    )
    org = forms.IntegerField(label=gettext_lazy("Organization"), required=False, min_value=1, max_value=rules.INT32_MAX)
    sub_orgs = forms.BooleanField(label=gettext_lazy("Include sub-organizations"), required=False)
    sort = forms.ChoiceField(
        label=gettext_lazy("Sort by"),
        required=False,
        choices=[("", gettext_lazy("The platform’s order")), *((name, name) for name in rules.SORT_FIELDS)],
    )
    order = forms.ChoiceField(
        label=gettext_lazy("Order"),
        required=False,
        choices=[("ASC", gettext_lazy("Ascending")), ("DESC", gettext_lazy("Descending"))],
    )
    page = forms.IntegerField(required=False, min_value=1, max_value=rules.INT32_MAX)
    size = forms.IntegerField(required=False, min_value=1, max_value=rules.PAGE_SIZE_MAX)

    fallbacks: ClassVar[dict[str, Any]] = {
        "org": None,
        "sub_orgs": False,
        "sort": "",
        "order": "ASC",
        "page": 1,
        "size": rules.PAGE_SIZE,
    }

    def settle(self) -> dict[str, Any]:
        """Validate, and give every field a usable value. Errors stay in `errors`."""
        self.is_valid()
        data = self.cleaned_data
        return {name: data.get(name) or fallback for name, fallback in self.fallbacks.items()} | {
            "q": (data.get("q") or "").strip()
        }

    def fallen_back(self) -> list[str]:
        """A sentence for each value that was put aside."""
        said = {
            "page": _("That is not a page number. This is page 1."),
            "size": _("Rows per page go from 1 to %d. This page has %d.") % (rules.PAGE_SIZE_MAX, rules.PAGE_SIZE),
            "sort": _("The platform cannot sort by that. The order is its own."),
            "order": _("The order is ASC or DESC. This page is ascending."),
            "org": _("That is not an organization's id. This is your own organization."),
        }
        return [sentence for name, sentence in said.items() if name in self.errors]


class PageForm(forms.Form):
    """Page and size of a tab's list; wrong values fall back to the first page."""

    page = forms.IntegerField(required=False, min_value=1, max_value=rules.INT32_MAX)
    size = forms.IntegerField(required=False, min_value=1, max_value=rules.PAGE_SIZE_MAX)

    def settle(self) -> tuple[int, int]:
        self.is_valid()
        return self.cleaned_data.get("page") or 1, self.cleaned_data.get("size") or rules.PAGE_SIZE


class TimelineForm(PageForm):
    type = forms.ChoiceField(required=False, choices=[(name, name) for name in rules.EVENT_TYPES])
