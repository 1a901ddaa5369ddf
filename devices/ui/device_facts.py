"""Who a device is: the line of facts under its name, on every page of it."""

from __future__ import annotations

import re
from urllib.parse import quote

from django.utils.translation import gettext as _

from devices.core.connection_state import Fact
from devices.core.formatting import Clock, hardware
from devices.core.navigation import owner_prefix
from devices.core.requests import DeviceRequest
from devices.core.text import shorten
from devices.directory.names import names_for
from devices.gateway.types import BaseInfo, DeviceDetails
from devices.metafields import view_of

FIRMWARE_MAX = 120
"""Characters; the device itself says them, so there may be any number."""


SERIAL = re.compile(r"\b(serial|s/?n|serien?nummer)\b", re.IGNORECASE)
"""The API has no member for it: it is what the template's author gave such a name."""


def identity(request: DeviceRequest, info: BaseInfo, clock: Clock) -> list[Fact]:
    """Id, serial number, owner, organization, template, firmware and activation. Ids and e-mails can be copied.

    The serial number is a metafield: it stands where they were read with the device.
    """
    names = names_for(request.gateway, request.access)
    activated = clock.when(info.activated_at)
    return [
        Fact(_("Device ID"), str(info.id), copy=True),
        *_serial(info),
        _owner(request, names.owner(info.owner_user_id)),
        Fact(_("Organization"), names.organization(info.org_id)),
        Fact(_("Template"), names.template(info.template_id)),
        Fact(_("Firmware"), _firmware(info) or _("Not reported")),
        Fact(_("Activated"), "" if activated else _("Never"), when=activated),
    ]


def _serial(info: BaseInfo) -> list[Fact]:
    """None, or one. Of several the first, which is where a template's author puts it."""
    found = info.meta_field_values or () if isinstance(info, DeviceDetails) else ()
    fields = (view_of(each, likely=False) for each in found if SERIAL.search(each.name or ""))
    return [Fact(field.name, field.lines[0], copy=True) for field in fields if field.lines and not field.secret][:1]


def _owner(request: DeviceRequest, owner: str) -> Fact:
    """An e-mail leads to everything that person owns, where one may look at that."""
    if "@" not in owner:
        return Fact(_("Owner"), owner or _("No owner"))
    prefix = owner_prefix(request.access)
    return Fact(_("Owner"), owner, copy=True, url=prefix + quote(owner) if prefix else "")


def _firmware(info: BaseInfo) -> str:
    firmware, board = hardware(info.hardware_info)
    if not firmware:
        return ""  # a board alone is no firmware; the connection tells it
    return shorten(f"{firmware} ({board})" if board else firmware, FIRMWARE_MAX)


def never_connected(info: BaseInfo | None) -> int | None:
    """Of a device that has never been connected: when it last reported, epoch milliseconds, 0 if it never did. None for
    every other device, and where the API tells nothing of it.

    Connected is who holds a session by MQTT or the platform's own protocol. A device that speaks HTTP only has none, is
    never "connected", and yet reports. No member of the API says so outright: these times do.
    """
    if info is None or info.first_connect_time or info.connect_time:
        return None
    reported = max(info.last_received_event_at or 0, 0)
    told = info.first_connect_time == 0 or info.connect_time == 0  # 0 is "never"; left out, it is not known
    return reported if reported or told else None
