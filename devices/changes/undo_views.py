"""Undoing a change: another change, the other way, made only while the device still holds what the first one wrote."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from msgspec import structs

from devices.audit import log as audit_log
from devices.audit.models import AuditEntry
from devices.changes.context import ChangeResult
from devices.changes.device_lock import DeviceLocked, device_lock
from devices.changes.forms import ReasonForm
from devices.changes.pipeline import (
    CONFLICT,
    add_locked_error,
    add_not_applied_error,
    change_context,
    concurrency_fields,
    redirect_after_success,
    refresh_form_tokens,
    render_outcome_unknown,
)
from devices.changes.redisplay import redisplay_with_error
from devices.changes.service import execute, find_replay
from devices.changes.undo import can_undo, inverse, undone_by
from devices.changes.verification import LOOKS, Observation, ObservedState
from devices.core.permissions import ALLOWED, Access, Verdict, judge, judge_here
from devices.core.requests import DeviceRequest, clock_for, require
from devices.core.responses import SeeOther, answer
from devices.core.text import clean, sentences
from devices.directory.names import names_for
from devices.gateway.client import Gateway
from devices.gateway.errors import CircuitOpen, GatewayError, NotFound, RateLimited, Rejected
from devices.metafields import InvalidValue, view_of
from devices.ui.audit_entry import OWNERS, value_words
from devices.ui.change_notice import view_of_entry
from devices.ui.read_errors import ReadError, panel_error, try_read, with_retry_after
from devices.ui.status_banner import writes_disabled_reason

FAMILIES = ({"rename_device"}, {"set_metafield"}, set(OWNERS))
"""Operations that change the same thing."""


def may_undo(access: Access, entry: AuditEntry, owner_id: int | None = None) -> Verdict:
    """Whether this person may make the change that undoes it. `owner_id`: of the device, where it was just read."""
    operation = inverse(entry, "").operation
    if operation == "transfer_to_owner":
        other = entry.before != str(access.user_id)
        return judge(operation, access, owner_id=owner_id, other=other)
    verdict = judge(operation, access, owner_id=owner_id)
    return judge_here(operation, access, owner_id) if verdict.allowed and owner_id is not None else verdict


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: DeviceRequest, entry_id: int) -> HttpResponse:
    """GET: from and to, as the device is now. POST: the change the other way, once, on the same rails as any other."""
    entry = audit_log.visible_to(request.access).filter(pk=entry_id).first()
    if entry is None:
        raise Http404
    if not can_undo(entry, audit_log.entry_state(entry)):
        return SeeOther(reverse("audit:entry", args=[entry.pk]))  # which says why
    require(request, inverse(entry, "").operation, verdict=may_undo(request.access, entry))
    if (rest := writes_disabled_reason(request)) and not undone_by(entry):
        return _resting(request, entry, rest)
    if request.method != "POST":
        reading = try_read(request.gateway, lambda gateway: _read(gateway.fresh(), entry))
        if isinstance(reading, GatewayError):
            return _unread(request, entry, reading)
        _require_here(request, entry, reading)
        form = ReasonForm(initial=concurrency_fields(reading.observed_value))
        return _page(request, entry, form, reading=reading)
    form = ReasonForm(request.POST)
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
        form.add_error(None, sentences(_("The platform refused to take it back."), clean(refusal.api_message)))
        return page(status=422)
    except GatewayError as error:
        return redisplay_with_error(form, error, page)


def _resting(request: DeviceRequest, entry: AuditEntry, why: str) -> HttpResponse:
    """While nothing can be changed an undo is refused at once: neither read for, nor set out in the trail."""
    if request.method != "POST":
        return _page(request, entry, ReasonForm(initial={"idempotency_key": audit_log.new_idempotency_key()}), rest=why)
    form = ReasonForm(request.POST)
    form.add_error(None, sentences(why, _("Nothing was changed.")))
    refresh_form_tokens(form)
    status = request.platform_status
    error = (RateLimited if status.backoff else CircuitOpen)(retry_after=max(status) or None, sent=False)
    return with_retry_after(_page(request, entry, form, rest=why, status=error.status), error)


def _unread(request: DeviceRequest, entry: AuditEntry, error: GatewayError) -> HttpResponse:
    """Without what the device holds now nothing is offered to be sent: the page says so, and asks again on a press."""
    told = panel_error(request, error, _("Undo"))
    return with_retry_after(_page(request, entry, ReasonForm(), unread=told, status=error.status), error)


def _undo(
    request: DeviceRequest, entry: AuditEntry, form: ReasonForm, page: Callable[..., HttpResponse]
) -> HttpResponse:
    """With the device's turn held: what it holds now and what is sent belong together."""
    desk, data = change_context(request), form.cleaned_data
    facts = inverse(entry, data["reason"])
    done = find_replay(desk, facts, idempotency_key=data["idempotency_key"])
    if done is None:
        again = audit_log.visible_to(request.access).get(pk=entry.pk)  # somebody may have had the turn before
        if undone_by(again):
            return _page(request, again, form, status=CONFLICT)
        reading = _read(request.gateway.fresh(), entry)
        _require_here(request, entry, reading)
        if reading.now is not ObservedState.REQUESTED:
            return page(reading=reading, status=CONFLICT)
        if _hindrance(entry, reading):
            return page(reading=reading, status=422)
        facts = structs.replace(facts, before=reading.observed_value)
        if reading.info:
            facts = structs.replace(facts, device_name=reading.info.name, org_id=reading.info.org_id)
        try:
            done = execute(desk, facts, _sender(entry, facts), idempotency_key=data["idempotency_key"])
        except NotFound:
            if facts.operation != "transfer_to_owner":
                raise
            form.add_error(None, _("The platform does not find the former owner, or the device. Nothing was changed."))
            return page(reading=reading, status=422)
    if done.confirmed:
        return redirect_after_success(request, done, _after(entry, done))
    if done.rejected:
        add_not_applied_error(form, done)
        return page(status=done.error.status if done.error else CONFLICT)
    return render_outcome_unknown(request, done)


def _sender(entry: AuditEntry, facts: audit_log.ChangeIntent) -> Callable[[Gateway], object]:
    device_id = entry.device_id or 0
    senders: dict[str, Callable[[Gateway], object]] = {
        "rename_device": lambda gateway: gateway.rename_device(device_id, facts.after),
        "set_metafield": lambda gateway: gateway.set_metafield(device_id, int(facts.target), facts.after),
        "transfer_to_owner": lambda gateway: gateway.transfer_to_owner(device_id, int(facts.after)),
        "remove_owner": lambda gateway: gateway.remove_owner(device_id),
    }
    return senders[facts.operation]


def _read(gateway: Gateway, entry: AuditEntry) -> Observation:
    """What the device holds now, beside what the change wrote. Raises what the reading raises."""
    return LOOKS[entry.operation](gateway, entry, entry.after)


def _require_here(request: DeviceRequest, entry: AuditEntry, reading: Observation) -> None:
    """The right again, now that the device's owner is known. A device without owner is a conflict, no refusal."""
    if reading.info is None:
        return
    verdict = may_undo(request.access, entry, reading.info.owner_user_id or 0)
    require(request, inverse(entry, "").operation, verdict=ALLOWED if verdict.closed else verdict)


def _hindrance(entry: AuditEntry, reading: Observation) -> str:
    """Why the former value cannot be put back although nobody has changed it since; empty if it can."""
    if entry.operation != "set_metafield":
        return ""
    if reading.field is None:
        return _("The device has no such metafield any more.")
    field = view_of(reading.field, likely=settings.METAFIELDS_LIKELY)
    if not field.editable:
        return field.why_not
    try:
        sent = field.check(entry.before)
    except InvalidValue as problem:
        return sentences(_("The former value cannot be put back."), str(problem))
    return "" if sent == entry.before else _("The former value cannot be put back as it was.")


def _after(entry: AuditEntry, done: ChangeResult[Any]) -> str:
    """Where the person goes: to the device; to the record, where they may not see the device any more."""
    if done.observation.now is ObservedState.GONE:
        return reverse("audit:entry", args=[done.entry.pk])
    page = "devices:device-metafields" if entry.operation == "set_metafield" else "devices:device-detail"
    return reverse(page, args=[entry.device_id])


def _page(
    request: DeviceRequest,
    entry: AuditEntry,
    form: ReasonForm,
    *,
    reading: Observation | None = None,
    rest: str = "",
    unread: ReadError | None = None,
    status: int = 200,
) -> HttpResponse:
    """`rest`: why nothing can be changed now, where that is so. `unread`: why nothing is known of the device now."""
    names = names_for(request.gateway, request.access)
    view = view_of_entry(request, entry)
    changed = reading is not None and reading.now is not ObservedState.REQUESTED
    hindrance = _hindrance(entry, reading) if reading and not changed else ""
    context: dict[str, Any] = {
        "entry": view,
        "form": form,
        "from_words": value_words(entry, entry.after, names) or _("nothing"),
        "to_words": value_words(entry, entry.before, names) or _("nothing"),
        "changed": changed,
        "now_words": (value_words(entry, reading.observed_value, names) or _("nothing")) if reading else "",
        "since": _changed_by(request, entry) if changed else None,
        "hindrance": hindrance,
        "rest": rest,
        "trouble": unread,
        "attempted": request.method == "POST",
        "by_hand": _by_hand(entry, reading) if changed or hindrance else None,
        "closed": changed or bool(hindrance) or bool(view.undone) or bool(unread),
        "notes": _notes(entry, reading, names),
        "read_at": clock_for(request).stamp(),
    }
    return answer(request, "changes/undo.html", "changes/_undo.html", context, status=status)


def _by_hand(entry: AuditEntry, reading: Observation | None) -> tuple[str, str] | None:
    """Words and address of the form in which the former value can be put back anew; None where there is none."""
    facts, device_id = inverse(entry, ""), entry.device_id
    if facts.operation == "set_metafield":
        if reading is None or reading.field is None:
            return None
        return _("Edit the value"), reverse("devices:device-metafield", args=[device_id, facts.target])
    forms = {
        "rename_device": (_("Rename the device"), "devices:device-rename"),
        "transfer_to_owner": (_("Change the owner"), "devices:device-transfer-to-owner"),
        "remove_owner": (_("Remove the owner"), "devices:device-remove-owner"),
    }
    words, name = forms[facts.operation]
    return words, reverse(name, args=[device_id])


def _changed_by(request: DeviceRequest, entry: AuditEntry) -> Any:
    """The newest change of the same thing since, if the trail knows one that this person may read about."""
    family = next(family for family in FAMILIES if entry.operation in family)
    later = audit_log.visible_to(request.access).filter(
        device_id=entry.device_id, operation__in=family, target=entry.target, pk__gt=entry.pk
    )
    for row in later.order_by("-pk")[:20]:
        if audit_log.entry_state(row).outcome == audit_log.CONFIRMED:
            return view_of_entry(request, row)
    return None


def _notes(entry: AuditEntry, reading: Observation | None, names: Any) -> list[str]:
    """What putting an owner back does not put back."""
    if entry.operation not in OWNERS or not entry.before:
        return []
    notes = [_("With a new owner the device may move to that person’s organization.")]
    info = reading.info if reading else None
    if info and entry.org_id is not None and info.org_id != entry.org_id:
        told = {"then": names.organization(entry.org_id), "now": names.organization(info.org_id)}
        notes.append(
            _(
                "Before the change the device was in %(then)s; now it is in %(now)s. Only the owner is put back: the"
                " platform decides in which organization the device is then."
            )
            % told
        )
    return notes
