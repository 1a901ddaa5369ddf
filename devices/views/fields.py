"""Metafields of a device: their rows, and the editing of one."""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from devices.forms.changes import MetafieldForm
from devices.gateway.errors import Forbidden, GatewayError, NotFound, Rejected, Unauthorized
from devices.http import DeviceRequest, SeeOther, answer, clock_for, move_on, require, wants_partial
from devices.metafields import FieldView, view_of
from devices.permissions import judge
from devices.text import clean, shorten
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
    try:
        field = _field(request, device_id, metafield_id)
    except (Unauthorized, Forbidden, NotFound):
        raise
    except GatewayError as error:
        if request.method != "POST" or not wants_partial(request):
            raise
        return _unsent(request, metafield_id, error)
    if request.method != "POST":
        form = MetafieldForm(initial={"value": field.value}, field=field)
        return _editor(request, device_id, field, form)
    form = MetafieldForm(request.POST, field=field)
    refusal: GatewayError | None = None
    if not field.editable:
        form.add_error("value", field.why_not)
    elif form.is_valid():
        refusal = _send(request, device_id, field, form)
    if not form.errors:
        return _saved(request, device_id, metafield_id, form.cleaned_data["value"])
    response = _editor(request, device_id, field, form, status=refusal.status if refusal else 422)
    return _retry_after(response, refusal)


def _send(request: DeviceRequest, device_id: int, field: FieldView, form: MetafieldForm) -> GatewayError | None:
    """The one call. What was not done is said beside the field; raises what may have been done all the same."""
    try:
        with recorded(request, "set_metafield", device_id, metafield=field.id):
            request.gateway.set_metafield(device_id, field.id, form.cleaned_data["value"])
    except Unauthorized:
        raise
    except GatewayError as error:
        if error.uncertain:
            raise
        form.add_error("value", _refused(error, field) if isinstance(error, Rejected) else _not_done(error))
        return error
    return None


def _not_done(error: GatewayError) -> str:
    if error.retry_after is None:
        wait = _("Save again in a moment.")
    else:
        seconds = math.ceil(error.retry_after)
        wait = ngettext("Wait %d second and save again.", "Wait %d seconds and save again.", seconds) % seconds
    if isinstance(error, Forbidden | NotFound):
        wait = ""
    return (_("%(sentence)s Nothing was changed. %(wait)s") % {"sentence": _(error.sentence), "wait": wait}).strip()


def _retry_after(response: HttpResponse, error: GatewayError | None) -> HttpResponse:
    if error is not None and error.retry_after is not None:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    return response


def _unsent(request: DeviceRequest, metafield_id: int, error: GatewayError) -> HttpResponse:
    """The field could not be read before the change, so there is no form to make anew: the one on the page stays."""
    response = answer(
        request,
        "devices/device_metafields.html",
        "devices/_metafield_unsent.html",
        {"sentence": _not_done(error)},
        status=error.status,
    )
    response["HX-Retarget"] = f"#metafield-{metafield_id}-unsent"
    response["HX-Reswap"] = "innerHTML"
    return _retry_after(response, error)


def _row(request: DeviceRequest, device_id: int, metafield_id: int) -> HttpResponse:
    """What Cancel brings back. Without script there is no row alone, so it is the panel."""
    require(request, "list_metafields")
    if not wants_partial(request):
        return SeeOther(reverse("devices:device-metafields", args=[device_id]))
    return _shown(request, device_id, _field(request, device_id, metafield_id))


def _shown(request: DeviceRequest, device_id: int, field: FieldView, **more: Any) -> HttpResponse:
    context = {"field": field, "device_id": device_id, "edit": judge("set_metafield", request.access), **more}
    return answer(request, "devices/device_metafields.html", "devices/_metafield_row.html", context)


def _refused(refusal: GatewayError, field: FieldView) -> str:
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
        messages.success(request, _("Sent, and accepted. It could not be read back: look again in a moment."))
        return move_on(request, reverse("devices:device-metafields", args=[device_id]))
    holds = field.holds(value)
    said = (_told if holds else _told_otherwise)(field, clock_for(request).stamp())
    if wants_partial(request):
        return _shown(request, device_id, field, said=said, holds=holds)
    messages.add_message(request, messages.SUCCESS if holds else messages.WARNING, said)
    return move_on(request, reverse("devices:device-metafields", args=[device_id]))


def _told(field: FieldView, time: str) -> str:
    return _("%(name)s saved. Read back %(time)s.") % {"name": field.name, "time": time}


def _told_otherwise(field: FieldView, time: str) -> str:
    if not field.lines:
        words = _("%(name)s: accepted, yet at %(time)s the platform still holds nothing. Look again in a moment.")
    elif field.secret:
        words = _("%(name)s: accepted, yet at %(time)s the platform still holds another value. Look again in a moment.")
    else:
        words = _("%(name)s: accepted, yet at %(time)s the platform still holds “%(value)s”. Look again in a moment.")
    return words % {"name": field.name, "time": time, "value": shorten(", ".join(field.lines), 80)}


def _editor(
    request: DeviceRequest, device_id: int, field: FieldView, form: MetafieldForm, *, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {"device_id": device_id, "field": field, "form": form}
    if not wants_partial(request):
        context = shell(request, device_id, tab="metafields") | context
    return answer(request, "devices/metafield_edit.html", "devices/_metafield_form.html", context, status=status)
