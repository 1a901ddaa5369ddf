"""The pages on which somebody decides to delete a device or to erase its data: what goes, what stays, what is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from devices.changes.confirmation import confirmation_context
from devices.changes.forms import ConfirmForm
from devices.changes.pipeline import concurrency_fields
from devices.changes.verification import timeline_extent
from devices.core.fanout import fan_out
from devices.core.formatting import number
from devices.core.permissions import judge, judge_here
from devices.core.requests import DeviceRequest, unsent
from devices.core.responses import answer
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError
from devices.gateway.pagination import Page
from devices.gateway.types import BaseInfo
from devices.receipts import builder as receipt_builder
from devices.receipts.display import missing_words

COUNTED: dict[str, Callable[[Gateway, int], Page[Any]]] = {
    "timeline": lambda gateway, device_id: gateway.list_timeline(device_id, size=1),
    "logs": lambda gateway, device_id: gateway.list_logs(device_id, size=1),
}
TYPEABLE_MAX = 100
"""Characters of a name that somebody can be asked to type."""


class Part(NamedTuple):
    """Something that goes or stays, and what that means."""

    words: str
    note: str = ""


Totals = Mapping[str, int | None]


class Harm(NamedTuple):
    """One of the two. `parts`: what goes and what stays; `before`: what the trail notes, to prove it by."""

    operation: str
    url: str
    page: str
    fragment: str
    send: Callable[[Gateway, int], None]
    parts: Callable[[DeviceRequest, BaseInfo, dict[str, Any], Totals], dict[str, Any]]
    before: Callable[[Gateway, int], str]
    refused: Any
    verb: Any
    before_title: Any
    nothing_yet: Any
    now: Any
    busy: Any
    keep: Any
    symbol: str


def held(info: BaseInfo) -> str:
    """What a decision about the device rests on, for the mark in the form."""
    return f"{info.name}\n{info.owner_user_id or 0}\n{info.org_id}"


def first_form(request: DeviceRequest, info: BaseInfo) -> ConfirmForm:
    return confirm_form(info, initial=concurrency_fields(held(info)) | unsent(request, "reason"))


def confirm_form(info: BaseInfo | None, data: Any = None, **more: Any) -> ConfirmForm:
    """Asks for the name, or for the id where a name is empty, endless or has characters that no keyboard has."""
    if info is None:
        return ConfirmForm(data, word="", **more)
    name = info.name.strip()
    typeable = bool(name) and name.isprintable() and len(name) <= TYPEABLE_MAX
    return ConfirmForm(data, word=name if typeable else str(info.id), by_id=not typeable, **more)


def decision_page(
    request: DeviceRequest,
    harm: Harm,
    form: ConfirmForm,
    *,
    info: BaseInfo,
    missing: Mapping[str, receipt_builder.Part] | None = None,
    status: int = 200,
) -> HttpResponse:
    """`missing`: from the receipt, where one was tried; else what is known beforehand."""
    context = confirmation_context(request, info)
    totals = _totals(request, info.id)
    if missing is None:
        missing = _missing_anyway(request, totals)
    form.tell(missing)
    context |= harm.parts(request, info, context, totals)
    context |= {"form": form, "missing": [missing_words(name, part) for name, part in missing.items()]}
    return answer(request, harm.page, harm.fragment, context, status=status)


def blind_page(
    request: DeviceRequest, harm: Harm, device_id: int, form: ConfirmForm, *, status: int = 200
) -> HttpResponse:
    """The form alone, where the device could not be read: what was typed is worth more than the facts around it."""
    context = {"device_id": device_id, "device_name": _("Device %d") % device_id, "form": form, "blind": True}
    return answer(request, harm.page, harm.fragment, context, status=status)


# --- what goes and stays ----------------------------------------------------------------------------------------------


def _deleted(request: DeviceRequest, info: BaseInfo, context: dict[str, Any], totals: Totals) -> dict[str, Any]:
    return {
        "may_remove_owner": judge_here("remove_owner", request.access, info.owner_user_id).allowed,
        "goes": [
            Part(_("The device and its ID %d") % info.id, _("Neither can be restored.")),
            Part(_("All values and their history"), _since(context)),
            _timeline(totals.get("timeline")),
            _logs(totals.get("logs")),
            Part(_("Its metafields and tags")),
            Part(_("Its token"), _("The hardware cannot connect again until it is set up as a new device.")),
        ],
        "stays": [
            Part(_("The owner’s account"), context["owner"]) if context["owner"] else None,
            Part(_("The template and the organization"), f"{context['template']}, {context['organization']}"),
            _receipt(),
            _entry(),
        ],
    }


def _cleared(request: DeviceRequest, info: BaseInfo, context: dict[str, Any], totals: Totals) -> dict[str, Any]:
    return {
        "goes": [
            Part(_("The history of all values"), _since(context)),
            _timeline(totals.get("timeline")),
            Part(_("Its statistics"), _("Counts of disconnects, messages and events.")),
        ],
        "stays": [
            Part(_("The device and its ID %d") % info.id),
            Part(_("Its token"), _("The hardware goes on connecting as before.")),
            Part(_("Its owner, organization, metafields and tags")),
            _receipt(),
            _entry(),
        ],
    }


def _since(context: dict[str, Any]) -> str:
    return _("since %s") % context["activated"].text if context["activated"] else ""


def _receipt() -> Part:
    holds = _(
        "A file of what the platform tells just before: base info, current values, metafields, tags, timeline and the"
        " log of user actions. Without secrets, and without the history of values, which it gives to nobody. %s"
    )
    return Part(_("A receipt, to download"), holds % _kept())


def _entry() -> Part:
    words = _("Who did this, when and why, what became of it, and the receipt’s fingerprint. %s")
    return Part(_("An entry in the portal’s trail of changes"), words % _kept())


def _kept() -> str:
    days = settings.AUDIT_KEEP_DAYS
    return ngettext("Kept for %d day.", "Kept for %d days.", days) % days


def _timeline(total: int | None) -> Part | None:
    """None where there is nothing that could go."""
    if total is None:
        return Part(_("Its timeline"))
    if not total:
        return None
    return Part(ngettext("%s event in its timeline", "%s events in its timeline", total) % number(total))


def _logs(total: int | None) -> Part | None:
    if total is None:
        return Part(_("The log of user actions"))
    if not total:
        return None
    return Part(
        ngettext("%s entry in the log of user actions", "%s entries in the log of user actions", total) % number(total)
    )


def _totals(request: DeviceRequest, device_id: int) -> Totals:
    """How many there are, asked at the same time. Left out where one may not know, or the platform does not tell: no
    decision hangs on it.
    """
    asked = [name for name in COUNTED if judge(receipt_builder.READS[name][0], request.access).allowed]
    found = fan_out(request.gateway.fresh(), asked, lambda gateway, name: COUNTED[name](gateway, device_id))
    return {name: page.total for name, page in found.items() if isinstance(page, Page)}


# --- what is missing from the receipt ---------------------------------------------------------------------------------


def _missing_anyway(request: DeviceRequest, totals: Totals) -> dict[str, receipt_builder.Part]:
    """What a receipt would lack whatever is tried: what one may not read, what there is too much of."""
    most = receipt_builder.PAGES * receipt_builder.SIZE
    many = {name: total for name, total in totals.items() if total is not None and total > most}
    too_many = {
        name: receipt_builder.Part(items=most, total=total, why=receipt_builder.TOO_MANY)
        for name, total in many.items()
    }
    return receipt_builder.forbidden(request.access) | too_many


# --- the two ----------------------------------------------------------------------------------------------------------


def _extent(gateway: Gateway, device_id: int) -> str:
    """Empty where it cannot be told: the proof does without."""
    try:
        return str(timeline_extent(gateway, device_id) or "")
    except GatewayError:
        return ""


DELETE = Harm(
    operation="delete_device",
    url="devices:device-delete",
    page="changes/delete.html",
    fragment="changes/_delete.html",
    send=Gateway.delete_device,
    parts=_deleted,
    before=lambda gateway, device_id: "",
    refused=gettext_lazy("The platform refused to delete this device. %s"),
    verb=gettext_lazy("Delete"),
    before_title=gettext_lazy("Before %(name)s is deleted"),
    nothing_yet=gettext_lazy("Nothing has been deleted yet."),
    now=gettext_lazy("Delete %(name)s now"),
    busy=gettext_lazy("Deleting"),
    keep=gettext_lazy("Keep the device"),
    symbol="trash-2",
)
CLEAR = Harm(
    operation="clear_device",
    url="devices:device-clear",
    page="changes/clear.html",
    fragment="changes/_clear.html",
    send=Gateway.clear_device,
    parts=_cleared,
    before=_extent,
    refused=gettext_lazy("The platform refused to erase the data. %s"),
    verb=gettext_lazy("Erase data"),
    before_title=gettext_lazy("Before the data of %(name)s is erased"),
    nothing_yet=gettext_lazy("Nothing has been erased yet."),
    now=gettext_lazy("Erase the data of %(name)s now"),
    busy=gettext_lazy("Erasing"),
    keep=gettext_lazy("Keep the data"),
    symbol="eraser",
)
HARMS = {harm.operation: harm for harm in (DELETE, CLEAR)}
