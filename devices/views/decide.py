"""What the pages share on which somebody decides: the facts read just now, and what became of the device after."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from devices.gateway.errors import Forbidden, GatewayError, NotFound, Unauthorized
from devices.gateway.types import BaseInfo
from devices.http import DeviceRequest, clock_for, move_on
from devices.names import names_for
from devices.presentation import name_of
from devices.views.shell import read_connection


def decision(request: DeviceRequest, info: BaseInfo) -> dict[str, Any]:
    """Context of a decision's page around its own: who owns the device, where it is, whether it is in use. One call."""
    clock = clock_for(request)
    names = names_for(request.gateway, request.access)
    return {
        "device_id": info.id,
        "device_name": name_of(info),
        "owner": names.owner(info.owner_user_id),
        "organization": names.organization(info.org_id),
        "template": names.template(info.template_id),
        "connection": read_connection(request, info.id, clock),
        "last_report": clock.when(info.last_received_event_at, seconds=True),
        "activated": clock.when(info.activated_at),
        "read_at": clock.stamp(),
    }


class Found(NamedTuple):
    """The device read again after a change. `left`: it can no longer be seen. Neither: it could not be read now."""

    info: BaseInfo | None
    left: bool = False


def look_again(request: DeviceRequest, device_id: int) -> Found:
    try:
        return Found(request.gateway.get_base_info(device_id))
    except (NotFound, Forbidden):
        return Found(None, left=True)
    except Unauthorized:
        raise
    except GatewayError:
        return Found(None)


def after_change(
    request: DeviceRequest, device_id: int, said: str, found: Found, *, holds: bool = True
) -> HttpResponse:
    """Say what was done and what reads back, on the device's page, or on the list if the device left one's view.

    `holds`: what reads back is what was asked for.
    """
    if found.left:
        messages.success(request, _("%s It has left your view.") % said)
        return move_on(request, reverse("devices:device-list"))
    if found.info is None:
        messages.success(request, _("%s It could not be read back: look again in a moment.") % said)
    else:
        names = names_for(request.gateway, request.access)
        told = {
            "said": said,
            "time": clock_for(request).stamp(),
            "owner": names.owner(found.info.owner_user_id) or _("nobody"),
            "organization": names.organization(found.info.org_id),
        }
        if holds:
            words = _("%(said)s Read back %(time)s: owner %(owner)s, organization %(organization)s.")
            messages.success(request, words % told)
        else:
            words = _(
                "The platform accepted this, yet at %(time)s it reads otherwise: owner %(owner)s, organization "
                "%(organization)s. Look again in a moment."
            )
            messages.warning(request, words % told)
    return move_on(request, reverse("devices:device-detail", args=[device_id]))
