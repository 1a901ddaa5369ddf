"""Changes to one device. GET shows the form (a dialog for htmx, a page otherwise), POST sends it to the API once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from msgspec import structs

from devices.audit.log import ChangeIntent
from devices.changes.context import ChangeResult
from devices.changes.device_lock import DeviceLocked, device_lock
from devices.changes.forms import RenameForm
from devices.changes.pipeline import (
    CONFLICT,
    add_conflict_error,
    add_locked_error,
    add_not_applied_error,
    change_context,
    concurrency_fields,
    is_conflict,
    redirect_after_success,
    refresh_form_tokens,
    render_outcome_unknown,
)
from devices.changes.redisplay import redisplay_with_error
from devices.changes.service import execute, find_replay
from devices.core import api_rules
from devices.core.formatting import name_of
from devices.core.requests import DeviceRequest, clock_for, require, unsent, wants_partial
from devices.core.responses import SeeOther, answer
from devices.core.return_url import from_list
from devices.core.text import clean, sentences, shorten
from devices.gateway.errors import Forbidden, GatewayError, NotFound, Rejected, Unauthorized
from devices.gateway.types import BaseInfo
from devices.ui.change_notice import view_of_entry
from devices.ui.device_layout import device_layout_context
from devices.ui.read_errors import degraded_form


@require_http_methods(["GET", "HEAD", "POST"])
@degraded_form(gettext_lazy("Rename device"))
def device_rename(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`PUT /device`, then the name as it reads back."""
    require(request, "rename_device")
    if request.method != "POST":
        info = request.gateway.fresh().get_base_info(device_id)
        initial = {"name": info.name} | concurrency_fields(info.name) | unsent(request, "name", "reason")
        return _rename_form(request, device_id, RenameForm(initial=initial), info=info)
    form = RenameForm(request.POST)
    if not form.is_valid():
        return _rename_form(request, device_id, form, status=422)
    page = partial(_rename_form, request, device_id, form)
    try:
        with device_lock(device_id, request.gateway.left()):
            return _rename(request, device_id, form, page)
    except DeviceLocked:
        add_locked_error(form)
        return page(status=CONFLICT)
    except Rejected as refusal:
        form.add_error("name", sentences(_("The platform refused this name."), clean(refusal.api_message)))
        refresh_form_tokens(form)
        return page(status=422)
    except GatewayError as error:
        return redisplay_with_error(form, error, page)


def _rename(
    request: DeviceRequest, device_id: int, form: RenameForm, page: Callable[..., HttpResponse]
) -> HttpResponse:
    """With the device's turn held: what it holds now and what is sent belong together."""
    desk, data = change_context(request), form.cleaned_data
    facts = ChangeIntent(operation="rename_device", device_id=device_id, after=data["name"], reason=data["reason"])
    done = find_replay(desk, facts, idempotency_key=data["idempotency_key"])
    if done is None:
        info = request.gateway.fresh().get_base_info(device_id)
        if data["name"] == info.name:
            return _named_so_already(request, device_id)
        if is_conflict(form, info.name):
            add_conflict_error(form, info.name, data["name"], field="name")
            return page(info=info, status=CONFLICT)
        facts = structs.replace(facts, device_name=info.name, org_id=info.org_id, before=info.name)
        done = execute(
            desk,
            facts,
            lambda gateway: gateway.rename_device(device_id, data["name"]),
            idempotency_key=data["idempotency_key"],
        )
    if done.confirmed:
        return _renamed(request, device_id, done)
    if done.rejected:
        add_not_applied_error(form, done)
        return page(status=done.error.status if done.error else 409)
    return render_outcome_unknown(request, done)


def _rename_form(
    request: DeviceRequest, device_id: int, form: RenameForm, *, info: BaseInfo | None = None, status: int = 200
) -> HttpResponse:
    """`info` is read unless given. A dialog does without it: what was typed is worth more than the present name."""
    context: dict[str, Any] = {"device_id": device_id, "form": form, "name_max": api_rules.NAME_MAX}
    if wants_partial(request):
        try:
            info = info or request.gateway.fresh().get_base_info(device_id)
            context |= {"device_name": name_of(info), "read_at": clock_for(request).stamp()}
        except (Unauthorized, Forbidden, NotFound):
            raise
        except GatewayError:
            context["device_name"] = _("could not be read")
    else:
        context = device_layout_context(request, device_id, tab="overview", info=info) | context
    return answer(request, "changes/rename.html", "changes/_rename.html", context, status=status)


def _renamed(request: DeviceRequest, device_id: int, done: ChangeResult[Any]) -> HttpResponse:
    if not wants_partial(request):
        return redirect_after_success(request, done, reverse("devices:device-detail", args=[device_id]))
    context = {
        "device_id": device_id,
        "device_name": clean(done.entry.after),
        "done": view_of_entry(request, done.entry),
    }
    if from_list(request):
        context["row_name"] = shorten(clean(done.entry.after))
        response = answer(request, "device_page/overview.html", "changes/_row_renamed.html", context)
        response["HX-Retarget"] = "#flash"  # not the row: another page of the list may stand there by now
        response["HX-Reswap"] = "outerHTML"
        response["HX-Trigger"] = "deviceChanged"
        return response
    response = answer(request, "device_page/overview.html", "ui/_device_title.html", context)
    # The form's target is its own dialog, where a refusal belongs; a success goes into the heading and closes it.
    response["HX-Retarget"] = "#device-title"
    response["HX-Reswap"] = "outerHTML"
    response["HX-Trigger"] = "deviceChanged"
    return response


def _named_so_already(request: DeviceRequest, device_id: int) -> HttpResponse:
    """What was just read is what was entered: nothing is sent, and nothing goes into the trail."""
    said = _("That is its name already. Nothing was sent.")
    if not wants_partial(request):
        messages.info(request, said)
        return SeeOther(reverse("devices:device-detail", args=[device_id]))
    response = answer(request, "device_page/overview.html", "ui/_unchanged.html", {"said": said})
    response["HX-Retarget"] = "#flash"
    response["HX-Reswap"] = "outerHTML"
    response["HX-Trigger"] = "deviceChanged"  # closes the dialog
    return response
