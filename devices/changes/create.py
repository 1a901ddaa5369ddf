"""A new device."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from msgspec import structs

from devices.audit import log as audit_log
from devices.audit.log import ChangeIntent, new_idempotency_key
from devices.changes.context import ChangeContext, ChangeResult
from devices.changes.create_form import CreateForm
from devices.changes.pipeline import (
    CONFLICT,
    add_not_applied_error,
    change_context,
    redirect_after_success,
    refresh_form_tokens,
    render_outcome_unknown,
)
from devices.changes.reconciliation import reconcile
from devices.changes.redisplay import redisplay_with_error
from devices.changes.service import execute, find_replay
from devices.changes.verification import ObservedState, ids_named_before, observe_new_device
from devices.core import api_rules
from devices.core.permissions import Access, judge
from devices.core.requests import DeviceRequest, require, unsent
from devices.core.responses import answer, redirect_to
from devices.core.text import clean, sentences, shorten
from devices.directory.lookup import Unresolved, resolve_organization, resolve_user, with_missing_permissions
from devices.directory.names import Names, names_for, organization_choices, templates_for
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound, Rejected, Unauthorized
from devices.gateway.types import BaseInfo

TYPED = ("template_code", "name", "org_id", "owner")


@require_http_methods(["GET", "HEAD", "POST"])
def device_new(request: DeviceRequest) -> HttpResponse:
    """`POST /device/create`, sent once and never repeated, then the new device."""
    require(request, "create_device")
    names = names_for(request.gateway, request.access)
    offered = _offered(request, names)
    if request.method != "POST" or "by_id" in request.POST:
        typed = unsent(request, *TYPED) or {name: request.POST[name] for name in TYPED if name in request.POST}
        return _page(request, CreateForm(initial={"idempotency_key": new_idempotency_key()} | typed, **offered))
    form = CreateForm(request.POST, **offered)
    form.is_valid()
    _organization(request, form, names)
    owner_id = _owner(request, form)  # also beside other mistakes, so that all are told at once
    if form.errors:
        return _page(request, form, status=422)
    try:
        done = _create(request, form, owner_id)
    except MayExist as hindrance:
        form.add_error("name", str(hindrance))
        refresh_form_tokens(form)
        return _page(request, form, status=CONFLICT)
    except (Unauthorized, Forbidden):
        raise
    except GatewayError as error:
        return _refused(request, form, error)
    if done.confirmed:
        return _made(request, done)
    if done.unknown:
        return render_outcome_unknown(request, done)
    add_not_applied_error(form, done)
    return _page(request, form, status=done.error.status if done.error else CONFLICT)


class MayExist(Exception):
    """Says why no other device of this name is made now."""


def _create(request: DeviceRequest, form: CreateForm, owner_id: int | None) -> ChangeResult[BaseInfo]:
    desk, data = change_context(request), form.cleaned_data
    facts = ChangeIntent(
        operation="create_device",
        device_name=data["name"],
        org_id=data["org_id"] or request.access.org_id,
        target=data["template_code"],
        target_name=dict(form.templates or ()).get(data["template_code"], ""),
        after=data["name"],
    )
    told: dict[str, Any] = {"idempotency_key": data["idempotency_key"], "contents": [data["org_id"], owner_id]}
    if done := find_replay(desk, facts, **told):
        return done
    if said := _lost_before(desk, data["name"]):
        raise MayExist(said)
    facts = structs.replace(facts, before=ids_named_before(request.gateway.fresh(), data["name"], request.access.email))

    def send(gateway: Gateway) -> BaseInfo:
        return gateway.create_device(data["template_code"], data["name"], org_id=data["org_id"], owner_id=owner_id)

    return execute(desk, facts, send, made=lambda device: device.id, **told)


def _lost_before(desk: ChangeContext, name: str) -> str:
    """Why no device of this name is made now: one may have been made already, its answer lost. It is looked for first.

    Empty where there is none, or it was surely not made. One that has turned up is settled by that, so it is told once.
    """
    for entry in audit_log.open_creations(desk.access, name):
        done = reconcile(desk, entry)
        if done.confirmed:
            words = _(
                "A device of this name was asked for before, and its answer was lost. It was made all the same: ID %d. "
                "Yours was not created. Send the form again if you want another one."
            )
            return words % (done.state.created_device_id or 0)
        if not done.state.final:
            return _(
                "A device of this name was asked for a moment ago, and it is not known whether it was made. Nothing "
                "was created now. Send the form again in a minute."
            )
    return ""


def _made(request: DeviceRequest, done: ChangeResult[Any]) -> HttpResponse:
    """To the device, if this person can see it: without an owner, whoever sees only their own cannot."""
    device_id = done.state.created_device_id or 0
    reading = (
        observe_new_device(request.gateway.fresh(), device_id)
        if done.observation.now is ObservedState.UNREAD
        else done.observation
    )
    if reading.now is not ObservedState.GONE:
        return redirect_after_success(request, done, reverse("devices:device-detail", args=[device_id]))
    told = {"name": shorten(clean(done.entry.after)), "id": device_id}
    messages.success(
        request, _("Created %(name)s, ID %(id)s. It is not among the devices that you can see: it has no owner.") % told
    )
    return redirect_to(request, reverse("devices:device-list"))


# --- what was filled in -----------------------------------------------------------------------------------------------


def _organization(request: DeviceRequest, form: CreateForm, names: Names) -> None:
    """Look up an organization that was not chosen by its name; one that is not there is told beside the field."""
    org_id = form.cleaned_data.get("org_id")
    if org_id is None or org_id in names.organizations:
        return
    try:
        resolve_organization(request.gateway.fresh(), request.access, org_id)
    except Unresolved as problem:
        form.add_error("org_id", str(problem))
    except (Unauthorized, Forbidden):
        raise
    except GatewayError as error:
        form.add_error("org_id", sentences(_("The organization could not be looked up."), _(error.sentence)))


def _owner(request: DeviceRequest, form: CreateForm) -> int | None:
    """The id of the owner meant; None for nobody in particular, or with an error beside the field."""
    typed = form.cleaned_data.get("owner")
    if not typed:
        return None
    try:
        person = resolve_user(request.gateway.fresh(), request.access, typed)
    except Unresolved as problem:
        form.add_error("owner", with_missing_permissions(str(problem), problem.missing))
        return None
    except (Unauthorized, Forbidden):
        raise
    except GatewayError as error:
        form.add_error("owner", sentences(_("The owner could not be looked up."), _(error.sentence)))
        return None
    verdict = judge("create_device", request.access, other=person.id != request.access.user_id)
    if not verdict.allowed:
        form.add_error("owner", with_missing_permissions(verdict.why, verdict.missing))
    elif person.obstacle:
        form.add_error("owner", person.obstacle)
    return person.id


def _offered(request: DeviceRequest, names: Names) -> dict[str, Any]:
    """What can be chosen, as `CreateForm` takes it."""
    templates = templates_for(request.gateway, request.access)
    return {
        "templates": None if templates is None else _codes(templates),
        "organizations": _listed(request, names),
    }


def _listed(request: DeviceRequest, names: Names) -> list[tuple[str, str]]:
    """The organizations by name, one's own first. None, for a field, where there is no choice, on wish (`by_id`, which
    sends nothing), or where the one sent is not among them."""
    own = request.access.org_id
    known = sorted(organization_choices(names), key=lambda choice: choice[0] != own)
    choices = [("" if id == own else str(id), name) for id, name in known]
    typed = request.POST.get("org_id") or unsent(request, "org_id").get("org_id", "")
    elsewhere = typed.strip() not in {"", *(value for value, _name in choices)}
    return [] if len(choices) < 2 or elsewhere or "by_id" in (request.POST or request.GET) else choices


def _codes(templates: Any) -> list[tuple[str, str]]:
    """A choice for each text id; where a template has several, the id tells them apart."""
    choices = []
    for template in sorted(templates, key=lambda template: template.name.casefold()):
        name = shorten(clean(template.name), 60)
        for code in template.template_ids:
            choices.append((code, f"{name} ({clean(code)})" if len(template.template_ids) > 1 else name))
    return choices


# --- what became of it ------------------------------------------------------------------------------------------------


def _refused(request: DeviceRequest, form: CreateForm, error: GatewayError) -> HttpResponse:
    """The form again, with everything that was filled in, and the refusal beside the field that it is about."""
    if isinstance(error, Rejected | NotFound):
        said = sentences(_("The platform refused this."), clean(error.api_message))
        form.add_error(_field(form, error), said)
        refresh_form_tokens(form)
        return _page(request, form, status=422)
    said = sentences(_(error.sentence), _("Nothing was created."))
    return redisplay_with_error(form, error, partial(_page, request, form), said=said)


def _field(form: CreateForm, error: GatewayError) -> str | None:
    """The field that a refusal is about. The API has no code for it, so its words have to do, to place it only.

    Words that tell nothing are about the name, if that was the one thing typed and all else chosen from lists.
    """
    said = error.api_message.casefold()
    for word, field in (
        ("template", "template_code"),
        ("organization", "org_id"),
        ("user", "owner"),
        ("owner", "owner"),
        ("name", "name"),
    ):
        if word in said:
            return field
    return "name" if form.templates is not None and isinstance(error, Rejected) else None


def _page(request: DeviceRequest, form: CreateForm, *, status: int = 200) -> HttpResponse:
    access = request.access
    others = judge("create_device", access, other=True)
    context = {
        "form": form,
        "name_max": api_rules.NAME_MAX,
        "templates_denied": judge("list_templates", access).missing,
        "others": others,
        "pick_url": reverse("devices:pick-user") if others.allowed and _searches(access) else "",
        "pick_organization_url": reverse("devices:pick-organization")
        if judge("search_organizations", access).allowed
        else "",
        "organizations_denied": judge("list_sub_organizations", access).missing,
        "cancel_url": reverse("devices:device-list"),
    }
    return answer(request, "changes/create.html", "changes/_create.html", context, status=status)


def _searches(access: Access) -> bool:
    return judge("search_users", access).allowed
