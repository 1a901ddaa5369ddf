"""What cannot be undone: deleting a device, erasing its data. First a receipt; then sent once, and read back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from msgspec import structs

from devices.audit import log as audit_log
from devices.audit.log import Facts
from devices.changes.deletion_pages import (
    CLEAR,
    DELETE,
    Harm,
    blind_page,
    confirm_form,
    decision_page,
    first_form,
    held,
)
from devices.changes.deletion_receipt import Collected, collect
from devices.changes.device_lock import Busy, turn
from devices.changes.forms import ConfirmForm
from devices.changes.pipeline import (
    BUSY_STATUS,
    busy,
    desk_of,
    mark,
    not_made,
    renew,
    unknown,
    went_through,
)
from devices.changes.redisplay import keep_form
from devices.changes.service import Done, carry_out, sent_before
from devices.core.navigation import home
from devices.core.requests import DeviceRequest, require
from devices.core.responses import move_on
from devices.core.text import clean, sentences, shorten
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, NotFound, Rejected
from devices.gateway.types import BaseInfo
from devices.receipts import store as receipt_store
from devices.ui.degraded_form import form_page

Show = Callable[..., HttpResponse]


@require_http_methods(["GET", "HEAD", "POST"])
@form_page(gettext_lazy("Delete the device"))
def device_delete(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`DELETE /device`. A device that is gone by then counts as deleted, by whomever."""
    require(request, "delete_device")
    if request.method == "POST":
        return _sent(request, device_id, DELETE)
    info = request.gateway.fresh().get_base_info(device_id)
    return decision_page(request, DELETE, first_form(request, info), info=info)


@require_http_methods(["GET", "HEAD", "POST"])
@form_page(gettext_lazy("Erase data"))
def device_clear(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`DELETE /device/clear`: history, timeline and statistics."""
    require(request, "clear_device")
    if request.method == "POST":
        return _sent(request, device_id, CLEAR)
    info = request.gateway.fresh().get_base_info(device_id)
    return decision_page(request, CLEAR, first_form(request, info), info=info)


def _sent(request: DeviceRequest, device_id: int, harm: Harm) -> HttpResponse:
    form_id = request.POST.get("form_id", "")
    facts = Facts(operation=harm.operation, device_id=device_id, reason=request.POST.get("reason", ""))
    done = sent_before(desk_of(request), facts, form_id=form_id)
    if done is not None and not done.rejected:
        return _told(request, done)
    try:
        info = request.gateway.fresh().get_base_info(device_id)
    except NotFound as error:
        return _gone(request, facts, error)
    except GatewayError as error:
        form = confirm_form(None, request.POST)
        form.full_clean()
        return keep_form(form, error, partial(blind_page, request, harm, device_id, form))
    form = confirm_form(info, request.POST)
    page = partial(decision_page, request, harm, form, info=info)
    if not form.is_valid():
        changed_meanwhile(form, info)
        return page(status=422)
    if done is not None:
        not_made(form, done)
        return page(status=BUSY_STATUS)
    if changed_meanwhile(form, info):
        return page(status=BUSY_STATUS)
    try:
        return _receipt_first(request, harm, info, form, page)
    except NotFound as error:
        # Refused as it was sent: that is written down already.
        return _gone(request, facts, error, noted=error.operation == harm.operation)


def _receipt_first(request: DeviceRequest, harm: Harm, info: BaseInfo, form: ConfirmForm, page: Show) -> HttpResponse:
    collected = collect(request, harm, info, form)
    if collected.page_url:
        return move_on(request, collected.page_url)
    missing = collected.progress.missing
    if not form.agrees_to(missing):
        words = _(
            "The receipt is not complete, so nothing was done yet. Send the form again to try once more, or go on "
            "without what is missing."
        )
        form.add_error("without", words)
        return page(missing=missing, status=422)

    def again(**more: Any) -> HttpResponse:
        collected.follow(request, form)
        return page(**{"missing": missing} | more)

    try:
        with turn(info.id, request.gateway.left()):
            return _carried_out(request, harm, form, collected, again)
    except Busy:
        busy(form)
        return again(status=BUSY_STATUS)
    except Rejected as refusal:
        form.add_error(None, str(harm.refused) % clean(refusal.api_message))
        renew(form)
        return again(status=422)
    except GatewayError as error:
        return keep_form(form, error, again)


def _carried_out(
    request: DeviceRequest, harm: Harm, form: ConfirmForm, collected: Collected, page: Show
) -> HttpResponse:
    """With the device's turn held: what it is now and what is sent belong together."""
    desk, device_id = desk_of(request), collected.progress.device_id
    form_id = form.cleaned_data["form_id"]
    facts = Facts(operation=harm.operation, device_id=device_id, reason=form.cleaned_data["reason"])
    done = sent_before(desk, facts, form_id=form_id)
    if done is None or done.rejected:
        info = request.gateway.fresh().get_base_info(device_id)
        if changed_meanwhile(form, info):
            return page(info=info, status=BUSY_STATUS)
        facts = structs.replace(
            facts,
            device_name=info.name,
            org_id=info.org_id,
            before=harm.before(request.gateway.fresh(), device_id),
            receipt_hash=receipt_store.keep(collected.body, collected.progress),
        )
        done = carry_out(desk, facts, lambda gateway: harm.send(gateway, device_id), form_id=form_id)
    if done.rejected:
        not_made(form, done)
        return page(status=done.error.status if done.error else BUSY_STATUS)
    collected.forget()
    return _told(request, done)


def changed_meanwhile(form: ConfirmForm, info: BaseInfo) -> bool:
    """Whether the device is another's, elsewhere or named otherwise than when the form was opened; then it says so."""
    seen = form.data.get("seen", "")
    if not seen or seen == mark(held(info)):
        return False
    words = _("Somebody changed this device since you opened the page: its name, its owner or its organization.")
    again = _("Nothing was done. Look at what was read just now, and send the form again.")
    form.add_error(None, sentences(words, again))
    renew(form, held(info))
    return True


def _told(request: DeviceRequest, done: Done[Any]) -> HttpResponse:
    if not done.confirmed:
        return unknown(request, done)
    if done.entry.operation == CLEAR.operation:
        return went_through(request, done, reverse("devices:device-detail", args=[done.entry.device_id]))
    return went_through(request, done, home(request.access))


def _gone(request: DeviceRequest, facts: Facts, error: NotFound, *, noted: bool = False) -> HttpResponse:
    """A deletion that somebody set out to make is written down, though there was nothing to send any more."""
    if facts.operation != DELETE.operation or facts.device_id is None:
        raise error
    if not noted and not audit_log.noted_gone(request.access, facts.device_id):
        error.sent = False

        def send(gateway: Gateway) -> None:
            raise error

        with suppress(NotFound):
            carry_out(desk_of(request), structs.replace(facts, reason=shorten(facts.reason, 200)), send)
    return _gone_already(request, facts.device_id)


def _gone_already(request: DeviceRequest, device_id: int) -> HttpResponse:
    """What was wanted is so. The platform does not tell a deleted device from one that was moved out of reach."""
    said = _("Device %d was gone already: deleted, or moved out of your reach. There was nothing left to delete.")
    messages.info(request, said % device_id)
    return move_on(request, home(request.access))
