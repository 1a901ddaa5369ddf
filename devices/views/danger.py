"""What cannot be undone: deleting a device, erasing its data. A page of its own each, sent once, never repeated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from devices.forms.changes import ConfirmForm
from devices.gateway.api import Gateway
from devices.gateway.errors import GatewayError, NotFound, Rejected
from devices.gateway.pages import Page
from devices.gateway.types import BaseInfo
from devices.http import DeviceRequest, answer, move_on, require
from devices.parallel import ask_each
from devices.permissions import judge, judge_here
from devices.presentation import name_of, number
from devices.text import clean
from devices.views.decide import decision
from devices.views.kept import keep_form
from devices.views.record import recorded

COUNTED: dict[str, Callable[[Gateway, int], Page[Any]]] = {
    "list_timeline": lambda gateway, device_id: gateway.list_timeline(device_id, size=1),
    "list_logs": lambda gateway, device_id: gateway.list_logs(device_id, size=1),
}
TYPEABLE_MAX = 100
"""Characters of a name that somebody can be asked to type."""


class Part(NamedTuple):
    """Something that goes or stays, and what that means."""

    words: str
    note: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
def device_delete(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`DELETE /device`. A device that is gone by then counts as deleted."""
    require(request, "delete_device")
    try:
        info = request.gateway.get_base_info(device_id)
    except NotFound:
        if request.method != "POST":
            raise
        return _gone_already(request, device_id)
    if request.method != "POST":
        return _delete_page(request, info, _form(info))
    form = _form(info, request.POST)
    if form.is_valid():
        try:
            with recorded(request, "delete_device", device_id, name=info.name, reason=form.cleaned_data["reason"]):
                request.gateway.delete_device(device_id)
        except NotFound:
            return _gone_already(request, device_id)
        except Rejected as refusal:
            form.add_error(None, _("The platform refused to delete this device. %s") % clean(refusal.api_message))
        except GatewayError as error:
            return keep_form(form, error, partial(_delete_page, request, info, form))
        else:
            messages.success(request, _("Deleted %(name)s, ID %(id)s.") % {"name": name_of(info), "id": device_id})
            return move_on(request, reverse("devices:device-list"))
    return _delete_page(request, info, form, status=422)


def _gone_already(request: DeviceRequest, device_id: int) -> HttpResponse:
    """What was wanted is so. The platform does not tell a deleted device from one that was moved out of reach."""
    said = _("Device %d was gone already: deleted, or moved out of your reach. There was nothing left to delete.")
    messages.info(request, said % device_id)
    return move_on(request, reverse("devices:device-list"))


def _delete_page(request: DeviceRequest, info: BaseInfo, form: ConfirmForm, *, status: int = 200) -> HttpResponse:
    context = decision(request, info)
    since = _("since %s") % context["activated"].text if context["activated"] else ""
    totals = _totals(request, info.id, "list_timeline", "list_logs")
    context |= {
        "form": form,
        "may_remove_owner": judge_here("remove_owner", request.access, info.owner_user_id).allowed,
        "goes": [
            Part(_("The device and its ID %d") % info.id, _("Neither can be restored.")),
            Part(_("All values and their history"), since),
            _timeline(totals.get("list_timeline")),
            _logs(totals.get("list_logs")),
            Part(_("Its metafields and tags")),
            Part(_("Its token"), _("The hardware cannot connect again until it is set up as a new device.")),
        ],
        "stays": [
            Part(_("The owner’s account"), context["owner"]) if context["owner"] else None,
            Part(_("The template and the organization"), f"{context['template']}, {context['organization']}"),
            Part(
                _("One line in the portal’s log"), _("Which device, who deleted it, when and why. No copy of its data.")
            ),
        ],
    }
    return answer(request, "devices/device_delete.html", "devices/_device_delete.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def device_clear(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`DELETE /device/clear`: history, timeline and statistics."""
    require(request, "clear_device")
    info = request.gateway.get_base_info(device_id)
    if request.method != "POST":
        return _clear_page(request, info, _form(info))
    form = _form(info, request.POST)
    if form.is_valid():
        try:
            with recorded(request, "clear_device", device_id, name=info.name, reason=form.cleaned_data["reason"]):
                request.gateway.clear_device(device_id)
        except Rejected as refusal:
            form.add_error(None, _("The platform refused to erase the data. %s") % clean(refusal.api_message))
        except GatewayError as error:
            return keep_form(form, error, partial(_clear_page, request, info, form))
        else:
            messages.success(request, _("Erased the recorded data of %s. The device itself stays.") % name_of(info))
            return move_on(request, reverse("devices:device-detail", args=[device_id]))
    return _clear_page(request, info, form, status=422)


def _clear_page(request: DeviceRequest, info: BaseInfo, form: ConfirmForm, *, status: int = 200) -> HttpResponse:
    context = decision(request, info)
    since = _("since %s") % context["activated"].text if context["activated"] else ""
    totals = _totals(request, info.id, "list_timeline")
    context |= {
        "form": form,
        "goes": [
            Part(_("The history of all values"), since),
            _timeline(totals.get("list_timeline")),
            Part(_("Its statistics"), _("Counts of disconnects, messages and events.")),
        ],
        "stays": [
            Part(_("The device and its ID %d") % info.id),
            Part(_("Its token"), _("The hardware goes on connecting as before.")),
            Part(_("Its owner, organization, metafields and tags")),
            Part(
                _("One line in the portal’s log"), _("Which device, who erased its data, when and why. No copy of it.")
            ),
        ],
    }
    return answer(request, "devices/device_clear.html", "devices/_device_clear.html", context, status=status)


def _form(info: BaseInfo, data: Any = None) -> ConfirmForm:
    """Asks for the name, or for the id where a name is empty, endless or has characters that no keyboard has."""
    name = info.name.strip()
    typeable = bool(name) and name.isprintable() and len(name) <= TYPEABLE_MAX
    return ConfirmForm(data, word=name if typeable else str(info.id), by_id=not typeable)


def _timeline(total: int | None) -> Part:
    if total is None:
        return Part(_("Its timeline"))
    return Part(ngettext("%s event in its timeline", "%s events in its timeline", total) % number(total))


def _logs(total: int | None) -> Part:
    if total is None:
        return Part(_("The log of user actions"))
    return Part(
        ngettext("%s entry in the log of user actions", "%s entries in the log of user actions", total) % number(total)
    )


def _totals(request: DeviceRequest, device_id: int, *operations: str) -> dict[str, int | None]:
    """How many there are, asked at the same time. Left out where one may not know, or the platform does not tell: no
    decision hangs on it.
    """
    asked = [operation for operation in operations if judge(operation, request.access).allowed]
    found = ask_each(request.gateway, asked, lambda gateway, operation: COUNTED[operation](gateway, device_id))
    return {operation: page.total for operation, page in found.items() if isinstance(page, Page)}
