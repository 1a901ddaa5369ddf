"""Whose a device is, and where. One step finds the new owner or organization, the next shows from and to, and does it.

The first step is a GET, `?owner=` or `?org_id=`: it changes nothing and can be pasted. The second posts what was shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from devices.forms.changes import OrganizationForm, OwnerForm, ReasonForm
from devices.gateway.api import Gateway
from devices.gateway.errors import GatewayError, NotFound, Rejected
from devices.gateway.types import BaseInfo
from devices.http import DeviceRequest, answer, clock_for, require, wants_partial
from devices.lookup import Person, Unresolved, needing, resolve_organization, resolve_user
from devices.names import Names, names_for
from devices.permissions import VIEW_USERS, judge, judge_here
from devices.presentation import name_of
from devices.text import clean
from devices.views.decide import after_change, decision, look_again
from devices.views.kept import keep_form
from devices.views.record import recorded
from devices.views.shell import shell

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


class End(NamedTuple):
    """One end of a transfer: a person or an organization (id 0: nobody), and what else is known of it."""

    id: int
    name: str
    details: tuple[str, ...] = ()


class Way(NamedTuple):
    """A kind of transfer. `holder`: the id of whom or what has a device, which the form's `field` shall name anew.

    The rest is words, for when the device has another holder by now, and for what the platform answers.
    """

    what: str
    field: str
    send: Callable[[Gateway, int, int], object]
    holder: Callable[[BaseInfo], int]
    changed: str | StrPromise
    refused: str | StrPromise
    not_found: str | StrPromise


TO_OWNER = Way(
    "to_owner",
    "owner",
    Gateway.transfer_to_owner,
    lambda info: info.owner_user_id or 0,
    gettext_lazy("Since you looked, the owner has changed: it is %s now. Nothing was transferred."),
    gettext_lazy("The platform refused this owner. %s"),
    gettext_lazy("The platform does not find this user."),
)
TO_ORGANIZATION = Way(
    "to_organization",
    "org_id",
    Gateway.transfer_to_organization,
    lambda info: info.org_id,
    gettext_lazy("Since you looked, the organization has changed: it is %s now. Nothing was transferred."),
    gettext_lazy("The platform refused this organization. %s"),
    gettext_lazy("The platform does not find this organization."),
)


# --- to an owner ------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def device_transfer_to_owner(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`POST /device/transfer/to-owner`, then the owner and the organization as they read back."""
    require(request, "transfer_to_owner")
    info = request.gateway.get_base_info(device_id)
    verdict = judge_here("transfer_to_owner", request.access, info.owner_user_id)
    require(request, "transfer_to_owner", verdict=verdict)
    sent = _sent(request)
    if "owner" not in sent:
        return _owner_page(request, OwnerForm(), None, info)
    form = OwnerForm(sent)
    try:
        person = _person(request, info, form)
    except GatewayError as error:
        return keep_form(form, error, partial(_owner_page, request, form, _chosen(request, form), info))
    page = partial(_owner_page, request, form, person)
    if request.method != "POST" or not person or not form.is_valid():
        return page(info)
    owner = names_for(request.gateway, request.access).owner(info.owner_user_id) or _("nobody")
    return _transfer(request, TO_OWNER, info, form, End(person.id, person.label), page, now=owner)


def _chosen(request: DeviceRequest, form: OwnerForm) -> Person | None:
    """Whom the second step sent, by id alone: who it is cannot be asked, and it need not be chosen again."""
    typed = form.cleaned_data.get("owner", "")
    return Person(int(typed)) if request.method == "POST" and typed.isascii() and typed.isdigit() else None


def _person(request: DeviceRequest, info: BaseInfo, form: OwnerForm) -> Person | None:
    """Who shall own the device; None, with the reason beside the field, where that cannot be."""
    form.is_valid()
    try:
        person = resolve_user(request.gateway, request.access, form.cleaned_data.get("owner", ""))
    except Unresolved as problem:
        form.add_error("owner", needing(str(problem), problem.missing))
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
        return needing(_("The new owner is not you."), verdict.missing)
    return person.obstacle


def _owner_page(
    request: DeviceRequest, form: OwnerForm, person: Person | None, info: BaseInfo, *, status: int = 0
) -> HttpResponse:
    context = decision(request, info) | {"form": form, "person": person}
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
def device_transfer_to_organization(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`POST /device/transfer/to-organization`, then where the device reads back, if it still can be read."""
    require(request, "transfer_to_organization")
    info = request.gateway.get_base_info(device_id)
    sent = _sent(request)
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
        return keep_form(form, error, partial(_organization_page, request, form, chosen, info))
    page = partial(_organization_page, request, form, target)
    if request.method != "POST" or not target or not form.is_valid():
        return page(info)
    return _transfer(request, TO_ORGANIZATION, info, form, target, page, now=names.organization(info.org_id))


def _known(request: DeviceRequest, info: BaseInfo, sent: QueryDict) -> list[tuple[int, str]]:
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
        name = names.organizations.get(org_id) or resolve_organization(request.gateway, request.access, org_id)
    except Unresolved as problem:
        form.add_error("org_id", str(problem))
        return None
    return End(org_id, name or names.organization(org_id))


def _organization_page(
    request: DeviceRequest, form: OrganizationForm, target: End | None, info: BaseInfo, *, status: int = 0
) -> HttpResponse:
    context = decision(request, info) | {"form": form, "target": target}
    context |= {
        "pick_url": reverse("devices:pick-organization"),
        "origin": End(info.org_id, context["organization"]),
        "loses_sight": request.access.only_own,
    }
    return _page(request, TO_ORGANIZATION, context, form, info, status)


# --- to nobody --------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def device_remove_owner(request: DeviceRequest, device_id: int) -> HttpResponse:
    """`DELETE /device/owner`. Whoever sees only what they own loses sight of the device by it."""
    require(request, "remove_owner")
    form = ReasonForm(request.POST if request.method == "POST" else None)
    try:
        info = request.gateway.get_base_info(device_id)
    except GatewayError as error:
        if not form.is_bound or not wants_partial(request):
            raise
        # A dialog has nothing but this form: what was typed is worth more than the facts beside it.
        return keep_form(form, error, partial(_removal, request, device_id, None, form, ""))
    verdict = judge_here("remove_owner", request.access, info.owner_user_id)
    if not form.is_bound:
        return _removal(request, device_id, info, form, verdict.why)
    if verdict.closed:
        form.add_error(None, verdict.why)
    if form.is_valid():
        reason = form.cleaned_data["reason"]
        try:
            with recorded(request, "remove_owner", device_id, before=info.owner_user_id or 0, reason=reason):
                request.gateway.remove_owner(device_id)
        except Rejected as refusal:
            form.add_error(None, _("The platform refused to remove the owner. %s") % clean(refusal.api_message))
        except GatewayError as error:
            return keep_form(form, error, partial(_removal, request, device_id, info, form, verdict.why))
        else:
            found = look_again(request, device_id)
            said = _("%s has no owner now.") % name_of(info)
            return after_change(request, device_id, said, found, holds=not (found.info and found.info.owner_user_id))
    return _removal(request, device_id, info, form, verdict.why, status=422)


def _removal(
    request: DeviceRequest, device_id: int, info: BaseInfo | None, form: ReasonForm, closed: str, *, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "device_id": device_id,
        "form": form,
        "closed": closed,
        "loses_sight": request.access.only_own,
    }
    if info:
        names = names_for(request.gateway, request.access)
        context |= {
            "device_name": name_of(info),
            "owner": names.owner(info.owner_user_id),
            "organization": names.organization(info.org_id),
            "read_at": clock_for(request).stamp(),
        }
    if not wants_partial(request):
        context = shell(request, device_id, tab="overview", info=info) | context
    page, fragment = "devices/device_remove_owner.html", "devices/_device_remove_owner.html"
    return answer(request, page, fragment, context, status=status)


# --- what they share --------------------------------------------------------------------------------------------------


def _sent(request: DeviceRequest) -> QueryDict:
    return request.POST if request.method == "POST" else request.GET


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
    before = way.holder(info)
    if form.cleaned_data["seen"] not in ("", str(before)):
        form.add_error(None, way.changed % now)
        return page(info)
    reason = form.cleaned_data["reason"]
    try:
        with recorded(request, f"transfer_{way.what}", info.id, before=before, after=target.id, reason=reason):
            way.send(request.gateway, info.id, target.id)
    except Rejected as refusal:
        form.add_error(way.field, way.refused % clean(refusal.api_message))
    except NotFound:
        # Of the new holder or of the device: the status does not tell. A device that is gone says so itself.
        info = request.gateway.get_base_info(info.id)
        form.add_error(way.field, way.not_found)
    except GatewayError as error:
        return keep_form(form, error, partial(page, info))
    else:
        found = look_again(request, info.id)
        holds = found.info is None or way.holder(found.info) == target.id
        return after_change(request, info.id, _("Transferred to %s.") % target.name, found, holds=holds)
    return page(info)


def _page(
    request: DeviceRequest, way: Way, context: dict[str, Any], form: ReasonForm, info: BaseInfo, status: int
) -> HttpResponse:
    """`status`: 0 for the one that the form's errors call for."""
    again_url = reverse(f"devices:device-transfer-{way.what.replace('_', '-')}", args=[info.id])
    context |= {"again_url": again_url, "seen": way.holder(info)}
    page, fragment = f"devices/device_transfer_{way.what}.html", f"devices/_device_transfer_{way.what}.html"
    return answer(request, page, fragment, context, status=status or (422 if form.errors else 200))
