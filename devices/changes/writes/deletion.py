"""Delete a device (`DELETE /device`), erase its data (`DELETE /device/clear`): after a receipt of what it holds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from devices.audit import log as audit_log
from devices.audit.log import ChangeIntent
from devices.audit.models import AuditEntry
from devices.changes.context import ChangeResult
from devices.changes.form_state import redisplay_with_error
from devices.changes.kinds import AnswersWith, ChangeKind, ChangeRequest, Checked, Example, Opens, Place, Subject, Words
from devices.changes.pipeline import redirect_after_success, show
from devices.changes.service import execute
from devices.changes.verification import Observation, ObservedState
from devices.changes.writes.deletion_pages import ConfirmForm, confirm_options, confirm_page
from devices.changes.writes.deletion_receipt import Collected, collect, forget
from devices.core.formatting import number
from devices.core.navigation import home_url
from devices.core.permissions import ORG_VIEW_DEVICES, Access, judge
from devices.core.responses import redirect_to
from devices.core.text import shorten
from devices.directory.names import Names
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound
from devices.receipts import store as receipt_store

# --- both -------------------------------------------------------------------------------------------------------------


def read(change: ChangeRequest) -> Subject:
    """The device; the decision rests on its name, its owner and its organization."""
    info = change.context.gateway.get_base_info(change.device_id)
    return Subject(info, f"{info.name}\n{info.owner_user_id or 0}\n{info.org_id}")


def receipt_first(change: ChangeRequest, checked: Checked) -> Collected | HttpResponse:
    """The complete receipt, or one whose gaps the person has agreed to; else the page that says what is missing."""
    form: ConfirmForm = checked.form
    try:
        collected = collect(change.request, change.kind.operation, checked.subject.info, form)
    except NotFound as error:
        return gone(change, error)
    if collected.page_url:
        return redirect_to(change.request, collected.page_url)
    if form.agrees_to(collected.progress.missing):
        return collected
    words = gettext(
        "The receipt is not complete, so nothing was done yet. Send the form again to try once more, or go on without "
        "what is missing."
    )
    form.add_error("without", words)
    return confirm_page(change, form, checked.subject.info, missing=collected.progress.missing, status=422)


def render(
    change: ChangeRequest,
    form: ConfirmForm,
    subject: Subject | None,
    *,
    resolved: Any = None,
    prepared: Collected | None = None,
    status: int = 200,
) -> HttpResponse:
    missing = None
    if prepared:
        prepared.follow(change.request, form)
        missing = prepared.progress.missing
    return confirm_page(change, form, subject.info if subject else None, missing=missing, status=status)


def read_failed(change: ChangeRequest, error: GatewayError) -> HttpResponse:
    """The form alone: what was typed stays."""
    form = ConfirmForm(change.request.POST, word="")
    form.full_clean()
    return redisplay_with_error(form, error, lambda **more: show(change, form, **more))


def finish(change: ChangeRequest, result: ChangeResult) -> HttpResponse:
    request, operation = change.request, change.kind.operation
    forget(request, operation, change.device_id)
    cleared = operation == "clear_device"
    url = reverse("devices:device-detail", args=[change.device_id]) if cleared else home_url(request.access)
    return redirect_after_success(request, result, url)


# --- delete -----------------------------------------------------------------------------------------------------------


def gone(change: ChangeRequest, error: NotFound) -> HttpResponse:
    """Nothing is left to delete, which is what was wanted; the audit notes it once. The platform does not tell a
    deleted device from one that was moved out of reach. Raises `error` for any other change."""
    kind, context = change.kind, change.context
    if kind.operation != "delete_device":
        raise error
    recorded = error.operation == kind.operation  # refused as it was sent
    if not recorded and not audit_log.recently_recorded_gone(context.access, change.device_id):
        error.sent = False
        reason = shorten(change.request.POST.get("reason", ""), 200)
        intent = ChangeIntent(operation=kind.operation, device_id=change.device_id, reason=reason)
        with suppress(NotFound):
            execute(context, intent, lambda gateway: _raise(error))
    message = gettext("Device %d no longer exists, or was moved out of your reach. There was nothing left to delete.")
    messages.info(change.request, message % change.device_id)
    return redirect_to(change.request, home_url(change.request.access))


def _raise(error: GatewayError) -> None:
    raise error


def is_gone(gateway: Gateway, entry: AuditEntry, requested: str, before: str) -> Observation:
    try:
        info = gateway.get_base_info(entry.device_id or 0)
    except NotFound:
        return Observation(ObservedState.REQUESTED)
    return Observation(ObservedState.BEFORE, info.name, info)


def would_see_it(access: Access, entry: AuditEntry, observation: Observation) -> bool:
    """A 404 proves a deletion only to somebody who would see the device if it were still there."""
    if observation.state is not ObservedState.REQUESTED:
        return True
    return access.org_id == entry.person_org_id and (access.person == entry.person.key or access.has(ORG_VIEW_DEVICES))


def _delete_intent(change: ChangeRequest, checked: Checked) -> dict[str, Any]:
    return {"receipt_hash": receipt_store.store_receipt(checked.prepared.body, checked.prepared.progress)}


DELETE = ChangeKind(
    operation="delete_device",
    name="delete",
    path="delete/",
    order=80,
    words=Words(
        label=_("Delete device"),
        about=_("The device and everything recorded about it are deleted for good."),
        button=_("Delete"),
        title=_("Delete the device"),
        submit=_("Delete"),
        busy=_("Deleting"),
        done=_("%(device)s was deleted."),
        not_done=_("%(device)s was not deleted."),
        unknown=_("It is not known whether %(device)s was deleted."),
        refused=_("The platform refused to delete this device."),
        verified=_("Read back at %(time)s: the device no longer exists."),
        verified_after_loss=_("The platform’s reply was lost. Read back at %(time)s: the device no longer exists."),
        already_gone=_("The device no longer existed, or was out of reach. There was nothing left to delete."),
    ),
    icon="trash-2",
    shown=frozenset({Place.ACTIONS}),
    opens=Opens.PAGE,
    answers_with=AnswersWith.REDIRECT,
    destructive=True,
    form=ConfirmForm,
    field=None,
    read=read,
    form_options=lambda subject: confirm_options(subject.info if subject else None),
    before_lock=receipt_first,
    render=render,
    read_failed=read_failed,
    gone=gone,
    intent=_delete_intent,
    send=lambda gateway, intent: gateway.delete_device(intent.device_id or 0),
    observe=is_gone,
    proves=would_see_it,
    finish=finish,
    undo=None,
    example=Example({"reason": "example"}),
)


# --- erase data -------------------------------------------------------------------------------------------------------


class TimelineExtent(NamedTuple):
    """How far a timeline reaches: how many events, the times of the oldest and the newest (ms; 0 for none)."""

    total: int
    oldest: int = 0
    newest: int = 0

    @classmethod
    def read(cls, stored: str) -> TimelineExtent | None:
        """Out of what `str` made of it; None for anything else."""
        numbers = stored.split()
        return cls(*map(int, numbers)) if len(numbers) == 3 and all(each.isdecimal() for each in numbers) else None

    def __str__(self) -> str:
        return f"{self.total} {self.oldest} {self.newest}"


def timeline_extent(gateway: Gateway, device_id: int) -> TimelineExtent | None:
    """One call, two where there are events. None where its end cannot be found: no total, or it changes right now.

    Raises the GatewayError of a timeline that cannot be read.
    """
    newest = gateway.list_timeline(device_id, size=1)
    if not newest.items:
        return TimelineExtent(0)
    if not newest.total:
        return None
    oldest = gateway.list_timeline(device_id, page=newest.total - 1, size=1)
    if not oldest.items:
        return None
    return TimelineExtent(newest.total, max(oldest.items[-1].ts, 0), max(newest.items[0].ts, 0))


def is_cleared(gateway: Gateway, entry: AuditEntry, requested: str, before: str) -> Observation:
    """Of what is erased only the timeline can be read, and new events may have come since.

    So its ends are compared with those of before, both in the platform's own times. Where nothing was there before, or
    it could not be read then, nothing tells.
    """
    former = TimelineExtent.read(before)
    if former is None or not former.total:
        return Observation(ObservedState.INDETERMINATE)
    try:
        now = timeline_extent(gateway, entry.device_id or 0)
    except Forbidden:
        return Observation(ObservedState.INDETERMINATE)
    if now is None:
        return Observation(ObservedState.UNREAD)
    if not now.total or now.oldest > former.newest:
        return Observation(ObservedState.REQUESTED, str(now))
    return Observation(ObservedState.BEFORE if now.oldest <= former.oldest else ObservedState.UNREAD, str(now))


def extent_words(value: str, names: Names) -> str:
    extent = TimelineExtent.read(value)
    if extent is None:
        return value
    words = ngettext("%s event in the timeline", "%s events in the timeline", extent.total)
    return words % number(extent.total)


def _clear_intent(change: ChangeRequest, checked: Checked) -> dict[str, Any]:
    """`before`: what verifies it, empty where that cannot be read."""
    extent = None
    with suppress(GatewayError):
        extent = timeline_extent(change.context.gateway, change.device_id)
    return _delete_intent(change, checked) | {"before": str(extent or "")}


CLEAR = replace(
    DELETE,
    operation="clear_device",
    name="clear",
    path="clear/",
    order=70,
    words=Words(
        label=_("Erase data"),
        about=_("The history of values, the timeline and the statistics are deleted for good; the device stays."),
        button=_("Erase data"),
        title=_("Erase data"),
        submit=_("Erase data"),
        busy=_("Erasing"),
        done=_("The data of %(device)s was erased."),
        not_done=_("The data of %(device)s was not erased."),
        unknown=_("It is not known whether the data of %(device)s was erased."),
        refused=_("The platform refused to erase the data."),
        verified=_("Read back at %(time)s: the timeline was erased."),
        verified_after_loss=_("The platform’s reply was lost. Read back at %(time)s: the timeline was erased."),
    ),
    icon="eraser",
    intent=_clear_intent,
    send=lambda gateway, intent: gateway.clear_device(intent.device_id or 0),
    observe=is_cleared,
    proves=lambda access, entry, observation: judge("list_timeline", access).allowed,
    describe=extent_words,
    example=Example({"reason": "example"}, device=1),
)
