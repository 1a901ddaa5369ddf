"""Metafields of a device: their rows, and the editing of one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods
from msgspec import structs

from devices.audit.log import ChangeIntent
from devices.changes.context import ChangeResult
from devices.changes.device_lock import DeviceLocked, device_lock
from devices.changes.forms import MetafieldForm
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
    shorten_summary,
)
from devices.changes.service import execute, find_replay
from devices.core.permissions import judge
from devices.core.requests import DeviceRequest, require, unsent, wants_partial
from devices.core.responses import SeeOther, answer
from devices.core.text import clean, sentences
from devices.gateway.errors import Forbidden, GatewayError, NotFound, Rejected, Unauthorized
from devices.gateway.types import BaseInfo, Metafield
from devices.metafields import FieldView, view_of
from devices.ui.change_notice import view_of_entry
from devices.ui.device_layout import device_layout_context
from devices.ui.read_errors import degraded_form, panel_error, try_read, with_retry_after
from devices.ui.status_banner import gate_write, read_stamp, writes_disabled_reason


def field_views(request: DeviceRequest, found: Iterable[Metafield]) -> dict[str, Any]:
    """Context of the metafields panel."""
    fields = _views(found)
    return {
        "fields": fields,
        "count": len(fields),
        "missing_count": sum(field.missing for field in fields),
        "edit": gate_write(request, judge("set_metafield", request.access)),
        "ways": _ways(request),
        "read_at": read_stamp(request, "list_metafields"),
    }


def _ways(request: DeviceRequest) -> dict[str, str]:
    """The addresses of the forms for what is no metafield but the device's own, by `FieldView.instead`: of those only
    that this person may open now."""
    closed = writes_disabled_reason(request)
    operations = {"rename": "rename_device", "transfer-to-owner": "transfer_to_owner"}
    allowed = [way for way, operation in operations.items() if judge(operation, request.access).allowed and not closed]
    return {way: f"devices:device-{way}" for way in allowed}


def _fields(request: DeviceRequest, device_id: int) -> list[FieldView]:
    return _views(request.gateway.fresh().list_metafields(device_id))


def _views(found: Iterable[Metafield]) -> list[FieldView]:
    likely = settings.METAFIELDS_LIKELY
    return [view_of(field, likely=likely) for field in found]


def _field(request: DeviceRequest, device_id: int, metafield_id: int) -> FieldView:
    """The one metafield, read now. Raises NotFound when the device has none of that id."""
    for field in _fields(request, device_id):
        if field.id == metafield_id:
            return field
    raise NotFound(operation="list_metafields", request_id=request.request_id)


@require_http_methods(["GET", "HEAD", "POST"])
@degraded_form(gettext_lazy("Edit metafield"))
def device_metafield(request: DeviceRequest, device_id: int, metafield_id: int) -> HttpResponse:
    """GET: the editor of one metafield, or with `?row=on` its row. POST: `POST /device/metafield`, then its row."""
    if request.method != "POST" and request.GET.get("row"):
        return _row(request, device_id, metafield_id)
    require(request, "set_metafield")
    if request.method != "POST":
        field = try_read(request.gateway, lambda _gateway: _field(request, device_id, metafield_id))
        if isinstance(field, GatewayError):
            return _unread(request, device_id, metafield_id, field)
        form = MetafieldForm(
            initial={"value": field.value} | concurrency_fields(field.present) | unsent(request, "value", "reason"),
            field=field,
        )
        return _editor(request, device_id, field, form)
    try:
        with device_lock(device_id, request.gateway.left()):
            return _change(request, device_id, metafield_id)
    except DeviceLocked:
        field = _field(request, device_id, metafield_id)
        form = MetafieldForm(request.POST, field=field)
        add_locked_error(form, field="value")
        return _editor(request, device_id, field, form, status=CONFLICT)


def _change(request: DeviceRequest, device_id: int, metafield_id: int) -> HttpResponse:
    """With the device's turn held: what it holds now and what is sent belong together."""
    typed = request.POST.get("value", "").strip()
    facts = ChangeIntent(operation="set_metafield", device_id=device_id, target=str(metafield_id))
    done = find_replay(
        change_context(request), facts, idempotency_key=request.POST.get("idempotency_key", ""), asked=typed
    )
    if done is not None and not done.rejected:
        return _ended(request, done)
    try:
        field, info = _field(request, device_id, metafield_id), request.gateway.fresh().get_base_info(device_id)
    except (Unauthorized, Forbidden, NotFound):
        raise
    except GatewayError as error:
        if not wants_partial(request):
            raise
        return _unsent(request, metafield_id, error)
    form = MetafieldForm(request.POST, field=field)
    page = partial(_editor, request, device_id, field, form)
    if not field.editable:
        form.add_error("value", field.why_not)
    if not form.is_valid():
        return page(status=422)
    if done is None and field.unchanged_by(form.cleaned_data["value"]):
        return _nothing_to_change(request, device_id, field)
    if done is None and is_conflict(form, field.present) and not field.holds(form.cleaned_data["value"]):
        _conflict(form, field)
        return page(status=409)
    try:
        done = done or _send(request, info, field, form)
    except Unauthorized:
        raise
    except GatewayError as error:
        form.add_error("value", _refused(error, field) if isinstance(error, Rejected) else _not_done(error))
        refresh_form_tokens(form)
        return with_retry_after(page(status=error.status), error)
    if not done.rejected:
        return _ended(request, done)
    add_not_applied_error(form, done, field="value", found="" if field.secret else None)
    return page(status=done.error.status if done.error else 409)


def _send(request: DeviceRequest, info: BaseInfo, field: FieldView, form: MetafieldForm) -> ChangeResult[None]:
    """Carry it out. A secret is compared with what reads back, and neither the old nor the new one is written down."""
    value = form.cleaned_data["value"]
    facts = ChangeIntent(
        operation="set_metafield",
        device_id=info.id,
        device_name=info.name,
        org_id=info.org_id,
        target=str(field.id),
        target_name=field.name,
        before=field.value,
        after=value,
        secret=field.secret,
        reason=form.cleaned_data["reason"],
    )
    if field.secret:
        facts = structs.replace(facts, before="", after="")
    return execute(
        change_context(request),
        facts,
        lambda gateway: gateway.set_metafield(info.id, field.id, value),
        idempotency_key=form.cleaned_data["idempotency_key"],
        asked=value,
        before=field.present,
    )


def _nothing_to_change(request: DeviceRequest, device_id: int, field: FieldView) -> HttpResponse:
    """What was just read is what was entered: nothing is sent, and nothing goes into the trail."""
    said = _("That is its value already. Nothing was sent.")
    if wants_partial(request):
        return _shown(request, device_id, field, unchanged=said)
    messages.info(request, said)
    return SeeOther(reverse("devices:device-metafields", args=[device_id]))


def _conflict(form: MetafieldForm, field: FieldView) -> None:
    if not field.secret:
        add_conflict_error(form, ", ".join(field.lines), form.cleaned_data["value"], field="value", held=field.present)
        return
    form.add_error(
        "value",
        _(
            "Somebody changed this since you opened the form. Nothing was changed by you. Enter your value again to"
            " replace theirs, or cancel to keep it."
        ),
    )
    shorten_summary(form, "value")
    refresh_form_tokens(form, field.present)


def _not_done(error: GatewayError) -> str:
    if error.retry_after is None:
        wait = _("Save again in a moment.")
    else:
        seconds = math.ceil(error.retry_after)
        wait = ngettext("Wait %d second and save again.", "Wait %d seconds and save again.", seconds) % seconds
    if isinstance(error, Forbidden | NotFound):
        wait = ""
    return sentences(_(error.sentence), _("Nothing was changed."), wait)


def _unsent(request: DeviceRequest, metafield_id: int, error: GatewayError) -> HttpResponse:
    """The field could not be read before the change, so there is no form to make anew: the one on the page stays."""
    response = answer(
        request,
        "device_page/metafields.html",
        "changes/_metafield_unsent.html",
        {"sentence": _not_done(error)},
        status=error.status,
    )
    response["HX-Retarget"] = f"#metafield-{metafield_id}-unsent"
    response["HX-Reswap"] = "innerHTML"
    return with_retry_after(response, error)


def _unread(request: DeviceRequest, device_id: int, metafield_id: int, error: GatewayError) -> HttpResponse:
    """No editor, since the field cannot be read now: its row says so, or for those without script the panel's slot."""
    if not wants_partial(request):
        raise error
    context = {
        "device_id": device_id,
        "metafield_id": metafield_id,
        "trouble": panel_error(request, error, _("Metafields")),
    }
    page, fragment = "device_page/metafields.html", "changes/_metafield_unread.html"
    return with_retry_after(answer(request, page, fragment, context, status=error.status), error)


def _row(request: DeviceRequest, device_id: int, metafield_id: int) -> HttpResponse:
    """What Cancel brings back. Without script there is no row alone, so it is the panel."""
    require(request, "list_metafields")
    if not wants_partial(request):
        return SeeOther(reverse("devices:device-metafields", args=[device_id]))
    field = try_read(request.gateway, lambda _gateway: _field(request, device_id, metafield_id))
    if isinstance(field, GatewayError):
        return _unread(request, device_id, metafield_id, field)
    return _shown(request, device_id, field)


def _shown(request: DeviceRequest, device_id: int, field: FieldView, **more: Any) -> HttpResponse:
    context = {"field": field, "device_id": device_id, "edit": judge("set_metafield", request.access), **more}
    context["ways"] = _ways(request)
    return answer(request, "device_page/metafields.html", "device_page/_metafield_row.html", context)


def _refused(refusal: GatewayError, field: FieldView) -> str:
    """The API's refusal beside the field: ours first, its own words after, as the untrusted text they are.

    Not for a secret: they may repeat it.
    """
    words = _("The platform refused this value for a field of type %s.") % field.label
    if field.secret:
        return words
    return sentences(words, clean(refusal.api_message))


def _ended(request: DeviceRequest, done: ChangeResult[Any]) -> HttpResponse:
    """It was made, which the row tells with what reads back now; or nobody knows."""
    if done.unknown:
        return render_outcome_unknown(request, done, fragment="changes/_metafield_unknown.html")
    device_id = done.entry.device_id or 0
    panel = reverse("devices:device-metafields", args=[device_id])
    field = _read_back(request, done) if wants_partial(request) else None
    if field is None:
        return redirect_after_success(request, done, panel)
    entry = view_of_entry(request, done.entry)
    said = _("%(name)s saved. %(told)s") % {"name": field.name, "told": entry.told}
    return _shown(request, device_id, field, said=said, done=entry)


def _read_back(request: DeviceRequest, done: ChangeResult[Any]) -> FieldView | None:
    """The field as the proof has read it; where this is not the first to tell of the change, as it is now."""
    if done.observation.field is not None:
        return view_of(done.observation.field, likely=settings.METAFIELDS_LIKELY)
    try:
        return _field(request, done.entry.device_id or 0, int(done.entry.target))
    except Unauthorized:
        raise
    except GatewayError:
        return None


def _editor(
    request: DeviceRequest, device_id: int, field: FieldView, form: MetafieldForm, *, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {"device_id": device_id, "field": field, "form": form, "ways": _ways(request)}
    if not wants_partial(request):
        context = device_layout_context(request, device_id, tab="metafields") | context
    return answer(request, "changes/metafield.html", "changes/_metafield_form.html", context, status=status)
