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
from devices.audit.log import ChangeIntent
from devices.changes.context import ChangeResult
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
from devices.changes.device_lock import DeviceLocked, device_lock
from devices.changes.forms import ConfirmForm
from devices.changes.pipeline import (
    CONFLICT,
    add_locked_error,
    add_not_applied_error,
    change_context,
    redirect_after_success,
    refresh_form_tokens,
    render_outcome_unknown,
    version_token,
)
from devices.changes.redisplay import redisplay_with_error
from devices.changes.service import execute, find_replay
from devices.core.navigation import home_url
from devices.core.requests import DeviceRequest, require
from devices.core.responses import redirect_to
from devices.core.text import clean, sentences, shorten
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, NotFound, Rejected
from devices.gateway.types import BaseInfo
from devices.receipts import store as receipt_store
from devices.ui.read_errors import degraded_form

Show = Callable[..., HttpResponse]


@require_http_methods(["GET", "HEAD", "POST"])
@degraded_form(gettext_lazy("Delete the device"))
def device_delete(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`DELETE /device`. A device that is gone by then counts as deleted, by whomever."""
    require(request, "delete_device")
    if request.method == "POST":
        return _sent(request, device_id, DELETE)
    info = request.gateway.fresh().get_base_info(device_id)
    return decision_page(request, DELETE, first_form(request, info), info=info)


@require_http_methods(["GET", "HEAD", "POST"])
@degraded_form(gettext_lazy("Erase data"))
def device_clear(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`DELETE /device/clear`: history, timeline and statistics."""
    require(request, "clear_device")
    if request.method == "POST":
        return _sent(request, device_id, CLEAR)
    info = request.gateway.fresh().get_base_info(device_id)
    return decision_page(request, CLEAR, first_form(request, info), info=info)


def _sent(request: DeviceRequest, device_id: int, harm: Harm) -> HttpResponse:
    idempotency_key = request.POST.get("idempotency_key", "")
    facts = ChangeIntent(operation=harm.operation, device_id=device_id, reason=request.POST.get("reason", ""))
    done = find_replay(change_context(request), facts, idempotency_key=idempotency_key)
    if done is not None and not done.rejected:
        return _told(request, done)
    try:
        info = request.gateway.fresh().get_base_info(device_id)
    except NotFound as error:
        return _gone(request, facts, error)
    except GatewayError as error:
        form = confirm_form(None, request.POST)
        form.full_clean()
        return redisplay_with_error(form, error, partial(blind_page, request, harm, device_id, form))
    form = confirm_form(info, request.POST)
    page = partial(decision_page, request, harm, form, info=info)
    if not form.is_valid():
        changed_meanwhile(form, info)
        return page(status=422)
    if done is not None:
        add_not_applied_error(form, done)
        return page(status=CONFLICT)
    if changed_meanwhile(form, info):
        return page(status=CONFLICT)
    try:
        return _receipt_first(request, harm, info, form, page)
    except NotFound as error:
        # Refused as it was sent: that is written down already.
        return _gone(request, facts, error, noted=error.operation == harm.operation)


def _receipt_first(request: DeviceRequest, harm: Harm, info: BaseInfo, form: ConfirmForm, page: Show) -> HttpResponse:
    collected = collect(request, harm, info, form)
    if collected.page_url:
        return redirect_to(request, collected.page_url)
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
        with device_lock(info.id, request.gateway.left()):
            return _carried_out(request, harm, form, collected, again)
    except DeviceLocked:
        add_locked_error(form)
        return again(status=CONFLICT)
    except Rejected as refusal:
        form.add_error(None, str(harm.refused) % clean(refusal.api_message))
        refresh_form_tokens(form)
        return again(status=422)
    except GatewayError as error:
        return redisplay_with_error(form, error, again)


def _carried_out(
    request: DeviceRequest, harm: Harm, form: ConfirmForm, collected: Collected, page: Show
) -> HttpResponse:
    """With the device's turn held: what it is now and what is sent belong together."""
    desk, device_id = change_context(request), collected.progress.device_id
    idempotency_key = form.cleaned_data["idempotency_key"]
    facts = ChangeIntent(operation=harm.operation, device_id=device_id, reason=form.cleaned_data["reason"])
    done = find_replay(desk, facts, idempotency_key=idempotency_key)
    if done is None or done.rejected:
        info = request.gateway.fresh().get_base_info(device_id)
        if changed_meanwhile(form, info):
            return page(info=info, status=CONFLICT)
        facts = structs.replace(
            facts,
            device_name=info.name,
            org_id=info.org_id,
            before=harm.before(request.gateway.fresh(), device_id),
            receipt_hash=receipt_store.keep(collected.body, collected.progress),
        )
        done = execute(desk, facts, lambda gateway: harm.send(gateway, device_id), idempotency_key=idempotency_key)
    if done.rejected:
        add_not_applied_error(form, done)
        return page(status=done.error.status if done.error else CONFLICT)
    collected.forget()
    return _told(request, done)


def changed_meanwhile(form: ConfirmForm, info: BaseInfo) -> bool:
    """Whether the device is another's, elsewhere or named otherwise than when the form was opened; then it says so."""
    seen = form.data.get("expected_version", "")
    if not seen or seen == version_token(held(info)):
        return False
    words = _("Somebody changed this device since you opened the page: its name, its owner or its organization.")
    again = _("Nothing was done. Look at what was read just now, and send the form again.")
    form.add_error(None, sentences(words, again))
    refresh_form_tokens(form, held(info))
    return True


def _told(request: DeviceRequest, done: ChangeResult[Any]) -> HttpResponse:
    if not done.confirmed:
        return render_outcome_unknown(request, done)
    if done.entry.operation == CLEAR.operation:
        return redirect_after_success(request, done, reverse("devices:device-detail", args=[done.entry.device_id]))
    return redirect_after_success(request, done, home_url(request.access))


def _gone(request: DeviceRequest, facts: ChangeIntent, error: NotFound, *, noted: bool = False) -> HttpResponse:
    """A deletion that somebody set out to make is written down, though there was nothing to send any more."""
    if facts.operation != DELETE.operation or facts.device_id is None:
        raise error
    if not noted and not audit_log.noted_gone(request.access, facts.device_id):
        error.sent = False

        def send(gateway: Gateway) -> None:
            raise error

        with suppress(NotFound):
            execute(change_context(request), structs.replace(facts, reason=shorten(facts.reason, 200)), send)
    return _gone_already(request, facts.device_id)


def _gone_already(request: DeviceRequest, device_id: int) -> HttpResponse:
    """What was wanted is so. The platform does not tell a deleted device from one that was moved out of reach."""
    said = _("Device %d was gone already: deleted, or moved out of your reach. There was nothing left to delete.")
    messages.info(request, said % device_id)
    return redirect_to(request, home_url(request.access))
