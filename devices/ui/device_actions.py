"""What may be done with a device: every action as data, and each judged for one person and one device."""

from __future__ import annotations

from typing import NamedTuple

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from devices.core.permissions import ALLOWED, VIEW_USERS, Access, Verdict, judge, judge_here
from devices.core.requests import DeviceRequest
from devices.gateway.types import BaseInfo
from devices.ui.status_banner import gate_write, writes_disabled_reason


class Choice(NamedTuple):
    """`name` is the end of its address's name, `operation` that of the `Gateway` method. `title` and `about` explain it
    among the others; `label` is its button. `way`: "dialog" opens in place, "page" is an address of its own, "reveal"
    posts. `grave`: takes the device, its owner or its data away from somebody.
    """

    name: str
    operation: str
    title: Promise
    about: Promise
    label: Promise
    icon: str
    way: str = "page"
    kind: str = "plain"
    grave: bool = False


CHOICES = (
    Choice(
        name="rename",
        operation="rename_device",
        title=gettext_lazy("Rename"),
        about=gettext_lazy("Change the name people see."),
        label=gettext_lazy("Rename"),
        icon="pencil",
        way="dialog",
    ),
    Choice(
        name="trigger-event",
        operation="trigger_event",
        title=gettext_lazy("Trigger an event"),
        about=gettext_lazy("Put one of the template’s events into the timeline, as if the device had sent it."),
        label=gettext_lazy("Trigger event"),
        icon="zap",
        way="dialog",
    ),
    Choice(
        name="transfer-to-owner",
        operation="transfer_to_owner",
        title=gettext_lazy("Transfer to another owner"),
        about=gettext_lazy("Somebody else becomes the owner. The device may move to their organization."),
        label=gettext_lazy("Change owner"),
        icon="user-round-pen",
        grave=True,
    ),
    Choice(
        name="remove-owner",
        operation="remove_owner",
        title=gettext_lazy("Remove the owner"),
        about=gettext_lazy("The device stays where it is and belongs to nobody."),
        label=gettext_lazy("Remove owner"),
        icon="user-round-x",
        way="dialog",
        grave=True,
    ),
    Choice(
        name="transfer-to-organization",
        operation="transfer_to_organization",
        title=gettext_lazy("Transfer to another organization"),
        about=gettext_lazy("The device may lose its owner, and leave your view."),
        label=gettext_lazy("Change organization"),
        icon="building-2",
        grave=True,
    ),
    Choice(
        name="reveal-token",
        operation="reveal_token",
        title=gettext_lazy("Device token"),
        about=gettext_lazy(
            "The credential with which the hardware connects. Showing it goes into the portal’s trail of changes."
        ),
        label=gettext_lazy("Reveal token"),
        icon="eye",
        way="reveal",
    ),
    Choice(
        name="clear",
        operation="clear_device",
        title=gettext_lazy("Erase data"),
        about=gettext_lazy("The history of values, the timeline and the statistics go for good; the device stays."),
        label=gettext_lazy("Erase data"),
        icon="eraser",
        kind="danger",
        grave=True,
    ),
    Choice(
        name="delete",
        operation="delete_device",
        title=gettext_lazy("Delete the device"),
        about=gettext_lazy("The device and everything recorded of it go for good."),
        label=gettext_lazy("Delete"),
        icon="trash-2",
        kind="danger",
        grave=True,
    ),
)
"""In the order in which they stand on the page."""


class Action(NamedTuple):
    """A choice for one person at one device. `now`: it is closed only because nothing can be changed at present; why is
    told once for all such. `note` tells what is missing where it is open in part.
    """

    choice: Choice
    url: str
    verdict: Verdict
    now: bool
    note: str

    @property
    def name(self) -> str:
        return self.choice.name


def device_actions(request: DeviceRequest, info: BaseInfo | None) -> list[Action]:
    """What can be done with a device, each judged for this person and this device's owner as just read; empty where
    `info` is not known. Why nothing can be changed at present stands in the page's banner (told.py).
    """
    if info is None:
        return []
    closed = writes_disabled_reason(request)
    return [_action(request, choice, info, closed) for choice in CHOICES]


def _action(request: DeviceRequest, choice: Choice, info: BaseInfo, closed: str) -> Action:
    lasting = judge_here(choice.operation, request.access, info.owner_user_id)
    return Action(
        choice,
        reverse(f"devices:device-{choice.name}", args=[info.id]),
        gate_write(request, lasting, closed),
        now=bool(closed) and lasting.allowed,
        note=_note(choice, request.access),
    )


def _note(choice: Choice, access: Access) -> str:
    if choice.operation != "transfer_to_owner" or access.has(VIEW_USERS):
        return ""
    return _("To yourself only: any other owner needs %s too.") % VIEW_USERS


class RowAction(NamedTuple):
    """An entry of the menu of a row; `path` follows the device's address. `dialog`: it opens over the list."""

    words: str
    path: str
    icon: str
    verdict: Verdict
    dialog: bool = False


def row_actions(request: DeviceRequest) -> list[RowAction]:
    """What the menu of any row offers: judged by the role alone, without a look at the device."""
    access = request.access
    return [
        RowAction(_("Open"), "", "arrow-right", ALLOWED),
        RowAction(_("Rename"), "rename/", "pencil", gate_write(request, judge("rename_device", access)), True),
        RowAction(_("Timeline"), "timeline/", "chart-no-axes-gantt", judge("list_timeline", access)),
        RowAction(_("Changes here"), "changes/", "history", ALLOWED),
    ]
