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
from devices.changes.device_lock import Busy, turn
from devices.changes.forms import ReasonForm
from devices.changes.pipeline import BUSY_STATUS, busy, desk_of, not_made, opened_with, renew, unknown, went_through
from devices.changes.redisplay import keep_form
from devices.changes.service import Done, carry_out, sent_before
from devices.changes.undo import can_undo, inverse, undone_by
from devices.changes.verification import LOOKS, Now, Reading
from devices.core.permissions import ALLOWED, Access, Verdict, judge, judge_here
from devices.core.requests import DeviceRequest, clock_for, require
from devices.core.responses import SeeOther, answer
from devices.core.text import clean, sentences
from devices.directory.names import names_for
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, NotFound, RateLimited, Rejected, Resting
from devices.metafields import InvalidValue, view_of
from devices.ui.audit_entry import OWNERS, value_words
from devices.ui.change_notice import view_of_entry
from devices.ui.read_errors import Trouble, attempt, trouble, waiting
from devices.ui.status_banner import closed_now

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
    if not can_undo(entry, audit_log.state_of(entry)):
        return SeeOther(reverse("audit:entry", args=[entry.pk]))  # which says why
    require(request, inverse(entry, "").operation, verdict=may_undo(request.access, entry))
    if (rest := closed_now(request)) and not undone_by(entry):
        return _resting(request, entry, rest)
    if request.method != "POST":
        reading = attempt(request.gateway, lambda gateway: _read(gateway.fresh(), entry))
        if isinstance(reading, GatewayError):
            return _unread(request, entry, reading)
        _require_here(request, entry, reading)
        form = ReasonForm(initial=opened_with(reading.found))
        return _page(request, entry, form, reading=reading)
    form = ReasonForm(request.POST)
    page = partial(_page, request, entry, form)
    if not form.is_valid():
        return page(status=422)
    try:
        with turn(entry.device_id or 0, request.gateway.left()):
            return _undo(request, entry, form, page)
    except Busy:
        busy(form)
        return page(status=BUSY_STATUS)
    except Rejected as refusal:
        form.add_error(None, sentences(_("The platform refused to take it back."), clean(refusal.api_message)))
        return page(status=422)
    except GatewayError as error:
        return keep_form(form, error, page)


def _resting(request: DeviceRequest, entry: AuditEntry, why: str) -> HttpResponse:
    """While nothing can be changed an undo is refused at once: neither read for, nor set out in the trail."""
    if request.method != "POST":
        return _page(request, entry, ReasonForm(initial={"form_id": audit_log.new_form_id()}), rest=why)
    form = ReasonForm(request.POST)
    form.add_error(None, sentences(why, _("Nothing was changed.")))
    renew(form)
    condition = request.gateway.condition()
    error = (RateLimited if condition.cool_down else Resting)(retry_after=max(condition) or None, sent=False)
    return waiting(_page(request, entry, form, rest=why, status=error.status), error)


def _unread(request: DeviceRequest, entry: AuditEntry, error: GatewayError) -> HttpResponse:
    """Without what the device holds now nothing is offered to be sent: the page says so, and asks again on a press."""
    request.tells_itself = True
    told = trouble(request, error, _("Undo"))
    return waiting(_page(request, entry, ReasonForm(), unread=told, status=error.status), error)


def _undo(
    request: DeviceRequest, entry: AuditEntry, form: ReasonForm, page: Callable[..., HttpResponse]
) -> HttpResponse:
    """With the device's turn held: what it holds now and what is sent belong together."""
    desk, data = desk_of(request), form.cleaned_data
    facts = inverse(entry, data["reason"])
    done = sent_before(desk, facts, form_id=data["form_id"])
    if done is None:
        again = audit_log.visible_to(request.access).get(pk=entry.pk)  # somebody may have had the turn before
        if undone_by(again):
            return _page(request, again, form, status=BUSY_STATUS)
        reading = _read(request.gateway.fresh(), entry)
        _require_here(request, entry, reading)
        if reading.now is not Now.ASKED:
            return page(reading=reading, status=BUSY_STATUS)
        if _hindrance(entry, reading):
            return page(reading=reading, status=422)
        facts = structs.replace(facts, before=reading.found)
        if reading.info:
            facts = structs.replace(facts, device_name=reading.info.name, org_id=reading.info.org_id)
        try:
            done = carry_out(desk, facts, _sender(entry, facts), form_id=data["form_id"])
        except NotFound:
            if facts.operation != "transfer_to_owner":
                raise
            form.add_error(None, _("The platform does not find the former owner, or the device. Nothing was changed."))
            return page(reading=reading, status=422)
    if done.confirmed:
        return went_through(request, done, _after(entry, done))
    if done.rejected:
        not_made(form, done)
        return page(status=done.error.status if done.error else BUSY_STATUS)
    return unknown(request, done)


def _sender(entry: AuditEntry, facts: audit_log.Facts) -> Callable[[Gateway], object]:
    device_id = entry.device_id or 0
    senders: dict[str, Callable[[Gateway], object]] = {
        "rename_device": lambda gateway: gateway.rename_device(device_id, facts.after),
        "set_metafield": lambda gateway: gateway.set_metafield(device_id, int(facts.target), facts.after),
        "transfer_to_owner": lambda gateway: gateway.transfer_to_owner(device_id, int(facts.after)),
        "remove_owner": lambda gateway: gateway.remove_owner(device_id),
    }
    return senders[facts.operation]


def _read(gateway: Gateway, entry: AuditEntry) -> Reading:
    """What the device holds now, beside what the change wrote. Raises what the reading raises."""
    return LOOKS[entry.operation](gateway, entry, entry.after)


def _require_here(request: DeviceRequest, entry: AuditEntry, reading: Reading) -> None:
    """The right again, now that the device's owner is known. A device without owner is a conflict, no refusal."""
    if reading.info is None:
        return
    verdict = may_undo(request.access, entry, reading.info.owner_user_id or 0)
    require(request, inverse(entry, "").operation, verdict=ALLOWED if verdict.closed else verdict)


def _hindrance(entry: AuditEntry, reading: Reading) -> str:
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


def _after(entry: AuditEntry, done: Done[Any]) -> str:
    """Where the person goes: to the device; to the record, where they may not see the device any more."""
    if done.reading.now is Now.GONE:
        return reverse("audit:entry", args=[done.entry.pk])
    page = "devices:device-metafields" if entry.operation == "set_metafield" else "devices:device-detail"
    return reverse(page, args=[entry.device_id])


def _page(
    request: DeviceRequest,
    entry: AuditEntry,
    form: ReasonForm,
    *,
    reading: Reading | None = None,
    rest: str = "",
    unread: Trouble | None = None,
    status: int = 200,
) -> HttpResponse:
    """`rest`: why nothing can be changed now, where that is so. `unread`: why nothing is known of the device now."""
    names = names_for(request.gateway, request.access)
    view = view_of_entry(request, entry)
    changed = reading is not None and reading.now is not Now.ASKED
    hindrance = _hindrance(entry, reading) if reading and not changed else ""
    context: dict[str, Any] = {
        "entry": view,
        "form": form,
        "from_words": value_words(entry, entry.after, names) or _("nothing"),
        "to_words": value_words(entry, entry.before, names) or _("nothing"),
        "changed": changed,
        "now_words": (value_words(entry, reading.found, names) or _("nothing")) if reading else "",
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


def _by_hand(entry: AuditEntry, reading: Reading | None) -> tuple[str, str] | None:
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
        if audit_log.state_of(row).outcome == audit_log.CONFIRMED:
            return view_of_entry(request, row)
    return None


def _notes(entry: AuditEntry, reading: Reading | None, names: Any) -> list[str]:
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
