"""The form of a new device: template, name, organization, owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.changes.naming import NamingForm
from devices.core import api_rules

Choices = Sequence[tuple[str, str]]
"""(value, words) of each choice."""


class CreateForm(NamingForm):
    """What `POST /device/create` takes. `template_code` is the text id (TMPL...), not the number that devices carry.

    `templates` None: they cannot be read, so the id has to be typed. `organizations`: those to choose from; none for a
    text field. Without one, the platform takes the person's own. The view looks up organization and owner.
    """

    template_code = forms.CharField(
        label=gettext_lazy("Template"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )
    org_id = forms.IntegerField(
        label=gettext_lazy("Organization"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        min_value=1,
        max_value=api_rules.INT32_MAX,
        error_messages={
            "invalid": gettext_lazy("Enter the organization’s ID: a number."),
            "min_value": gettext_lazy("No organization has that ID: it is a number from 1 to 2147483647."),
            "max_value": gettext_lazy("No organization has that ID: it is a number from 1 to 2147483647."),
        },
    )
    owner = forms.CharField(
        label=gettext_lazy("Owner"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )
    idempotency_key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    field_order = ("template_code", "name", "org_id", "owner")

    def __init__(
        self, *args: Any, templates: Choices | None = None, organizations: Choices = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.templates = templates
        if templates is not None:
            self.fields["template_code"].widget = forms.Select(choices=[("", _("Choose a template")), *templates])
        if organizations:
            self.fields["org_id"].widget = forms.Select(choices=organizations)

    def clean_template_code(self) -> str:
        code: str = self.cleaned_data["template_code"]
        if not code:
            sentence = _("Enter the template's text ID.") if self.templates is None else _("Choose a template.")
            raise forms.ValidationError(sentence, code="required")
        if self.templates is not None and code not in dict(self.templates):
            raise forms.ValidationError(_("Choose one of the templates."), code="invalid_choice")
        if len(code) > api_rules.TEMPLATE_CODE_MAX:
            raise forms.ValidationError(
                _("A template's text ID has at most %d characters. This one has %d.")
                % (api_rules.TEMPLATE_CODE_MAX, len(code)),
                code="length",
            )
        return code
