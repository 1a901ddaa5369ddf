"""Changes to one device. GET shows the form (a dialog for htmx, a page otherwise), POST sends it to the API once."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from devices import rules
from devices.forms.changes import RenameForm
from devices.gateway.errors import Forbidden, GatewayError, NotFound, Rejected, Unauthorized
from devices.gateway.types import BaseInfo
from devices.http import DeviceRequest, SeeOther, answer, clock_for, require, wants_partial
from devices.presentation import name_of
from devices.text import clean
from devices.views.kept import keep_form
from devices.views.record import recorded
from devices.views.shell import shell


@require_http_methods(["GET", "HEAD", "POST"])
def device_rename(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`PUT /device`. The new name is the one in the API's answer, not the one typed."""
    require(request, "rename_device")
    if request.method != "POST":
        info = request.gateway.get_base_info(device_id)
        return _rename_form(request, device_id, RenameForm(initial={"name": info.name}), info=info)
    form = RenameForm(request.POST)
    if form.is_valid():
        name = form.cleaned_data["name"]
        try:
            with recorded(request, "rename_device", device_id, name=name, reason=form.cleaned_data["reason"]):
                device = request.gateway.rename_device(device_id, name)
        except Rejected as refusal:
            form.add_error("name", _("The platform refused this name. %s") % clean(refusal.api_message))
        except GatewayError as error:
            return keep_form(form, error, partial(_rename_form, request, device_id, form))
        else:
            return _renamed(request, device_id, name_of(device))
    return _rename_form(request, device_id, form, status=422)


def _rename_form(
    request: DeviceRequest, device_id: int, form: RenameForm, *, info: BaseInfo | None = None, status: int = 200
) -> HttpResponse:
    """`info` is read unless given. A dialog does without it: what was typed is worth more than the present name."""
    context: dict[str, Any] = {"device_id": device_id, "form": form, "name_max": rules.NAME_MAX}
    if wants_partial(request):
        try:
            info = info or request.gateway.get_base_info(device_id)
            context |= {"device_name": name_of(info), "read_at": clock_for(request).stamp()}
        except (Unauthorized, Forbidden, NotFound):
            raise
        except GatewayError:
            context["device_name"] = _("could not be read")
    else:
        context = shell(request, device_id, tab="overview", info=info) | context
    return answer(request, "devices/device_rename.html", "devices/_device_rename.html", context, status=status)


def _renamed(request: DeviceRequest, device_id: int, name: str) -> HttpResponse:
    said = _("Renamed to %s.") % name
    if not wants_partial(request):
        messages.success(request, said)
        return SeeOther(reverse("devices:device-detail", args=[device_id]))
    context = {"device_id": device_id, "device_name": name, "said": said}
    response = answer(request, "devices/device_detail.html", "devices/_device_title.html", context)
    # The form's target is its own dialog, where a refusal belongs; a success goes into the heading and closes it.
    response["HX-Retarget"] = "#device-title"
    response["HX-Reswap"] = "outerHTML"
    response["HX-Trigger"] = "deviceChanged"
    return response
