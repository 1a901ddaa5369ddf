"""Changes to a device, in the words of the API's own rules."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.changes.naming import NamingForm, name_field
from devices.core import api_rules
from devices.core.text import clean
from devices.metafields import FieldView, InvalidValue

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]+)?")
"""What a browser's box for numbers can show, of what we send."""

Choices = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Groups of choices: the group's words, then (value, words) of each choice in it."""


def _within(text: str, limit: int) -> str:
    """`text`, if it is at most `limit` characters long. Raises a ValidationError that counts them."""
    if len(text) > limit:
        raise forms.ValidationError(
            _("Shorten this to %d characters. It has %d.") % (limit, len(text)), code="max_length"
        )
    return text


def _line(**attrs: str) -> forms.TextInput:
    """A field for one line. Without maxlength: a browser would cut what is pasted without a word."""
    return forms.TextInput(attrs={"autocomplete": "off", **attrs})


class ReasonForm(forms.Form):
    """Every change: why somebody makes it, which page of the form this is, and what it was opened with.

    `idempotency_key` makes it one sending however often it arrives; `seen` marks the value that its page showed as the present
    one (views/changing.py).
    """

    idempotency_key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())
    expected_version = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Goes into the portal’s trail of changes with your name. A ticket number is enough."),
        required=False,
        widget=_line(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.short: dict[str, str] = {}
        """By field: what the summary says where the words beside the field are many."""

    def clean_reason(self) -> str:
        return _within(self.cleaned_data["reason"], api_rules.REASON_MAX)


class RenameForm(NamingForm, ReasonForm):
    name = name_field(gettext_lazy("New name"))
    field_order = ("name", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = ""  # a short dialog, and the one change that is easily undone


class MetafieldForm(ReasonForm):
    """The new value of one metafield, always sent as text of at most 200 characters, checked by the field's type.

    A browser's box for numbers sends nothing for what it cannot read, such as 12,5, and nothing empties a field. So an
    empty number is taken only from a box for text (`as_text`), which the refusal brings.
    """

    value = forms.CharField(required=False, strip=False)
    as_text = forms.BooleanField(required=False)
    field_order = ("as_text", "value", "reason")

    def __init__(self, *args: Any, field: FieldView, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"auto_id": f"metafield-{field.id}-%s"})
        self.field = field
        self.fields["value"].label = field.name
        self.fields["reason"].help_text = ""

    @property
    def input_type(self) -> str:
        """The `type` of the input: for a number that is not one yet, or came without one, text."""
        if self.field.control != "number":
            return {"email": "email", "secret": "password"}.get(self.field.control, "text")
        value = self["value"].value() or ""
        return "number" if _NUMBER.fullmatch(value) or not (value or self.is_bound) else "text"

    def clean_value(self) -> str:
        if self.field.control == "number" and not self.cleaned_data["value"] and not self.cleaned_data["as_text"]:
            words = _("No number arrived. Enter one in plain digits, with a point for decimals, such as 21.5.")
            if self.field.lines and not self.field.mandatory:
                words = _("%s To empty the field, save it empty once more.") % words
            raise forms.ValidationError(words, code="empty")
        try:
            return self.field.check(self.cleaned_data["value"])
        except InvalidValue as problem:
            raise forms.ValidationError(str(problem), code="type") from problem


class ConfirmForm(ReasonForm):
    """The last step before something that cannot be undone: the device's name, typed, and a reason.

    `word`: what has to be typed, the device's id instead of its name if `by_id`; empty while it cannot be known. Blanks
    at the ends and doubled ones do not count, nor do the kinds of apostrophe.
    """

    told = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput())
    """Names of the parts that the page said would be missing from the receipt."""
    confirm = forms.CharField(
        label=gettext_lazy("Type the device name to confirm"),
        required=False,
        widget=_line(spellcheck="false", autocapitalize="off"),
    )
    without = forms.BooleanField(label=gettext_lazy("Go on without a complete receipt"), required=False)
    field_order = ("reason", "confirm", "without")

    def __init__(self, *args: Any, word: str, by_id: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.word = word
        if by_id:
            self.fields["confirm"].label = _("Type the device ID to confirm")

    def clean_reason(self) -> str:
        reason = super().clean_reason()
        if not reason:
            raise forms.ValidationError(_("Give a reason: this cannot be undone."), code="required")
        return reason

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if self.word and _folded(typed) != _folded(self.word):
            raise forms.ValidationError(_("Type exactly: %s") % self.word, code="differs")
        return typed

    def tell(self, missing: Collection[str]) -> None:
        """Note what its page says is missing. What was not said before has not been agreed to."""
        told = ",".join(sorted(missing))
        if not self.is_bound:
            self.initial["told"] = told
        elif self.data.get("told", "") != told:
            sent: Any = self.data
            data = sent.copy()
            data["told"] = told
            data.pop("without", None)
            self.data = data

    def agrees_to(self, missing: Collection[str]) -> bool:
        """Whether what is missing was told, and the person goes on without it."""
        told = self.cleaned_data["told"].split(",")
        return not missing or (self.cleaned_data["without"] and set(missing) <= set(told))


def _folded(name: str) -> str:
    return " ".join(api_rules.tidy_name(name).split())


class OwnerForm(ReasonForm):
    """Who shall own the device."""

    owner = forms.CharField(
        label=gettext_lazy("New owner"),
        help_text=gettext_lazy("E-mail or user ID; “me” for yourself"),
        required=False,
        widget=_line(spellcheck="false", autocapitalize="off"),
    )
    field_order = ("owner", "reason")


class OrganizationForm(ReasonForm):
    """Which organization shall have the device, by id.

    `known`: ids and names to choose from, none for a field.
    """

    org_id = forms.IntegerField(
        label=gettext_lazy("New organization"),
        widget=_line(spellcheck="false"),
        min_value=1,
        max_value=api_rules.INT32_MAX,
        error_messages={
            "required": gettext_lazy("Choose an organization, or enter its ID."),
            "invalid": gettext_lazy("Enter the organization’s ID: a number."),
            "min_value": gettext_lazy("No organization has that ID: it is a number from 1 to 2147483647."),
            "max_value": gettext_lazy("No organization has that ID: it is a number from 1 to 2147483647."),
        },
    )
    field_order = ("org_id", "reason")

    def __init__(self, *args: Any, known: Sequence[tuple[int, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.listed = bool(known)
        if known:
            self.fields["org_id"].widget = forms.Select(choices=[("", _("Choose an organization")), *known])
        else:
            self.fields["org_id"].help_text = _("Its ID; with a part of its name it is found.")


class EventForm(ReasonForm):
    """An event to trigger, typed by its code or chosen (`offer`)."""

    code = forms.CharField(
        label=gettext_lazy("Event"),
        required=False,
        widget=_line(spellcheck="false", autocapitalize="off"),
    )
    description = forms.CharField(label=gettext_lazy("Description"), required=False, widget=_line())
    field_order = ("code", "description", "reason")

    def offer(self, codes: Choices) -> None:
        """Choose among `codes`, if there are any. Another one that was sent stays chosen: the platform has the word."""
        if not codes:
            return
        typed = self["code"].value() or ""
        known = {code for _group, members in codes for code, _words in members}
        extra = [(typed, clean(typed))] if typed and typed not in known else []
        self.fields["code"].widget = forms.Select(choices=[("", _("Choose an event")), *extra, *codes])

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not code:
            raise forms.ValidationError(_("Choose or enter an event."), code="required")
        return _within(code, api_rules.EVENT_CODE_MAX)

    def clean_description(self) -> str:
        return _within(self.cleaned_data["description"], api_rules.EVENT_DESCRIPTION_MAX)
