"""Removing the owner: a dialog, or a page of its own. The device stays where it is and belongs to nobody."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from msgspec import structs

from devices.audit.log import ChangeIntent
from devices.changes.confirmation import finish, owner_id
from devices.changes.device_lock import DeviceLocked, device_lock
from devices.changes.forms import ReasonForm
from devices.changes.pipeline import (
    CONFLICT,
    add_locked_error,
    add_not_applied_error,
    change_context,
    concurrency_fields,
    is_conflict,
    refresh_form_tokens,
)
from devices.changes.redisplay import redisplay_with_error
from devices.changes.service import execute, find_replay
from devices.core.formatting import name_of
from devices.core.permissions import judge_here
from devices.core.requests import DeviceRequest, clock_for, require, unsent, wants_partial
from devices.core.responses import answer
from devices.core.text import clean, sentences
from devices.directory.names import names_for
from devices.gateway.errors import GatewayError, Rejected
from devices.gateway.types import BaseInfo
from devices.ui.device_layout import device_layout_context
from devices.ui.read_errors import degraded_form


@require_http_methods(["GET", "HEAD", "POST"])
@degraded_form(gettext_lazy("Remove the owner"))
def device_remove_owner(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`DELETE /device/owner`. Whoever sees only what they own loses sight of the device by it."""
    require(request, "remove_owner")
    if request.method != "POST":
        info = request.gateway.fresh().get_base_info(device_id)
        form = ReasonForm(initial=concurrency_fields(owner_id(info)) | unsent(request, "reason"))
        return _removal(request, device_id, info, form, _closed(request, info))
    form = ReasonForm(request.POST)
    form.full_clean()
    try:
        with device_lock(device_id, request.gateway.left()):
            return _remove(request, device_id, form)
    except DeviceLocked:
        add_locked_error(form)
        return _removal(request, device_id, None, form, "", status=CONFLICT)


def _remove(request: DeviceRequest, device_id: int, form: ReasonForm) -> HttpResponse:
    """With the device's turn held: who owns it now and what is sent belong together."""
    facts = ChangeIntent(operation="remove_owner", device_id=device_id, reason=form.cleaned_data.get("reason", ""))
    idempotency_key = form.cleaned_data.get("idempotency_key", "")
    done = find_replay(change_context(request), facts, idempotency_key=idempotency_key)
    if done is not None and not done.rejected:
        return finish(request, done)
    try:
        info = request.gateway.fresh().get_base_info(device_id)
    except GatewayError as error:
        if not wants_partial(request):
            raise
        # A dialog has nothing but this form: what was typed is worth more than the facts beside it.
        return redisplay_with_error(form, error, partial(_removal, request, device_id, None, form, ""))
    closed = _closed(request, info)
    page = partial(_removal, request, device_id, info, form, closed)
    if closed:
        form.add_error(None, closed)
    if not form.is_valid():
        return page(status=422)
    if is_conflict(form, owner_id(info)):
        owner = names_for(request.gateway, request.access).owner(info.owner_user_id)
        words = _("Since you opened this, the owner has changed: it is %s now, and was not removed.") % owner
        form.add_error(None, sentences(words, _("Send the form again to remove them all the same, or cancel.")))
        return page(status=409)
    facts = structs.replace(facts, device_name=info.name, org_id=info.org_id, before=owner_id(info))
    try:
        done = execute(
            change_context(request),
            facts,
            lambda gateway: gateway.remove_owner(device_id),
            idempotency_key=idempotency_key,
        )
    except Rejected as refusal:
        form.add_error(None, sentences(_("The platform refused to remove the owner."), clean(refusal.api_message)))
        return page(status=422)
    except GatewayError as error:
        return redisplay_with_error(form, error, page)
    if not done.rejected:
        return finish(request, done)
    add_not_applied_error(form, done, found="")
    return page(status=done.error.status if done.error else 409)


def _closed(request: DeviceRequest, info: BaseInfo) -> str:
    """Why there is nothing to remove; empty where there is."""
    verdict = judge_here("remove_owner", request.access, info.owner_user_id)
    return verdict.why if verdict.closed else ""


def _removal(
    request: DeviceRequest, device_id: int, info: BaseInfo | None, form: ReasonForm, closed: str, *, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "device_id": device_id,
        "form": form,
        "closed": closed,
        "loses_sight": request.access.only_own,
    }
    if not wants_partial(request):
        info = info or request.gateway.fresh().get_base_info(device_id)
    if info:
        if form.is_bound:
            refresh_form_tokens(form, owner_id(info))
        names = names_for(request.gateway, request.access)
        context |= {
            "device_name": name_of(info),
            "owner": names.owner(info.owner_user_id),
            "organization": names.organization(info.org_id),
            "read_at": clock_for(request).stamp(),
        }
    if not wants_partial(request):
        context = device_layout_context(request, device_id, tab="overview", info=info) | context
    page, fragment = "changes/remove_owner.html", "changes/_remove_owner.html"
    return answer(request, page, fragment, context, status=status)
