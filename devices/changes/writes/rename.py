"""Rename a device: `PUT /device`."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from devices.changes.forms import ChangeForm
from devices.changes.kinds import AnswersWith, ChangeKind, Example, Opens, Place, Undo, Words
from devices.changes.naming import NamingForm, name_field
from devices.changes.pipeline import read_device
from devices.changes.verification import reads_back
from devices.core import api_rules


class RenameForm(NamingForm, ChangeForm):
    name = name_field(_("New name"))
    field_order = ("name", "reason")
    counters: ClassVar = {"name": api_rules.NAME_MAX}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].help_text = ""  # a short dialog, and the change that is easiest to undo


RENAME = ChangeKind(
    operation="rename_device",
    name="rename",
    path="rename/",
    order=10,
    words=Words(
        label=_("Rename"),
        about=_("Change the name people see."),
        button=_("Rename"),
        title=_("Rename device"),
        submit=_("Rename device"),
        busy=_("Renaming"),
        done=_("Renamed to %(after)s."),
        not_done=_("%(device)s was not renamed."),
        unknown=_("It is not known whether %(device)s was renamed."),
        refused=_("The platform refused this name."),
        unchanged=_("That is its name already. Nothing was sent."),
    ),
    icon="pencil",
    shown=frozenset({Place.HEADING, Place.ACTIONS, Place.ROW_MENU}),
    opens=Opens.DIALOG,
    answers_with=AnswersWith.TITLE,
    destructive=False,
    form=RenameForm,
    field="name",
    read=read_device(lambda info: info.name),
    initial=lambda subject: {"name": subject.info.name} if subject else {},
    unchanged=lambda subject, data: bool(data["name"] == subject.info.name),
    intent=lambda change, checked: {"before": checked.subject.version, "after": checked.form.cleaned_data["name"]},
    send=lambda gateway, intent: gateway.rename_device(intent.device_id or 0, intent.after),
    observe=reads_back(lambda info: info.name),
    undo=Undo("name", _("Rename the device"), needs_value=True),
    example=Example({"name": "Changed 1"}, after="Changed 1"),
)
