"""What every page of one device shares: its heading, what may be done with it, its tabs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _

from devices.gateway.errors import GatewayError, NotFound, Unauthorized
from devices.gateway.types import BaseInfo
from devices.http import DeviceRequest, clock_for
from devices.names import names_for
from devices.permissions import Verdict, judge
from devices.presentation import Clock, Connection, Fact, connection, hardware
from devices.text import clean

TABS = (
    ("overview", "devices:device-detail", ""),
    ("timeline", "devices:device-timeline", "list_timeline"),
    ("logs", "devices:device-logs", "list_logs"),
    ("metafields", "devices:device-metafields", "list_metafields"),
    ("tags", "devices:device-tags", "list_tags"),
)


@dataclass(frozen=True)
class Tab:
    name: str
    label: str
    url: str
    current: bool
    locked: bool


class Action(NamedTuple):
    """Something one may do with the device, or may not and then why."""

    name: str
    label: str
    icon: str
    url: str
    verdict: Verdict


def shell(request: DeviceRequest, device_id: int, *, tab: str, info: BaseInfo | None = None) -> dict[str, Any]:
    """Context of the page around a tab. Asks for base info (unless given) and the online state: at most two calls.

    Raises what the base info raises; an online state that cannot be read costs only itself.
    """
    info = info or request.gateway.get_base_info(device_id)
    clock = clock_for(request)
    return {
        "device": info,
        "device_id": device_id,
        "device_name": clean(info.name) or _("(no name)"),
        "facts": _facts(request, info, clock),
        "connection": read_connection(request, device_id, clock),
        "actions": _actions(request, info),
        "tabs": _tabs(request, info, tab),
        "tab": tab,
        "tab_label": _labels()[tab],
        "clock": clock,
    }


def read_connection(request: DeviceRequest, device_id: int, clock: Clock) -> Connection:
    """`GET /device/online`, just asked. A failure reads "unknown" with its reason; only 401 and 404 go further."""
    try:
        return connection(request.gateway.get_online(device_id).connected, clock)
    except (Unauthorized, NotFound):
        raise
    except GatewayError as error:
        return connection(None, clock, failure=_("Could not ask: %s") % _(error.sentence))


def _facts(request: DeviceRequest, info: BaseInfo, clock: Clock) -> list[Fact]:
    names = names_for(request.gateway, request.access)
    firmware, board = hardware(info.hardware_info)
    activated = clock.when(info.activated_at)
    return [
        Fact(_("Device ID"), str(info.id), copy=True),
        Fact(_("Owner"), names.owner(info.owner_user_id) or _("No owner")),
        Fact(_("Organization"), names.organization(info.org_id)),
        Fact(_("Template"), names.template(info.template_id)),
        Fact(_("Firmware"), " ".join(part for part in (firmware, board and f"({board})") if part) or _("Not reported")),
        Fact(_("Activated"), "" if activated else _("Not yet"), when=activated),
    ]


def _actions(request: DeviceRequest, info: BaseInfo) -> list[Action]:
    rename = judge("rename_device", request.access, owner_id=info.owner_user_id or 0)
    return [Action("rename", _("Rename"), "pencil", reverse("devices:device-rename", args=[info.id]), rename)]


def _labels() -> dict[str, str]:
    return {
        "overview": _("Overview"),
        "timeline": _("Timeline"),
        "logs": _("User actions"),
        "metafields": _("Metafields"),
        "tags": _("Tags"),
    }


def _tabs(request: DeviceRequest, info: BaseInfo, current: str) -> list[Tab]:
    labels = _labels()
    owner_id = info.owner_user_id or 0
    return [
        Tab(
            name,
            labels[name],
            reverse(url_name, args=[info.id]),
            name == current,
            bool(operation) and not judge(operation, request.access, owner_id=owner_id).allowed,
        )
        for name, url_name, operation in TABS
    ]
