"""What every page of one device shares: its heading, what may be done with it, its tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _

from devices.gateway.api import Gateway
from devices.gateway.errors import GatewayError, NotFound, Unauthorized
from devices.gateway.types import BaseInfo, Online
from devices.http import DeviceRequest, clock_for
from devices.names import remember_template
from devices.parallel import ask_together
from devices.permissions import VIEW_USERS, Verdict, judge, judge_here
from devices.presentation import Clock, Connection, Fact, connection, name_of
from devices.views.changing import done_view
from devices.views.identity import identity, reports_without_connecting
from devices.views.panels import alone, trouble, value
from devices.views.settling import Settled, settle_here
from devices.views.told import closed_now, open_now, read_long_ago

Asks = Mapping[str, Callable[[Gateway], Any]]
Answers = Mapping[str, Any]
"""By the name of the question: what was answered, or the GatewayError that came instead."""

TABS = (
    ("overview", "devices:device-detail", ""),
    ("timeline", "devices:device-timeline", "list_timeline"),
    ("logs", "devices:device-logs", "list_logs"),
    ("metafields", "devices:device-metafields", "list_metafields"),
    ("tags", "devices:device-tags", "list_tags"),
    ("changes", "devices:device-changes", ""),
)
GRAVE = ("transfer-to-owner", "remove-owner", "transfer-to-organization", "clear", "delete")
"""Actions that take the device, its owner or its data away from somebody."""


@dataclass(frozen=True)
class Tab:
    """`opened` follows the device's name in the document's title while the tab is open; `count` is printed if known."""

    name: str
    label: str
    opened: str
    url: str
    current: bool
    locked: bool
    count: str | None = None


class Action(NamedTuple):
    """Something one may do with the device, or may not and then why.

    `title` and `about` explain it among the others; `label` is its button. `way`: "dialog" opens in place, "page" is
    an address of its own, "reveal" posts. `note` tells what is missing where it is open in part.
    """

    name: str
    title: str
    about: str
    label: str
    icon: str
    url: str
    verdict: Verdict
    way: str = "page"
    kind: str = "plain"
    note: str = ""

    @property
    def grave(self) -> bool:
        return self.name in GRAVE


def shell(
    request: DeviceRequest,
    device_id: int,
    *,
    tab: str,
    info: BaseInfo | None = None,
    settled: list[Settled] | None = None,
) -> dict[str, Any]:
    """Context of the page around a tab. Asks for base info (unless given) and the online state: two calls at once.

    Before that, changes whose outcome is open are looked after, unless that was done (`settled`). Raises what the base
    info raises; an online state that cannot be read costs only itself.
    """
    settled = settle_here(request, device_id) if settled is None else settled
    asks = online_ask(device_id) if info else base_asks(device_id)
    answers = ask_together(request.gateway, asks)
    return around(request, device_id, tab=tab, info=info or value(answers["info"]), settled=settled, answers=answers)


def online_ask(device_id: int) -> Asks:
    return {"online": lambda gateway: gateway.get_online(device_id)}


def base_asks(device_id: int) -> Asks:
    """What the page around a tab has to know, asked at once: `info` and `online`."""
    return {"info": lambda gateway: gateway.get_base_info(device_id), **online_ask(device_id)}


def around(
    request: DeviceRequest,
    device_id: int,
    *,
    tab: str,
    info: BaseInfo | GatewayError,
    settled: list[Settled],
    answers: Answers,
) -> dict[str, Any]:
    """Context of the page around a tab, out of what was read. Where the base info failed, the id has to stand for the
    device, and nothing is offered to be done with it; raises it where that concerns the whole page."""
    clock = clock_for(request)
    failed = info if isinstance(info, GatewayError) else None
    known = None if isinstance(info, GatewayError) else info
    if failed and not alone(failed):
        raise failed
    if known:
        remember_template(request.access, device_id, known.template_id)
    return {
        "device": known,
        "device_id": device_id,
        "device_name": name_of(known) if known else _("Device %d") % device_id,
        "facts": identity(request, known, clock) if known else [Fact(_("Device ID"), str(device_id), copy=True)],
        "heading_trouble": trouble(request, failed, _("About this device")) if failed else None,
        "connection": connection_of(request, answers["online"], clock, reports_without_connecting(known)),
        "actions": actions(request, known) if known else [],
        "tabs": _tabs(request, device_id, known, tab),
        "tab": tab,
        "tab_label": tab_labels()[tab],
        "done": done_view(request, known),
        "settled": settled,
        "clock": clock,
    }


def read_connection(request: DeviceRequest, device_id: int, clock: Clock, reported: int = 0) -> Connection:
    """`GET /device/online`, just asked. A failure reads "unknown" with its reason; only 401 and 404 go further.

    `reported`: see `presentation.connection`.
    """
    try:
        answered: Any = request.gateway.get_online(device_id)
    except (Unauthorized, NotFound):
        raise
    except GatewayError as error:
        answered = error
    return connection_of(request, answered, clock, reported)


def connection_of(
    request: DeviceRequest, answered: Online | GatewayError, clock: Clock, reported: int = 0
) -> Connection:
    """The state that was answered, or that was last known, or "unknown" with the reason why there is no answer."""
    if isinstance(answered, GatewayError):
        return connection(None, clock, failure=_("Could not ask: %s") % _(answered.sentence))
    read_at = read_long_ago(request, "get_online")
    return connection(answered.connected, clock, read_at=read_at, reported=reported)


def actions(request: DeviceRequest, info: BaseInfo) -> list[Action]:
    """Everything that can be done with a device, each judged for this person and this device's owner as just read."""

    closed = closed_now(request)

    def offer(name: str, operation: str, *words: str, **more: str) -> Action:
        verdict = open_now(request, judge_here(operation, request.access, info.owner_user_id), closed)
        title, about, label, symbol = words
        return Action(
            name, title, about, label, symbol, reverse(f"devices:device-{name}", args=[info.id]), verdict, **more
        )

    to_self_only = (
        "" if request.access.has(VIEW_USERS) else _("To yourself only: any other owner needs %s too.") % VIEW_USERS
    )
    return [
        offer(
            "rename",
            "rename_device",
            _("Rename"),
            _("Change the name people see."),
            _("Rename"),
            "pencil",
            way="dialog",
        ),
        offer(
            "trigger-event",
            "trigger_event",
            _("Trigger an event"),
            _("Put one of the template’s events into the timeline, as if the device had sent it."),
            _("Trigger event"),
            "zap",
            way="dialog",
        ),
        offer(
            "transfer-to-owner",
            "transfer_to_owner",
            _("Transfer to another owner"),
            _("Somebody else becomes the owner. The device may move to their organization."),
            _("Change owner"),
            "user-round-pen",
            note=to_self_only,
        ),
        offer(
            "remove-owner",
            "remove_owner",
            _("Remove the owner"),
            _("The device stays where it is and belongs to nobody."),
            _("Remove owner"),
            "user-round-x",
            way="dialog",
        ),
        offer(
            "transfer-to-organization",
            "transfer_to_organization",
            _("Transfer to another organization"),
            _("The device may lose its owner, and leave your view."),
            _("Change organization"),
            "building-2",
        ),
        offer(
            "reveal-token",
            "reveal_token",
            _("Device token"),
            _("The credential with which the hardware connects. Showing it goes into the portal’s trail of changes."),
            _("Reveal token"),
            "eye",
            way="reveal",
        ),
        offer(
            "clear",
            "clear_device",
            _("Erase data"),
            _("The history of values, the timeline and the statistics go for good; the device stays."),
            _("Erase data"),
            "eraser",
            kind="danger",
        ),
        offer(
            "delete",
            "delete_device",
            _("Delete the device"),
            _("The device and everything recorded of it go for good."),
            _("Delete"),
            "trash-2",
            kind="danger",
        ),
    ]


def tab_labels() -> dict[str, str]:
    return {
        "overview": _("Overview"),
        "timeline": _("Timeline"),
        "logs": _("User actions"),
        "metafields": _("Metafields"),
        "tags": _("Tags"),
        "changes": _("Changes here"),
    }


def _tabs(request: DeviceRequest, device_id: int, info: BaseInfo | None, current: str) -> list[Tab]:
    labels = tab_labels()
    owner_id = info.owner_user_id or 0 if info else None
    return [
        Tab(
            name,
            labels[name],
            labels[name] if name != "overview" else "",
            reverse(url_name, args=[device_id]),
            name == current,
            bool(operation) and not judge(operation, request.access, owner_id=owner_id).allowed,
        )
        for name, url_name, operation in TABS
    ]
