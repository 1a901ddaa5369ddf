"""Metafields of a device: their rows, and the editing of one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from devices.forms.changes import MetafieldForm
from devices.gateway.errors import GatewayError, NotFound, Rejected, Unauthorized
from devices.http import DeviceRequest, SeeOther, answer, clock_for, move_on, require, wants_partial
from devices.metafields import FieldView, view_of
from devices.permissions import judge
from devices.text import clean
from devices.views.record import recorded
from devices.views.shell import shell


def field_views(request: DeviceRequest, device_id: int) -> dict[str, Any]:
    """Context of the metafields panel: one call."""
    fields = _fields(request, device_id)
    return {
        "fields": fields,
        "missing_count": sum(field.missing for field in fields),
        "edit": judge("set_metafield", request.access),
        "read_at": clock_for(request).stamp(),
    }


def _fields(request: DeviceRequest, device_id: int) -> list[FieldView]:
    likely = settings.METAFIELDS_LIKELY
    return [view_of(field, likely=likely) for field in request.gateway.list_metafields(device_id)]


def _field(request: DeviceRequest, device_id: int, metafield_id: int) -> FieldView:
    """The one metafield, read now. Raises NotFound when the device has none of that id."""
    for field in _fields(request, device_id):
        if field.id == metafield_id:
            return field
    raise NotFound(operation="list_metafields", request_id=request.request_id)


@require_http_methods(["GET", "HEAD", "POST"])
def device_metafield(request: DeviceRequest, device_id: int, metafield_id: int) -> HttpResponse:
    """GET: the editor of one metafield, or with `?row=on` its row. POST: `POST /device/metafield`, then its row."""
    if request.method != "POST" and request.GET.get("row"):
        return _row(request, device_id, metafield_id)
    require(request, "set_metafield")
    field = _field(request, device_id, metafield_id)
    if request.method != "POST":
        form = MetafieldForm(initial={"value": field.value}, field=field)
        return _editor(request, device_id, field, form)
    form = MetafieldForm(request.POST, field=field)
    if not field.editable:
        form.add_error("value", field.why_not)
    elif form.is_valid():
        try:
            with recorded(request, "set_metafield", device_id, metafield=metafield_id):
                request.gateway.set_metafield(device_id, metafield_id, form.cleaned_data["value"])
        except Rejected as refusal:
            form.add_error("value", _refused(refusal, field))
    if form.errors:
        return _editor(request, device_id, field, form, status=422)
    return _saved(request, device_id, metafield_id, form.cleaned_data["value"])


def _row(request: DeviceRequest, device_id: int, metafield_id: int) -> HttpResponse:
    """What Cancel brings back. Without script there is no row alone, so it is the panel."""
    require(request, "list_metafields")
    if not wants_partial(request):
        return SeeOther(reverse("devices:device-metafields", args=[device_id]))
    return _shown(request, device_id, _field(request, device_id, metafield_id))


def _shown(request: DeviceRequest, device_id: int, field: FieldView, **more: Any) -> HttpResponse:
    context = {"field": field, "device_id": device_id, "edit": judge("set_metafield", request.access), **more}
    return answer(request, "devices/device_metafields.html", "devices/_metafield_row.html", context)


def _refused(refusal: Rejected, field: FieldView) -> str:
    """The API's refusal beside the field: ours first, its own words after, as the untrusted text they are.

    Not for a secret: they may repeat it.
    """
    words = _("The platform refused this value for a field of type %s.") % field.label
    if field.secret:
        return words
    return f"{words} {clean(refusal.api_message)}".strip()


def _saved(request: DeviceRequest, device_id: int, metafield_id: int, value: str) -> HttpResponse:
    """Read the field back: what the platform holds now is shown, not what was sent."""
    try:
        field: FieldView | None = _field(request, device_id, metafield_id)
    except Unauthorized:
        raise
    except GatewayError:
        field = None
    if field is None:
        said = _("Sent, and accepted. It could not be read back: look again in a moment.")
    else:
        said = _("%s saved. Read back %s.") % (field.name, clock_for(request).stamp())
    if field is None or not wants_partial(request):
        messages.success(request, said)
        return move_on(request, reverse("devices:device-metafields", args=[device_id]))
    return _shown(request, device_id, field, said=said)


def _editor(
    request: DeviceRequest, device_id: int, field: FieldView, form: MetafieldForm, *, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {"device_id": device_id, "field": field, "form": form}
    if not wants_partial(request):
        context = shell(request, device_id, tab="metafields") | context
    return answer(request, "devices/metafield_edit.html", "devices/_metafield_form.html", context, status=status)
