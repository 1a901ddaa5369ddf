"""What the forms of all changes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core import api_rules


def within(text: str, limit: int) -> str:
    """`text`, if it has at most `limit` characters. Raises a ValidationError that counts them."""
    if len(text) > limit:
        raise forms.ValidationError(
            _("Shorten this to %d characters. It has %d.") % (limit, len(text)), code="max_length"
        )
    return text


def line(**attrs: str) -> forms.TextInput:
    """One line. Without maxlength: a browser would cut what is pasted without a word."""
    return forms.TextInput(attrs={"autocomplete": "off", **attrs})


class ChangeForm(forms.Form):
    """Every change: why it is made, and the tokens that make it one change.

    `idempotency_key` names one page of the form: submitted twice, it is one change. `expected_version` is a token of
    the value that the page showed (`pipeline.version_token`), to notice that somebody changed it since.
    """

    idempotency_key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())
    expected_version = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Goes into the portal’s audit with your name. A ticket number is enough."),
        required=False,
        widget=line(),
    )
    counters: ClassVar[Mapping[str, int]] = {}
    """Fields under which the generic template counts characters, and their limits."""
    error_field: ClassVar[str | None] = None
    """Beside which field the form says what is about none; None for its head."""
    optional: ClassVar[tuple[str, ...]] = ("reason",)
    """Fields that the generic template marks as optional."""
    suggestion = ""
    """A value near the refused one that would be taken."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.short: dict[str, str] = {}
        """By field: what the error summary says where the words beside the field are many."""

    def clean_reason(self) -> str:
        return within(self.cleaned_data["reason"], api_rules.REASON_MAX)

    @classmethod
    def typed_fields(cls) -> tuple[str, ...]:
        """Names of the fields that people fill in."""
        return tuple(name for name, each in cls.base_fields.items() if not each.widget.is_hidden)
