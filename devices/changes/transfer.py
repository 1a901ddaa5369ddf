"""Whose a device is, and where. One step finds the new owner or organization, the next shows from and to, and does it.

The first step is a GET, `?owner=` or `?org_id=`: it changes nothing and can be pasted. The second posts what was shown,
with the device's turn held: what it is compared with and what is sent belong together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from devices.audit.log import ChangeIntent
from devices.changes.confirmation import confirmation_context, finish, owner_id
from devices.changes.device_lock import DeviceLocked, device_lock
from devices.changes.forms import OrganizationForm, OwnerForm, ReasonForm
from devices.changes.pipeline import (
    CONFLICT,
    add_locked_error,
    add_not_applied_error,
    change_context,
    is_conflict,
    refresh_form_tokens,
)
from devices.changes.redisplay import redisplay_with_error
from devices.changes.service import execute, find_replay
from devices.core.permissions import VIEW_USERS, judge, judge_here
from devices.core.requests import DeviceRequest, require, unsent
from devices.core.responses import answer
from devices.core.text import clean
from devices.directory.lookup import Person, Unresolved, resolve_organization, resolve_user, with_missing_permissions
from devices.directory.names import Names, names_for
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError, NotFound, Rejected
from devices.gateway.types import BaseInfo
from devices.ui.read_errors import degraded_form

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


class End(NamedTuple):
    """One end of a transfer: a person or an organization (id 0: nobody), and what else is known of it."""

    id: int
    name: str
    details: tuple[str, ...] = ()


class Way(NamedTuple):
    """A kind of transfer. `holder`: the id of whom or what has a device as digits, "" for nobody; the form's `field`
    shall name it anew.

    The rest is words, for when the device has another holder by now, and for what the platform answers.
    """

    what: str
    field: str
    send: Callable[[Gateway, int, int], object]
    holder: Callable[[BaseInfo], str]
    changed: str | StrPromise
    refused: str | StrPromise
    not_found: str | StrPromise

    @property
    def operation(self) -> str:
        return f"transfer_{self.what}"


Act = Callable[..., HttpResponse]
"""What the second step ends in (request, way, info, form, target, page, now=): the transfer, or that it must wait."""


TO_OWNER = Way(
    "to_owner",
    "owner",
    Gateway.transfer_to_owner,
    owner_id,
    gettext_lazy(
        "Since you looked, the owner has changed: it is %(now)s now. You chose %(mine)s. Nothing was transferred. "
        "Send the form again to transfer it all the same, or keep the owner."
    ),
    gettext_lazy("The platform refused this owner. %s"),
    gettext_lazy("The platform does not find this user."),
)
TO_ORGANIZATION = Way(
    "to_organization",
    "org_id",
    Gateway.transfer_to_organization,
    lambda info: str(info.org_id),
    gettext_lazy(
        "Since you looked, the organization has changed: it is %(now)s now. You chose %(mine)s. "
        "Nothing was transferred. Send the form again to transfer it all the same, or keep it there."
    ),
    gettext_lazy("The platform refused this organization. %s"),
    gettext_lazy("The platform does not find this organization."),
)


# --- to an owner ------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@degraded_form(gettext_lazy("Transfer to another owner"))
def device_transfer_to_owner(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`POST /device/transfer/to-owner`, then the owner and the organization as they read back."""
    require(request, "transfer_to_owner")
    return _one_at_a_time(request, device_id, TO_OWNER, _to_owner)


def _to_owner(request: DeviceRequest, device_id: int, act: Act) -> HttpResponse:
    info = request.gateway.fresh().get_base_info(device_id)
    verdict = judge_here("transfer_to_owner", request.access, info.owner_user_id)
    require(request, "transfer_to_owner", verdict=verdict)
    sent = _sent(request, TO_OWNER)
    if "owner" not in sent:
        return _owner_page(request, OwnerForm(), None, info)
    form = OwnerForm(sent)
    try:
        person = _person(request, info, form)
    except GatewayError as error:
        return redisplay_with_error(form, error, partial(_owner_page, request, form, _chosen(request, form), info))
    page = partial(_owner_page, request, form, person)
    if request.method != "POST" or not person or not form.is_valid():
        return page(info)
    owner = names_for(request.gateway, request.access).owner(info.owner_user_id) or _("nobody")
    return act(request, TO_OWNER, info, form, End(person.id, person.label), page, now=owner)


def _chosen(request: DeviceRequest, form: OwnerForm) -> Person | None:
    """Whom the second step sent, by id alone: who it is cannot be asked, and it need not be chosen again."""
    typed = form.cleaned_data.get("owner", "")
    return Person(int(typed)) if request.method == "POST" and typed.isascii() and typed.isdigit() else None


def _person(request: DeviceRequest, info: BaseInfo, form: OwnerForm) -> Person | None:
    """Who shall own the device; None, with the reason beside the field, where that cannot be."""
    form.is_valid()
    try:
        person = resolve_user(request.gateway.fresh(), request.access, form.cleaned_data.get("owner", ""))
    except Unresolved as problem:
        form.add_error("owner", with_missing_permissions(str(problem), problem.missing))
        return None
    if hindrance := _hindrance(request, info, person):
        form.add_error("owner", hindrance)
        return None
    return person


def _hindrance(request: DeviceRequest, info: BaseInfo, person: Person) -> str:
    """Why this person cannot become the owner here and now; empty if they can."""
    if person.id == info.owner_user_id:
        return _("%s is the owner already: there is nothing to do.") % person.label
    verdict = judge("transfer_to_owner", request.access, other=person.id != request.access.user_id)
    if not verdict.allowed:
        return with_missing_permissions(_("The new owner is not you."), verdict.missing)
    return person.obstacle


def _owner_page(
    request: DeviceRequest, form: OwnerForm, person: Person | None, info: BaseInfo, *, status: int = 0
) -> HttpResponse:
    context = confirmation_context(request, info) | {"form": form, "person": person}
    may_search = request.access.has(VIEW_USERS)
    context["to_self_only"] = "" if may_search else VIEW_USERS
    context["pick_url"] = reverse("devices:pick-user") if may_search else ""
    if person:
        names = names_for(request.gateway, request.access)
        there = names.organization(person.org_id)
        context |= {
            "origin": End(info.owner_user_id or 0, context["owner"] or _("No owner"), (context["organization"],)),
            "target": End(person.id, person.label, (person.email, there)),
            "moves_to": there if person.org_id not in (None, info.org_id) else "",
            "unread": not person.email,
            "loses_sight": request.access.only_own and person.id != request.access.user_id,
        }
    return _page(request, TO_OWNER, context, form, info, status)


# --- to an organization -----------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@degraded_form(gettext_lazy("Transfer to another organization"))
def device_transfer_to_organization(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`POST /device/transfer/to-organization`, then where the device reads back, if it still can be read."""
    require(request, "transfer_to_organization")
    return _one_at_a_time(request, device_id, TO_ORGANIZATION, _to_organization)


def _to_organization(request: DeviceRequest, device_id: int, act: Act) -> HttpResponse:
    info = request.gateway.fresh().get_base_info(device_id)
    sent = _sent(request, TO_ORGANIZATION)
    known = _known(request, info, sent)
    if "org_id" not in sent:
        return _organization_page(request, OrganizationForm(known=known), None, info)
    form = OrganizationForm(sent, known=known)
    names = names_for(request.gateway, request.access)
    try:
        target = _organization(request, info, form, names)
    except GatewayError as error:
        org_id = form.cleaned_data["org_id"]
        chosen = End(org_id, names.organization(org_id))
        return redisplay_with_error(form, error, partial(_organization_page, request, form, chosen, info))
    page = partial(_organization_page, request, form, target)
    if request.method != "POST" or not target or not form.is_valid():
        return page(info)
    return act(request, TO_ORGANIZATION, info, form, target, page, now=names.organization(info.org_id))


def _known(request: DeviceRequest, info: BaseInfo, sent: Mapping[str, str]) -> list[tuple[int, str]]:
    """The organizations to choose from, by name. None, for a field, on wish or where the one sent is not among them."""
    names = names_for(request.gateway, request.access).organizations
    others = sorted(((id, name) for id, name in names.items() if id != info.org_id), key=lambda org: org[1].casefold())
    typed = sent.get("org_id", "")
    elsewhere = typed and typed not in {str(id) for id, _name in others}
    return [] if elsewhere or "by_id" in sent else others


def _organization(request: DeviceRequest, info: BaseInfo, form: OrganizationForm, names: Names) -> End | None:
    """Where the device shall go; None, with the reason beside the field, where that cannot be."""
    form.is_valid()
    org_id = form.cleaned_data.get("org_id")
    if org_id is None:
        return None
    if org_id == info.org_id:
        form.add_error("org_id", _("The device is in this organization already: there is nothing to do."))
        return None
    try:
        name = names.organizations.get(org_id) or resolve_organization(request.gateway.fresh(), request.access, org_id)
    except Unresolved as problem:
        form.add_error("org_id", str(problem))
        return None
    return End(org_id, name or names.organization(org_id))


def _organization_page(
    request: DeviceRequest, form: OrganizationForm, target: End | None, info: BaseInfo, *, status: int = 0
) -> HttpResponse:
    context = confirmation_context(request, info) | {"form": form, "target": target}
    context |= {
        "pick_url": reverse("devices:pick-organization"),
        "origin": End(info.org_id, context["organization"]),
        "loses_sight": request.access.only_own,
    }
    return _page(request, TO_ORGANIZATION, context, form, info, status)


# --- what they share --------------------------------------------------------------------------------------------------


def _sent(request: DeviceRequest, way: Way) -> Mapping[str, str]:
    """What a form brought: by POST, in the address, or what its person had typed and could not send."""
    if request.method == "POST":
        return request.POST
    # An address that asks for something, such as to choose anew, is followed; the reason stands all the same.
    typed = unsent(request, "reason") if request.GET else unsent(request, way.field, "reason")
    return {**typed, **request.GET.dict()}


def _one_at_a_time(
    request: DeviceRequest, device_id: int, way: Way, step: Callable[[DeviceRequest, int, Act], HttpResponse]
) -> HttpResponse:
    if request.method != "POST":
        return step(request, device_id, _transfer)
    try:
        with device_lock(device_id, request.gateway.left()):
            return _told_before(request, device_id, way) or step(request, device_id, _transfer)
    except DeviceLocked:
        return step(request, device_id, _wait)


def _told_before(request: DeviceRequest, device_id: int, way: Way) -> HttpResponse | None:
    """The outcome of this very sending, if there was one: the page that is sent names the new holder by its id."""
    typed = request.POST.get(way.field, "").strip()
    if not (typed.isascii() and typed.isdigit() and len(typed) < 20):
        return None
    facts = ChangeIntent(operation=way.operation, device_id=device_id, after=str(int(typed)))
    done = find_replay(change_context(request), facts, idempotency_key=request.POST.get("idempotency_key", ""))
    return None if done is None or done.rejected else finish(request, done)


def _wait(
    request: DeviceRequest,
    way: Way,
    info: BaseInfo,
    form: OwnerForm | OrganizationForm,
    target: End,
    page: Callable[..., HttpResponse],
    *,
    now: str,
) -> HttpResponse:
    add_locked_error(form)
    return page(info, status=CONFLICT)


def _transfer(
    request: DeviceRequest,
    way: Way,
    info: BaseInfo,
    form: OwnerForm | OrganizationForm,
    target: End,
    page: Callable[..., HttpResponse],
    *,
    now: str,
) -> HttpResponse:
    """Send it, once, if the device is still where the page showed it; `page(info)` shows from and to anew otherwise.

    `now`: the present holder's name.
    """
    data, before = form.cleaned_data, way.holder(info)
    if is_conflict(form, before):
        form.add_error(None, way.changed % {"now": now, "mine": target.name})
        return page(info, status=409)
    facts = ChangeIntent(
        operation=way.operation,
        device_id=info.id,
        device_name=info.name,
        org_id=info.org_id,
        before=before,
        after=str(target.id),
        reason=data["reason"],
    )
    try:
        done = execute(
            change_context(request),
            facts,
            lambda gateway: way.send(gateway, info.id, target.id),
            idempotency_key=data["idempotency_key"],
        )
    except Rejected as refusal:
        form.add_error(way.field, way.refused % clean(refusal.api_message))
    except NotFound:
        # Of the new holder or of the device: the status does not tell. A device that is gone says so itself.
        info = request.gateway.fresh().get_base_info(info.id)
        form.add_error(way.field, way.not_found)
    except GatewayError as error:
        return redisplay_with_error(form, error, partial(page, info))
    else:
        if not done.rejected:
            return finish(request, done)
        add_not_applied_error(form, done, found="")
        return page(info, status=done.error.status if done.error else 409)
    return page(info)


def _page(
    request: DeviceRequest, way: Way, context: dict[str, Any], form: ReasonForm, info: BaseInfo, status: int
) -> HttpResponse:
    """`status`: 0 for the one that the form's errors call for."""
    again_url = reverse(f"devices:device-transfer-{way.what.replace('_', '-')}", args=[info.id])
    context |= {"again_url": again_url}
    refresh_form_tokens(form, way.holder(info))
    page, fragment = f"changes/transfer_{way.what}.html", f"changes/_transfer_{way.what}.html"
    return answer(request, page, fragment, context, status=status or (422 if form.errors else 200))
