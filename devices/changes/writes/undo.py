"""Undo a change: another change, the other way, made only while the device still holds what the first one wrote."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from msgspec import structs

from devices.audit import log as audit_log
from devices.audit.models import AuditEntry
from devices.changes.context import ChangeContext, ChangeResult, change_context
from devices.changes.device_lock import DeviceLocked, device_lock
from devices.changes.form_state import (
    add_locked_error,
    add_not_applied_error,
    concurrency_fields,
    redisplay_with_error,
    refresh_form_tokens,
)
from devices.changes.forms import ChangeForm
from devices.changes.kinds import Undo
from devices.changes.pipeline import CONFLICT, operation_of, redirect_after_success, render_outcome_unknown
from devices.changes.service import execute, find_replay
from devices.changes.undo import can_undo, competing_operations, inverse, may_undo, undone_by
from devices.changes.verification import Observation, ObservedState
from devices.core.permissions import ALLOWED
from devices.core.requests import DeviceRequest, clock_for, require
from devices.core.responses import SeeOther, answer
from devices.core.text import clean, sentences
from devices.directory.names import names_for
from devices.gateway.errors import CircuitOpen, GatewayError, NotFound, RateLimited, Rejected
from devices.ui.audit_entry import EntryView, value_words
from devices.ui.change_notice import view_of_entry
from devices.ui.read_errors import ReadError, panel_error, try_read, with_retry_after
from devices.ui.status_banner import writes_disabled_reason


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: DeviceRequest, entry_id: int) -> HttpResponse:
    """GET: from and to, as the device is now. POST: the change the other way, once, like any other change."""
    entry = audit_log.visible_entries(request.access).filter(pk=entry_id).first()
    if entry is None:
        raise Http404
    if not can_undo(entry, audit_log.entry_state(entry)):
        return SeeOther(reverse("audit:entry", args=[entry.pk]))  # which says why
    require(request, inverse(entry).operation, verdict=may_undo(request.access, entry))
    if (disabled := writes_disabled_reason(request)) and not undone_by(entry):
        return _disabled(request, entry, disabled)
    return _submit(request, entry) if request.method == "POST" else _open(request, entry)


def _open(request: DeviceRequest, entry: AuditEntry) -> HttpResponse:
    observation = try_read(request.gateway, lambda gateway: _observe(change_context(request), entry))
    if isinstance(observation, GatewayError):
        return _unread(request, entry, observation)
    _require_here(request, entry, observation)
    form = ChangeForm(initial=concurrency_fields(observation.observed_value))
    return _page(request, entry, form, observation=observation)


def _submit(request: DeviceRequest, entry: AuditEntry) -> HttpResponse:
    form = ChangeForm(request.POST)
    page = partial(_page, request, entry, form)
    if not form.is_valid():
        return page(status=422)
    try:
        with device_lock(entry.device_id or 0, request.gateway.left()):
            return _undo(request, entry, form, page)
    except DeviceLocked:
        add_locked_error(form)
        return page(status=CONFLICT)
    except Rejected as refusal:
        form.add_error(None, sentences(_("The platform refused to undo it."), clean(refusal.api_message)))
        return page(status=422)
    except GatewayError as error:
        return redisplay_with_error(form, error, page)


def _disabled(request: DeviceRequest, entry: AuditEntry, why: str) -> HttpResponse:
    """While changes are disabled an undo is refused at once: nothing is read, and nothing goes into the audit."""
    if request.method != "POST":
        return _page(request, entry, ChangeForm(initial=concurrency_fields(None)), disabled=why)
    form = ChangeForm(request.POST)
    form.add_error(None, sentences(why, _("Nothing was changed.")))
    refresh_form_tokens(form)
    status = request.platform_status
    error = (RateLimited if status.backoff else CircuitOpen)(retry_after=max(status) or None, sent=False)
    return with_retry_after(_page(request, entry, form, disabled=why, status=error.status), error)


def _unread(request: DeviceRequest, entry: AuditEntry, error: GatewayError) -> HttpResponse:
    """Nothing is offered without what the device holds now: the page says so, with a way to ask again."""
    unread = panel_error(request, error, _("Undo"))
    return with_retry_after(_page(request, entry, ChangeForm(), unread=unread, status=error.status), error)


def _undo(
    request: DeviceRequest, entry: AuditEntry, form: ChangeForm, page: Callable[..., HttpResponse]
) -> HttpResponse:
    """With the device's lock held: what it holds now and what is sent belong together."""
    context, data, kind = change_context(request), form.cleaned_data, operation_of(inverse(entry).operation)
    intent = inverse(entry, data["reason"])
    result = find_replay(context, intent, idempotency_key=data["idempotency_key"])
    if result is None:
        again = audit_log.visible_entries(request.access).get(pk=entry.pk)  # somebody may have had the lock before
        if undone_by(again):
            return _page(request, again, form, status=CONFLICT)
        observation = _observe(context, entry)
        _require_here(request, entry, observation)
        if observation.state is not ObservedState.REQUESTED:
            return page(observation=observation, status=CONFLICT)
        if _undo_of(entry).obstacle(entry, observation):
            return page(observation=observation, status=422)
        intent = structs.replace(intent, before=observation.observed_value)
        if info := observation.info:
            intent = structs.replace(intent, device_name=info.name, org_id=info.org_id)
        key = data["idempotency_key"]
        try:
            result = execute(context, intent, lambda gateway: kind.send(gateway, intent), idempotency_key=key)
        except NotFound:
            if kind.operation != "transfer_to_owner":
                raise
            form.add_error(None, _("The platform does not find the former owner, or the device. Nothing was changed."))
            return page(observation=observation, status=422)
    if result.confirmed:
        return redirect_after_success(request, result, _return_url(entry, result))
    if result.unknown:
        return render_outcome_unknown(request, result)
    add_not_applied_error(form, operation_of(entry.operation), result, field=None)
    return page(status=result.status)


def _undo_of(entry: AuditEntry) -> Undo:
    undo = operation_of(entry.operation).undo
    assert undo is not None  # noqa: S101 - `can_undo` has said so  # nosec B101
    return undo


def _observe(context: ChangeContext, entry: AuditEntry) -> Observation:
    """What the device holds now, compared with what the change wrote. Raises the GatewayError of the read."""
    how = operation_of(entry.operation).observe
    assert how is not None  # noqa: S101  # nosec B101
    return how(context.gateway, entry, entry.after, entry.before)


def _require_here(request: DeviceRequest, entry: AuditEntry, observation: Observation) -> None:
    """The permission again, now that the device's owner is known. A device without owner is a conflict, no denial."""
    if observation.info is None:
        return
    verdict = may_undo(request.access, entry, observation.info.owner_user_id or 0)
    require(request, inverse(entry).operation, verdict=ALLOWED if verdict.closed else verdict)


def _return_url(entry: AuditEntry, result: ChangeResult) -> str:
    """To the device; to the audit entry, where the person may no longer see the device."""
    if result.observation.state is ObservedState.GONE:
        return reverse("audit:entry", args=[result.entry.pk])
    return reverse(operation_of(entry.operation).page, args=[entry.device_id])


def _page(
    request: DeviceRequest,
    entry: AuditEntry,
    form: ChangeForm,
    *,
    observation: Observation | None = None,
    disabled: str = "",
    unread: ReadError | None = None,
    status: int = 200,
) -> HttpResponse:
    names = names_for(request.gateway, request.access)
    view, undo = view_of_entry(request, entry), _undo_of(entry)
    changed = observation is not None and observation.state is not ObservedState.REQUESTED
    obstacle = undo.obstacle(entry, observation) if observation and not changed else ""
    nothing = _("nothing")
    context = {
        "entry": view,
        "form": form,
        "from_words": value_words(entry, entry.after, names) or nothing,
        "to_words": value_words(entry, entry.before, names) or nothing,
        "now_words": (value_words(entry, observation.observed_value, names) or nothing) if observation else "",
        "changed": changed,
        "since": _changed_by(request, entry) if changed else None,
        "obstacle": obstacle,
        "disabled": disabled,
        "read_error": unread,
        "attempted": request.method == "POST",
        "by_hand": _by_hand(entry, observation) if changed or obstacle else None,
        "closed": changed or bool(obstacle) or bool(view.undone) or bool(unread),
        "notes": undo.notes(entry, observation, names),
        "read_at": clock_for(request).stamp(),
    }
    return answer(request, "changes/undo.html", "changes/_undo.html", context, status=status)


def _by_hand(entry: AuditEntry, observation: Observation | None) -> tuple[Any, str] | None:
    """Words and address of the form in which the former value can be entered again; None where there is none."""
    kind = operation_of(inverse(entry).operation)
    if entry.target and (observation is None or observation.field is None):
        return None
    args = [entry.device_id, entry.target] if entry.target else [entry.device_id]
    words = kind.words.label if kind.operation == "remove_owner" else _undo_of(entry).button
    return words, reverse(kind.url_name, args=args)


def _changed_by(request: DeviceRequest, entry: AuditEntry) -> EntryView | None:
    """The newest confirmed change of the same thing since, if the audit has one that this person may read."""
    later = audit_log.visible_entries(request.access).filter(
        device_id=entry.device_id, operation__in=competing_operations(entry), target=entry.target, pk__gt=entry.pk
    )
    for row in later.order_by("-pk")[:20]:
        if audit_log.entry_state(row).outcome == audit_log.CONFIRMED:
            return view_of_entry(request, row)
    return None
