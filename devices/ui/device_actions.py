"""What may be done with a device: every change as data, each judged for one person and one device."""

from __future__ import annotations

from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _

from devices.changes.kinds import ChangeKind, Opens, Place, kind_of, kinds
from devices.core.permissions import ALLOWED, Verdict, judge, judge_here
from devices.core.requests import DeviceRequest
from devices.gateway.types import BaseInfo
from devices.ui.status_banner import gate_write, writes_disabled_reason


class Action(NamedTuple):
    """A change for one person at one device. `now`: it is disabled only for the moment; the banner says why. `note`:
    what is missing where it is possible in part. `target`: what of the device it is about."""

    kind: ChangeKind
    url: str
    verdict: Verdict
    now: bool
    note: str
    target: str = ""

    @property
    def name(self) -> str:
        return self.kind.name

    @property
    def dialog(self) -> bool:
        return self.kind.opens is Opens.DIALOG

    @property
    def reveals(self) -> bool:
        return self.kind.opens is Opens.REVEAL

    @property
    def irreversible(self) -> bool:
        """What it deletes, no other change brings back."""
        return self.kind.before_lock is not None

    @property
    def in_heading(self) -> bool:
        return Place.HEADING in self.kind.shown


def device_actions(request: DeviceRequest, info: BaseInfo | None) -> list[Action]:
    """Each judged for this person and this device's owner as just read; empty where `info` is not known."""
    if info is None:
        return []
    disabled = writes_disabled_reason(request)
    shown = [kind for kind in kinds() if Place.ACTIONS in kind.shown]
    return [_action(request, kind, info.id, info.owner_user_id, disabled) for kind in shown]


def _action(request: DeviceRequest, kind: ChangeKind, device_id: int, owner_id: int | None, disabled: str) -> Action:
    lasting = judge_here(kind.operation, request.access, owner_id)
    return Action(
        kind,
        reverse(kind.url_name, args=[device_id]),
        gate_write(request, lasting, disabled),
        now=bool(disabled) and lasting.allowed,
        note=kind.note(request.access),
    )


def change_action(request: DeviceRequest, operation: str, device_id: int, target: int | str = "") -> Action:
    """One change, for a link beside what it is about: `change_link` of templates/components/change.html. Judged by the
    role alone, without a read of the device. Raises KeyError for an operation without a kind."""
    kind = kind_of(operation)
    if kind is None:
        raise KeyError(operation)
    lasting = judge(operation, request.access)
    disabled = writes_disabled_reason(request)
    args = [device_id, target] if target != "" else [device_id]
    verdict = gate_write(request, lasting, disabled)
    return Action(kind, reverse(kind.url_name, args=args), verdict, bool(disabled) and lasting.allowed, "", str(target))


def change_url_names(request: DeviceRequest) -> dict[str, str]:
    """URL names of the changes that this person may make now, by the kind's name."""
    if writes_disabled_reason(request):
        return {}
    return {kind.name: kind.url_name for kind in kinds() if judge(kind.operation, request.access).allowed}


class RowAction(NamedTuple):
    """An entry of the menu of a row; `path` follows the device's address. `dialog`: it opens over the list."""

    words: str
    path: str
    icon: str
    verdict: Verdict
    dialog: bool = False


def row_actions(request: DeviceRequest) -> list[RowAction]:
    """What the menu of any row offers: judged by the role alone, without a read of the device."""
    access = request.access
    changes = [
        RowAction(
            str(kind.words.button),
            kind.path,
            kind.icon,
            gate_write(request, judge(kind.operation, access)),
            kind.opens is Opens.DIALOG,
        )
        for kind in kinds()
        if Place.ROW_MENU in kind.shown
    ]
    return [
        RowAction(_("Open"), "", "arrow-right", ALLOWED),
        *changes,
        RowAction(_("Timeline"), "timeline/", "chart-no-axes-gantt", judge("list_timeline", access)),
        RowAction(_("Changes here"), "changes/", "history", ALLOWED),
    ]
