"""Trigger an event of the device's template: `POST /device/trigger-event`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from devices.changes.forms import ChangeForm, line, within
from devices.changes.kinds import AnswersWith, ChangeKind, ChangeRequest, Example, Opens, Place, Subject, Words
from devices.changes.pipeline import render_form
from devices.core import api_rules
from devices.core.formatting import event_word
from devices.core.permissions import judge
from devices.core.requests import READ_METHODS, DeviceRequest, wants_partial
from devices.core.text import clean, shorten
from devices.directory.names import template_events
from devices.gateway.errors import ConcurrencyExceeded, GatewayError, RateLimited, Unauthorized, Unreachable
from devices.gateway.types import BaseInfo
from devices.ui.device_layout import device_layout_context
from devices.ui.read_errors import panel_error, try_read

TIMELINE_LOOKUP = 100
"""Entries of the timeline in which events are looked up that this device had before."""

Choices = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Groups of choices: the group's words, then (value, words) of each choice in it."""


class EventForm(ChangeForm):
    """An event to trigger, typed by its code or chosen (`offer`)."""

    code = forms.CharField(label=_("Event"), required=False, widget=line(spellcheck="false", autocapitalize="off"))
    description = forms.CharField(label=_("Description"), required=False, widget=line())
    field_order = ("code", "description", "reason")
    counters: ClassVar = {"description": api_rules.EVENT_DESCRIPTION_MAX}
    optional: ClassVar = ("description", "reason")

    def offer(self, codes: Choices) -> None:
        """Choose among `codes`, if there are any. Another code that was sent stays chosen: the platform decides."""
        if not codes:
            self.fields["code"].help_text = gettext("Its code, as the device’s template spells it")
            return
        typed = self["code"].value() or ""
        known = {code for _group, members in codes for code, _words in members}
        extra = [(typed, clean(typed))] if typed and typed not in known else []
        self.fields["code"].widget = forms.Select(choices=[("", gettext("Choose an event")), *extra, *codes])

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not code:
            raise forms.ValidationError(gettext("Choose or enter an event."), code="required")
        return within(code, api_rules.EVENT_CODE_MAX)

    def clean_description(self) -> str:
        return within(self.cleaned_data["description"], api_rules.EVENT_DESCRIPTION_MAX)


def render(
    change: ChangeRequest,
    form: EventForm,
    subject: Subject | None = None,
    *,
    resolved: Any = None,
    prepared: Any = None,
    status: int = 200,
) -> HttpResponse:
    """Without the device's name and its template's events people type the code. Where the platform cannot be asked at
    all, the form does not open, like every other."""
    request = change.request
    info = try_read(request.gateway, lambda gateway: gateway.fresh().get_base_info(change.device_id))
    if not isinstance(info, GatewayError):
        form.offer(_choices(request, info))
        return render_form(change, form, Subject(info, ""), status=status)
    if isinstance(info, Unreachable | ConcurrencyExceeded | RateLimited) and request.method in READ_METHODS:
        raise info
    form.offer(())
    layout = {}
    if not wants_partial(request):
        reads = {"online": info}
        layout = device_layout_context(request, change.device_id, tab="overview", info=info, reconciled=[], reads=reads)
        layout["heading_error"] = None  # the form says it
    read_error = panel_error(request, info, gettext("Trigger an event"))
    return render_form(change, form, layout=layout, read_error=read_error, status=status)


def _choices(request: DeviceRequest, info: BaseInfo) -> Choices:
    """The events that the device's template can trigger, those of its timeline first; none if they cannot be read."""
    events = template_events(request.gateway, request.access, info.template_id) or ()
    events = tuple(event for event in events if event.event_code)
    seen = _seen_events(request, info.id) if events else set()
    groups: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
    for event in events:
        words = gettext("%(name)s – %(kind)s, %(code)s") % {
            "name": shorten(clean(event.name), 60),
            "kind": event_word(event.type).text,
            "code": shorten(clean(event.event_code or ""), 60),
        }
        groups[event.id in seen].append((event.event_code or "", words))
    titles = {True: gettext("In this device’s timeline"), False: gettext("Other events of its template")}
    return [(titles[known], members) for known, members in groups.items() if members]


def _seen_events(request: DeviceRequest, device_id: int) -> set[int | None]:
    if not judge("list_timeline", request.access).allowed:
        return set()
    try:
        page = request.gateway.fresh().list_timeline(device_id, size=TIMELINE_LOOKUP)
    except Unauthorized:
        raise
    except GatewayError:
        return set()
    return {event.event_id for event in page.items}


TRIGGER_EVENT = ChangeKind(
    operation="trigger_event",
    name="trigger-event",
    path="trigger-event/",
    order=20,
    words=Words(
        label=_("Trigger an event"),
        about=_("Put one of the template’s events into the timeline, as if the device had sent it."),
        button=_("Trigger event"),
        title=_("Trigger an event"),
        submit=_("Trigger event"),
        busy=_("Triggering"),
        done=_(
            "The platform accepted the event %(target)s. It shows in the timeline within about a minute, and may be"
            " muted."
        ),
        not_done=_("The event %(target)s was not triggered."),
        unknown=_("It is not known whether the event %(target)s was triggered."),
        refused=_("The platform refused this event."),
        not_found=_("There is no such event in the template of this device."),
        rate_limited=_("Not triggered: the platform limits the events of a device and the calls of an organization."),
    ),
    icon="zap",
    shown=frozenset({Place.ACTIONS}),
    opens=Opens.DIALOG,
    answers_with=AnswersWith.NOTICE,
    destructive=False,
    form=EventForm,
    field="code",
    render=render,
    intent=lambda change, checked: {
        "target": checked.form.cleaned_data["code"],
        "after": checked.form.cleaned_data["description"],
    },
    send=lambda gateway, intent: gateway.trigger_event(intent.device_id or 0, intent.target, intent.after or None),
    observe=None,  # an entry of the timeline may be the device's own or somebody else's
    undo=None,
    page="devices:device-timeline",
    template="changes/_trigger_event.html",
    example=Example({"code": "door_open"}, device=7),
)
