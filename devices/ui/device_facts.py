"""The line of facts under a device's name."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

from django.utils.translation import gettext as _

from devices.core.formatting import Clock, When, hardware
from devices.core.navigation import owner_url_prefix
from devices.core.requests import DeviceRequest
from devices.core.text import shorten
from devices.directory.names import names_for
from devices.gateway.types import BaseInfo, DeviceDetails
from devices.metafields import view_of

FIRMWARE_MAX = 120
"""Characters. The device sends the text, so it can be of any length."""
SERIAL = re.compile(r"\b(serial|s/?n|serien?nummer)\b", re.IGNORECASE)
"""The API has no serial number: it is the metafield that the template's author named so."""


def identity_facts(request: DeviceRequest, info: BaseInfo, clock: Clock) -> list[Fact]:
    """IDs and e-mails can be copied. The serial number is a metafield: only there if `info` has the metafields."""
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
    """The first serial number, if there is any."""
    found = info.meta_field_values or () if isinstance(info, DeviceDetails) else ()
    fields = (view_of(each, likely=False) for each in found if SERIAL.search(each.name or ""))
    return [Fact(field.name, field.lines[0], copy=True) for field in fields if field.lines and not field.secret][:1]


def _owner(request: DeviceRequest, owner: str) -> Fact:
    """An e-mail links to that person's devices, if they may be listed."""
    if "@" not in owner:
        return Fact(_("Owner"), owner or _("No owner"))
    prefix = owner_url_prefix(request.access)
    return Fact(_("Owner"), owner, copy=True, url=prefix + quote(owner) if prefix else "")


def _firmware(info: BaseInfo) -> str:
    firmware, board = hardware(info.hardware_info)
    if not firmware:
        return ""  # a board alone is no firmware; the connection panel shows it
    return shorten(f"{firmware} ({board})" if board else firmware, FIRMWARE_MAX)


class Fact(NamedTuple):
    """A label and its value. `when`: the value is a time; `copy`: it has a copy button; `url`: it is a link."""

    label: str
    text: str = ""
    when: When | None = None
    copy: bool = False
    url: str = ""
