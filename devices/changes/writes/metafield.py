"""Edit a metafield in its row: `POST /device/metafield`."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_htmx.http import reswap, retarget

from devices.audit.models import AuditEntry
from devices.changes.context import ChangeResult
from devices.changes.forms import ChangeForm
from devices.changes.kinds import AnswersWith, ChangeKind, ChangeRequest, Checked, Example, Opens, Subject, Undo, Words
from devices.changes.pipeline import handle, redirect_after_success
from devices.changes.verification import Observation, ObservedState
from devices.core.permissions import judge
from devices.core.requests import require, wants_partial
from devices.core.responses import SeeOther, answer
from devices.core.text import sentences
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound, Unauthorized
from devices.gateway.types import BaseInfo, Metafield
from devices.metafields import FieldView, InvalidValue, present, view_of
from devices.ui.change_notice import view_of_entry
from devices.ui.device_actions import change_url_names
from devices.ui.device_layout import device_layout_context
from devices.ui.read_errors import is_panel_local, panel_error, with_retry_after

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]+)?")
"""What a browser's number field can show, of what we send."""


class MetafieldForm(ChangeForm):
    """The new value of one metafield, always sent as text of at most 200 characters, checked by the field's type.

    A browser's number field sends nothing for what it cannot read, such as 12,5, and nothing empties a field. So an
    empty number is taken only from a text field (`as_text`), which the refusal brings.
    """

    value = forms.CharField(required=False, strip=False)
    as_text = forms.BooleanField(required=False)
    field_order = ("as_text", "value", "reason")
    error_field: ClassVar = "value"

    def __init__(self, *args: Any, field: FieldView, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"auto_id": f"metafield-{field.id}-%s"})
        self.field = field
        self.fields["value"].label = field.name
        self.fields["reason"].help_text = ""

    @property
    def input_type(self) -> str:
        """The `type` of the input: text for a number that is not one yet, or that came without one."""
        if self.field.control != "number":
            return {"email": "email", "secret": "password"}.get(self.field.control, "text")
        value = self["value"].value() or ""
        return "number" if _NUMBER.fullmatch(value) or not (value or self.is_bound) else "text"

    def clean_value(self) -> str:
        if not self.field.editable:
            raise forms.ValidationError(self.field.why_not, code="read_only")
        if self.field.control == "number" and not self.cleaned_data["value"] and not self.cleaned_data["as_text"]:
            words = gettext("No number arrived. Enter one in plain digits, with a point for decimals, such as 21.5.")
            if self.field.lines and not self.field.mandatory:
                words = gettext("%s To empty the field, save it empty once more.") % words
            raise forms.ValidationError(words, code="empty")
        try:
            return self.field.check(self.cleaned_data["value"])
        except InvalidValue as problem:
            raise forms.ValidationError(str(problem), code="type") from problem


# --- the field, read now ----------------------------------------------------------------------------------------------


def _find(gateway: Gateway, device_id: int, metafield_id: str) -> Metafield | None:
    return next((each for each in gateway.list_metafields(device_id) if str(each.id) == metafield_id), None)


def _field(change: ChangeRequest) -> FieldView:
    """The metafield, read now. Raises NotFound when the device has none of that id."""
    found = _find(change.context.gateway, change.device_id, change.target)
    if found is None:
        raise NotFound(operation="list_metafields", request_id=change.request.request_id)
    return present(found)


def read(change: ChangeRequest) -> Subject:
    field = _field(change)
    info = BaseInfo(id=change.device_id, name="", template_id=0, org_id=0)
    if change.request.method == "POST":  # for the audit; the editor does without
        info = change.context.gateway.get_base_info(change.device_id)
    return Subject(info, field.present, "" if field.secret else ", ".join(field.lines), item=field)


def observe(gateway: Gateway, entry: AuditEntry, requested: str, before: str) -> Observation:
    """A secret is compared here and goes nowhere."""
    found = _find(gateway, entry.device_id or 0, entry.target)
    if found is None:
        return Observation(ObservedState.OTHER)
    view = view_of(found, likely=True)
    if entry.secret and view.masked:
        return Observation(ObservedState.INDETERMINATE, field=found)
    held = view.present if entry.secret else view.value
    same = ObservedState.BEFORE if held == before else ObservedState.OTHER
    state = ObservedState.REQUESTED if view.holds(requested) else same
    return Observation(state, "" if entry.secret else view.value, field=found)


# --- its row ----------------------------------------------------------------------------------------------------------


def metafield(change: ChangeRequest) -> HttpResponse:
    """The editor, or with `?row=on` the row that Cancel brings back."""
    request = change.request
    cancelled = request.method != "POST" and bool(request.GET.get("row"))
    if cancelled:
        require(request, "list_metafields")
        if not wants_partial(request):
            return SeeOther(reverse("devices:device-metafields", args=[change.device_id]))
    try:
        return _row(change, _field(change)) if cancelled else handle(change)
    except GatewayError as error:
        if request.method == "POST" or not wants_partial(request) or not is_panel_local(error):
            raise
        return _unread(change, error)


def editor(
    change: ChangeRequest,
    form: MetafieldForm,
    subject: Subject,
    *,
    resolved: Any = None,
    prepared: Any = None,
    status: int = 200,
) -> HttpResponse:
    request = change.request
    context = {"device_id": change.device_id, "field": form.field, "form": form, "ways": change_url_names(request)}
    if not wants_partial(request):
        info = subject.info if subject.info.name else None
        context = device_layout_context(request, change.device_id, tab="metafields", info=info) | context
    return answer(request, "changes/metafield.html", "changes/_metafield_form.html", context, status=status)


def row(change: ChangeRequest, subject: Subject, **more: Any) -> HttpResponse:
    return _row(change, subject.item, **more)


def _row(change: ChangeRequest, field: FieldView, **more: Any) -> HttpResponse:
    request = change.request
    context = {"field": field, "device_id": change.device_id, "edit": judge("set_metafield", request.access), **more}
    context["ways"] = change_url_names(request)
    return answer(request, "device_page/metafields.html", "device_page/_metafield_row.html", context)


def finish(change: ChangeRequest, result: ChangeResult) -> HttpResponse:
    """The row with what reads back now; the panel without script, or where the field cannot be read."""
    field = _read_back(change, result) if wants_partial(change.request) else None
    if field is None:
        return redirect_after_success(change.request, result, reverse(change.kind.page, args=[change.device_id]))
    entry = view_of_entry(change.request, result.entry)
    message = gettext("%(name)s saved. %(told)s") % {"name": field.name, "told": entry.explanation}
    return _row(change, field, message=message, done=entry)


def _read_back(change: ChangeRequest, result: ChangeResult) -> FieldView | None:
    if result.observation.field is not None:
        return present(result.observation.field)
    try:
        return _field(change)
    except Unauthorized:
        raise
    except GatewayError:
        return None


def read_failed(change: ChangeRequest, error: GatewayError) -> HttpResponse:
    """The field could not be read before the change, so there is no new form: the one on the page stays."""
    request = change.request
    if isinstance(error, Unauthorized | Forbidden | NotFound) or not wants_partial(request):
        raise error
    sentence = sentences(gettext(error.sentence), gettext("Nothing was changed. Save again in a moment."))
    page, fragment = "device_page/metafields.html", "changes/_metafield_read_failed.html"
    response = answer(request, page, fragment, {"sentence": sentence}, status=error.status)
    return with_retry_after(reswap(retarget(response, f"#metafield-{change.target}-error"), "innerHTML"), error)


def _unread(change: ChangeRequest, error: GatewayError) -> HttpResponse:
    """No editor, since the field cannot be read now: its row says so."""
    request = change.request
    context: dict[str, Any] = {"device_id": change.device_id, "metafield_id": int(change.target)}
    context["read_error"] = panel_error(request, error, gettext("Metafields"))
    page, fragment = "device_page/metafields.html", "changes/_metafield_unread.html"
    return with_retry_after(answer(request, page, fragment, context, status=error.status), error)


# --- the kind ---------------------------------------------------------------------------------------------------------


def intent(change: ChangeRequest, checked: Checked) -> dict[str, Any]:
    field: FieldView = checked.subject.item
    return {
        "target": str(field.id),
        "target_name": field.name,
        "before": field.present if field.secret else field.value,
        "after": checked.form.cleaned_data["value"],
        "secret": field.secret,
    }


def undo_obstacle(entry: AuditEntry, observation: Observation) -> str:
    """Why the former value cannot be put back although nobody changed it since; empty if it can."""
    if observation.field is None:
        return gettext("The device no longer has this metafield.")
    field = present(observation.field)
    if not field.editable:
        return field.why_not
    try:
        sent = field.check(entry.before)
    except InvalidValue as problem:
        return sentences(gettext("The former value cannot be put back."), str(problem))
    return "" if sent == entry.before else gettext("The former value cannot be put back as it was.")


SET_METAFIELD = ChangeKind(
    operation="set_metafield",
    name="metafield",
    path="metafields/<int64:target>/",
    order=15,
    words=Words(
        label=_("Edit metafield"),
        about=_("Change what is noted about the device."),
        button=_("Edit"),
        title=_("Edit metafield"),
        submit=_("Save"),
        busy=_("Saving"),
        done=_("%(target)s was set to %(after)s."),
        not_done=_("%(target)s was not changed."),
        unknown=_("It is not known whether %(target)s was changed."),
        refused=_("The platform refused this value for a field of this type."),
        unchanged=_("That is its value already. Nothing was sent."),
        done_secret=_("%(target)s was set to a new value."),
        done_empty=_("%(target)s was emptied."),
    ),
    icon="pencil",
    shown=frozenset(),
    opens=Opens.ROW,
    answers_with=AnswersWith.NOTICE,
    destructive=False,
    form=MetafieldForm,
    field="value",
    view=metafield,
    read=read,
    form_options=lambda subject: {"field": subject.item} if subject else {},
    initial=lambda subject: {"value": subject.item.value} if subject else {},
    unchanged=lambda subject, data: bool(subject.item.unchanged_by(data["value"])),
    holds=lambda subject, data: bool(subject.item.holds(data["value"])),
    intent=intent,
    send=lambda gateway, intent: gateway.set_metafield(intent.device_id or 0, int(intent.target), intent.after),
    observe=observe,
    undo=Undo("metafield", _("Edit the value"), obstacle=undo_obstacle),
    page="devices:device-metafields",
    render=editor,
    row=row,
    finish=finish,
    read_failed=read_failed,
    example=Example({"value": "Changed 1"}, device=9, target="3", after="Changed 1"),
)
