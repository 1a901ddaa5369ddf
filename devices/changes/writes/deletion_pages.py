"""The pages on which somebody decides to delete a device or to erase its data: what will be deleted, what kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from devices.changes.confirmation import confirmation_context
from devices.changes.forms import ChangeForm, line
from devices.changes.kinds import ChangeRequest
from devices.core import api_rules
from devices.core.fanout import fan_out
from devices.core.formatting import number
from devices.core.permissions import judge, judge_here
from devices.core.requests import DeviceRequest
from devices.core.responses import answer
from devices.gateway.client import Gateway
from devices.gateway.pagination import Page
from devices.gateway.types import BaseInfo
from devices.receipts import builder as receipt_builder
from devices.receipts.display import missing_part_text

COUNTED: dict[str, Callable[..., Page[Any]]] = {"timeline": Gateway.list_timeline, "logs": Gateway.list_logs}
TYPEABLE_MAX = 100
"""Characters of a name that somebody can be asked to type."""

Totals = Mapping[str, int | None]


class Item(NamedTuple):
    """Something that will be deleted or kept, and what that means."""

    words: str
    note: str = ""


class ConfirmForm(ChangeForm):
    """The last step before something that cannot be undone: a reason, and the device's name typed.

    `word`: what has to be typed: the name, or the id if `by_id`; empty while it is not known. Blanks at the ends and
    doubled ones do not count, nor do the kinds of apostrophe.
    """

    gaps = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput())
    """Names of the parts that the page said will be missing from the receipt."""
    confirm = forms.CharField(
        label=gettext_lazy("Type the device name to confirm"),
        required=False,
        widget=line(spellcheck="false", autocapitalize="off"),
    )
    without = forms.BooleanField(label=gettext_lazy("Go on without a complete receipt"), required=False)
    field_order = ("reason", "confirm", "without")

    def __init__(self, *args: Any, word: str, by_id: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.word = word
        if by_id:
            self.fields["confirm"].label = _("Type the device ID to confirm")

    def clean_reason(self) -> str:
        reason = super().clean_reason()
        if not reason:
            raise forms.ValidationError(_("Give a reason: this cannot be undone."), code="required")
        return reason

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if self.word and folded(typed) != folded(self.word):
            raise forms.ValidationError(_("Type exactly: %s") % self.word, code="differs")
        return typed

    def set_gaps(self, missing: Collection[str]) -> None:
        """Note what the page says is missing. What it did not say before, nobody has agreed to."""
        gaps = ",".join(sorted(missing))
        if not self.is_bound:
            self.initial["gaps"] = gaps
        elif self.data.get("gaps", "") != gaps:
            sent: Any = self.data
            data = sent.copy()
            data["gaps"] = gaps
            data.pop("without", None)
            self.data = data

    def agrees_to(self, missing: Collection[str]) -> bool:
        """Whether the page said what is missing, and the person goes on without it."""
        gaps = self.cleaned_data["gaps"].split(",")
        return not missing or (self.cleaned_data["without"] and set(missing) <= set(gaps))


def folded(name: str) -> str:
    return " ".join(api_rules.tidy_name(name).split())


def confirm_options(info: BaseInfo | None) -> dict[str, Any]:
    """Ask for the name, or for the id where a name is empty, endless or has characters that no keyboard has."""
    if info is None:
        return {"word": ""}
    name = info.name.strip()
    typeable = bool(name) and name.isprintable() and len(name) <= TYPEABLE_MAX
    return {"word": name if typeable else str(info.id), "by_id": not typeable}


def confirm_page(
    change: ChangeRequest,
    form: ConfirmForm,
    info: BaseInfo | None,
    *,
    missing: Mapping[str, receipt_builder.ReceiptPart] | None = None,
    status: int = 200,
) -> HttpResponse:
    """`missing`: from the receipt, where one was tried; else what is known beforehand. `info` None: it could not be
    read, so the form stands alone: what was typed stays."""
    request, kind = change.request, change.kind
    words, fragment = DESTRUCTIVE[kind.operation], "changes/_deletion.html"
    page = {"form": form, "kind": kind, "words": words, "crumb": kind.words.button, "fragment": fragment}
    if info is None:
        name = _("Device %d") % change.device_id
        context: dict[str, Any] = {"device_id": change.device_id, "device_name": name, "form_only": True}
    else:
        context = confirmation_context(request, info)
        totals = _totals(request, info.id)
        missing = _missing_anyway(request, totals) if missing is None else missing
        form.set_gaps(missing)
        context |= words.impact(request, info, context, totals)
        context["missing"] = [missing_part_text(name, part) for name, part in missing.items()]
    return answer(request, "changes/confirm.html", fragment, context | page, status=status)


# --- impact -----------------------------------------------------------------------------------------------------------


def delete_impact(request: DeviceRequest, info: BaseInfo, context: dict[str, Any], totals: Totals) -> dict[str, Any]:
    return {
        "may_remove_owner": judge_here("remove_owner", request.access, info.owner_user_id).allowed,
        "deleted": [
            Item(_("The device and its ID %d") % info.id, _("Neither can be restored.")),
            Item(_("All values and their history"), _since(context)),
            _timeline(totals.get("timeline")),
            _logs(totals.get("logs")),
            Item(_("Its metafields and tags")),
            Item(_("Its token"), _("The hardware cannot connect again until it is set up as a new device.")),
        ],
        "kept": [
            Item(_("The owner’s account"), context["owner"]) if context["owner"] else None,
            Item(_("The template and the organization"), f"{context['template']}, {context['organization']}"),
            _receipt_item(),
            _audit_item(),
        ],
    }


def clear_impact(request: DeviceRequest, info: BaseInfo, context: dict[str, Any], totals: Totals) -> dict[str, Any]:
    return {
        "deleted": [
            Item(_("The history of all values"), _since(context)),
            _timeline(totals.get("timeline")),
            Item(_("Its statistics"), _("Counts of disconnects, messages and events.")),
        ],
        "kept": [
            Item(_("The device and its ID %d") % info.id),
            Item(_("Its token"), _("The hardware goes on connecting as before.")),
            Item(_("Its owner, organization, metafields and tags")),
            _receipt_item(),
            _audit_item(),
        ],
    }


def _since(context: dict[str, Any]) -> str:
    return _("since %s") % context["activated"].text if context["activated"] else ""


def _receipt_item() -> Item:
    holds = _(
        "A file with what the platform shows just before: base info, current values, metafields, tags, timeline and"
        " the log of user actions. Without secrets, and without the history of values, which the platform does not"
        " give out. %s"
    )
    return Item(_("A receipt, to download"), holds % _kept_for())


def _audit_item() -> Item:
    words = _("Who did this, when, why, the outcome, and the receipt’s fingerprint. %s")
    return Item(_("An entry in the portal’s audit"), words % _kept_for())


def _kept_for() -> str:
    days = settings.AUDIT_KEEP_DAYS
    return ngettext("Kept for %d day.", "Kept for %d days.", days) % days


def _timeline(total: int | None) -> Item | None:
    """None where there is nothing to delete."""
    if total is None:
        return Item(_("Its timeline"))
    if not total:
        return None
    return Item(ngettext("%s event in its timeline", "%s events in its timeline", total) % number(total))


def _logs(total: int | None) -> Item | None:
    if total is None:
        return Item(_("The log of user actions"))
    if not total:
        return None
    return Item(
        ngettext("%s entry in the log of user actions", "%s entries in the log of user actions", total) % number(total)
    )


def _totals(request: DeviceRequest, device_id: int) -> Totals:
    """How many there are. Left out where this person may not know, or the platform does not tell."""
    asked = [name for name in COUNTED if judge(receipt_builder.PART_READERS[name][0], request.access).allowed]
    found = fan_out(request.gateway.fresh(), asked, lambda gateway, name: COUNTED[name](gateway, device_id, size=1))
    return {name: page.total for name, page in found.items() if isinstance(page, Page)}


def _missing_anyway(request: DeviceRequest, totals: Totals) -> dict[str, receipt_builder.ReceiptPart]:
    """What a receipt will lack in any case: what this person may not read, what there is too much of."""
    most = receipt_builder.MAX_PAGES * receipt_builder.PAGE_SIZE
    too_many = {
        name: receipt_builder.ReceiptPart(items=most, total=total, reason=receipt_builder.TOO_MANY)
        for name, total in totals.items()
        if total is not None and total > most
    }
    return receipt_builder.forbidden_parts(request.access) | too_many


class DestructiveAction(NamedTuple):
    """Words beside those of the kind. `before_title`, `nothing_yet` and `now` are of the receipt's page."""

    impact: Callable[[DeviceRequest, BaseInfo, dict[str, Any], Totals], dict[str, Any]]
    title: Any
    lead: Any
    keep: Any
    submit: Any
    before_title: Any
    nothing_yet: Any
    now: Any
    while_online: Any = ""
    note: Any = ""


DESTRUCTIVE = {
    "delete_device": DestructiveAction(
        delete_impact,
        title=gettext_lazy("Delete %(name)s?"),
        lead=gettext_lazy(
            "This cannot be undone. Neither the platform nor the portal can bring the device or its history back. The "
            "portal keeps a receipt of what it held."
        ),
        keep=gettext_lazy("Keep the device"),
        submit=gettext_lazy("Delete %(name)s"),
        before_title=gettext_lazy("Before %(name)s is deleted"),
        nothing_yet=gettext_lazy("Nothing has been deleted yet."),
        now=gettext_lazy("Delete %(name)s now"),
    ),
    "clear_device": DestructiveAction(
        clear_impact,
        title=gettext_lazy("Erase the data of %(name)s?"),
        lead=gettext_lazy(
            "This cannot be undone. Neither the platform nor the portal can bring the history back. The portal keeps a "
            "receipt of what it can read."
        ),
        keep=gettext_lazy("Keep the data"),
        submit=gettext_lazy("Erase the data of %(name)s"),
        before_title=gettext_lazy("Before the data of %(name)s is erased"),
        nothing_yet=gettext_lazy("Nothing has been erased yet."),
        now=gettext_lazy("Erase the data of %(name)s now"),
        while_online=gettext_lazy("It continues to report. Its history starts again from empty."),
        note=gettext_lazy(
            "The platform does not say whether it also erases the current values and the log of user actions."
        ),
    ),
}
