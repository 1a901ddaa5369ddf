"""Create a device: `POST /device/create`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from msgspec import structs

from devices.audit import log as audit_log
from devices.audit.log import ChangeIntent
from devices.audit.models import AuditEntry
from devices.changes.context import ChangeContext, ChangeResult, change_context
from devices.changes.form_state import (
    add_not_applied_error,
    concurrency_fields,
    redisplay_with_error,
    refresh_form_tokens,
)
from devices.changes.kinds import AnswersWith, ChangeKind, Example, Opens, Words
from devices.changes.pipeline import CONFLICT, redirect_after_success, render_outcome_unknown
from devices.changes.reconciliation import reconcile
from devices.changes.service import execute, find_replay
from devices.changes.verification import UNREAD, Observation, ObservedState, observe_new_device
from devices.changes.writes.create_form import CreateForm
from devices.core import api_rules
from devices.core.permissions import judge
from devices.core.requests import DeviceRequest, require, restored_fields
from devices.core.responses import answer, redirect_to
from devices.core.text import clean, sentences, shorten
from devices.directory.lookup import Unresolved, resolve_organization, resolve_user, with_missing_permissions
from devices.directory.names import Names, names_for, organization_choices, templates_for
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound, Rejected, Unauthorized
from devices.gateway.types import BaseInfo, Template

NOT_READ = "?"
"""`before` of a new device when nobody knows which devices had its name."""
SEARCH_LAG = timedelta(seconds=60)
"""How long a new device may be missing from the search."""
TYPED = ("template_code", "name", "org_id", "owner")


@require_http_methods(["GET", "HEAD", "POST"])
def device_new(request: DeviceRequest) -> HttpResponse:
    """`POST /device/create`, sent once and never repeated, then the new device."""
    require(request, "create_device")
    names = names_for(request.gateway, request.access)
    templates = templates_for(request.gateway, request.access)
    offered: dict[str, Any] = {"templates": _codes(templates), "organizations": _listed(request, names)}
    if request.method != "POST" or "by_id" in request.POST:
        typed = restored_fields(request, *TYPED) or {name: request.POST[name] for name in TYPED if name in request.POST}
        return _page(request, CreateForm(initial=concurrency_fields(None) | typed, **offered))
    form = CreateForm(request.POST, **offered)
    form.is_valid()
    _organization(request, form, names)
    owner_id = _owner(request, form)  # also beside other mistakes, so that all are shown at once
    return _page(request, form, status=422) if form.errors else _submit(request, form, owner_id)


def _submit(request: DeviceRequest, form: CreateForm, owner_id: int | None) -> HttpResponse:
    try:
        result = _create(request, form, owner_id)
    except MayExist as hindrance:
        form.add_error("name", str(hindrance))
        refresh_form_tokens(form)
        return _page(request, form, status=CONFLICT)
    except (Unauthorized, Forbidden):
        raise
    except GatewayError as error:
        return _refused(request, form, error)
    if result.confirmed:
        return _created(request, result)
    if result.unknown:
        return render_outcome_unknown(request, result)
    add_not_applied_error(form, CREATE, result)
    return _page(request, form, status=result.status)


class MayExist(Exception):
    """Says why no other device of this name is created now."""


def _create(request: DeviceRequest, form: CreateForm, owner_id: int | None) -> ChangeResult:
    context, data = change_context(request), form.cleaned_data
    intent = ChangeIntent(
        operation="create_device",
        device_name=data["name"],
        org_id=data["org_id"] or request.access.org_id,
        target=data["template_code"],
        target_name=dict(form.templates or ()).get(data["template_code"], ""),
        after=data["name"],
    )
    submission: dict[str, Any] = {
        "idempotency_key": data["idempotency_key"],
        "submitted": [data["name"], data["org_id"], owner_id],
    }
    if replay := find_replay(context, intent, **submission):
        return replay
    if hindrance := _earlier_request(context, data["name"]):
        raise MayExist(hindrance)
    intent = structs.replace(intent, before=ids_named_before(context.gateway, data["name"], request.access.email))

    def send(gateway: Gateway) -> BaseInfo:
        return gateway.create_device(data["template_code"], data["name"], org_id=data["org_id"], owner_id=owner_id)

    return execute(context, intent, send, made=lambda device: device.id, **submission)


def _earlier_request(context: ChangeContext, name: str) -> str:
    """Why no device of this name is created now: an earlier request, whose reply was lost, may have created one.

    Empty where there is none, or it was certainly not made. One that is found is reconciled, so it is told once.
    """
    for entry in audit_log.open_creations(context.access, name):
        result = reconcile(context, entry)
        if result.confirmed:
            words = _(
                "An earlier request to create this device got no reply but succeeded (ID %d). No second device was"
                " created. Send the form again if you want another one."
            )
            return words % (result.state.created_device_id or 0)
        if not result.state.final:
            return _(
                "An earlier request to create a device of this name got no reply, and its outcome is not known yet."
                " Nothing was created now. Send the form again in a minute."
            )
    return ""


def _created(request: DeviceRequest, result: ChangeResult) -> HttpResponse:
    """To the device, if this person can see it: without an owner, somebody who sees only their own devices cannot."""
    device_id, observation = result.state.created_device_id or 0, result.observation
    if observation.state is ObservedState.UNREAD:
        observation = observe_new_device(request.gateway.fresh(), device_id)
    if observation.state is not ObservedState.GONE:
        return redirect_after_success(request, result, reverse("devices:device-detail", args=[device_id]))
    values = {"name": shorten(clean(result.entry.after)), "id": device_id}
    messages.success(request, _("Created %(name)s, ID %(id)s. It has no owner, so you cannot see it.") % values)
    return redirect_to(request, reverse("devices:device-list"))


# --- what was filled in -----------------------------------------------------------------------------------------------


@contextmanager
def _told_beside(form: CreateForm, field: str, failed: str) -> Iterator[None]:
    """A look-up that finds nothing, or fails, becomes an error of the field. Raises Unauthorized and Forbidden."""
    try:
        yield
    except Unresolved as problem:
        form.add_error(field, with_missing_permissions(str(problem), problem.missing))
    except (Unauthorized, Forbidden):
        raise
    except GatewayError as error:
        form.add_error(field, sentences(failed, _(error.sentence)))


def _organization(request: DeviceRequest, form: CreateForm, names: Names) -> None:
    """Look up an organization that was not chosen by its name; one that is not there is told beside the field."""
    org_id = form.cleaned_data.get("org_id")
    if org_id is None or org_id in names.organizations:
        return
    with _told_beside(form, "org_id", _("The organization could not be looked up.")):
        resolve_organization(request.gateway.fresh(), request.access, org_id)


def _owner(request: DeviceRequest, form: CreateForm) -> int | None:
    """The id of the owner meant; None for nobody in particular, or with an error beside the field."""
    typed, person = form.cleaned_data.get("owner"), None
    if typed:
        with _told_beside(form, "owner", _("The owner could not be looked up.")):
            person = resolve_user(request.gateway.fresh(), request.access, typed)
    if person is None:
        return None
    verdict = judge("create_device", request.access, other=person.id != request.access.user_id)
    if not verdict.allowed:
        form.add_error("owner", with_missing_permissions(verdict.why, verdict.missing))
    elif person.obstacle:
        form.add_error("owner", person.obstacle)
    return person.id


def _listed(request: DeviceRequest, names: Names) -> list[tuple[str, str]]:
    """The organizations by name, one's own first. None, for a field, where there is no choice, on wish (`by_id`, which
    sends nothing), or where the one sent is not among them."""
    own = request.access.org_id
    known = sorted(organization_choices(names), key=lambda choice: choice[0] != own)
    choices = [("" if id == own else str(id), name) for id, name in known]
    typed = request.POST.get("org_id") or restored_fields(request, "org_id").get("org_id", "")
    elsewhere = typed.strip() not in {"", *(value for value, _name in choices)}
    return [] if len(choices) < 2 or elsewhere or "by_id" in (request.POST or request.GET) else choices


def _codes(templates: Iterable[Template] | None) -> list[tuple[str, str]] | None:
    """A choice for each text id; where a template has several, the id tells them apart. None for None."""
    if templates is None:
        return None
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
        message = sentences(_("The platform refused this."), clean(error.api_message))
        form.add_error(_field(form, error), message)
        refresh_form_tokens(form)
        return _page(request, form, status=422)
    message = sentences(_(error.sentence), _("Nothing was created."))
    return redisplay_with_error(form, error, partial(_page, request, form), message=message)


def _field(form: CreateForm, error: GatewayError) -> str | None:
    """The field that a refusal is about. The API has no code for it, so its words have to do, to place it only.

    Words that tell nothing are about the name, if that was the one thing typed and all else chosen from lists.
    """
    message = error.api_message.casefold()
    for word, field in (
        ("template", "template_code"),
        ("organization", "org_id"),
        ("user", "owner"),
        ("owner", "owner"),
        ("name", "name"),
    ):
        if word in message:
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
        "pick_url": reverse("devices:pick-user") if others.allowed and judge("search_users", access).allowed else "",
        "pick_organization_url": reverse("devices:pick-organization")
        if judge("search_organizations", access).allowed
        else "",
        "organizations_denied": judge("list_sub_organizations", access).missing,
        "cancel_url": reverse("devices:device-list"),
    }
    return answer(request, "changes/create.html", "changes/_create.html", context, status=status)


# --- how it is verified -----------------------------------------------------------------------------------------------


def observe(gateway: Gateway, entry: AuditEntry, requested: str, before: str) -> Observation:
    """A device of that name that was not there before (`ids_named_before`). Search lags, so a device that is missing
    counts as not created only after SEARCH_LAG."""
    if before == NOT_READ:
        return UNREAD
    known = {int(id) for id in before.split()} | audit_log.created_by_other_entries(entry)
    new = [id for id in ids_named(gateway, requested, entry.person.email) if id not in known]
    if new and audit_log.has_open_duplicate(entry):
        return UNREAD  # nobody can tell which of the two entries created it
    if len(new) == 1:
        return observe_new_device(gateway, new[0])
    if new:
        return Observation(ObservedState.OTHER, " ".join(str(id) for id in new))
    late = timezone.now() - entry.created_at > SEARCH_LAG
    return Observation(ObservedState.BEFORE if late else ObservedState.UNREAD)


def ids_named(gateway: Gateway, name: str, email: str) -> list[int]:
    """Ids of the devices of exactly this name that this person finds: by search, or among their own. At most 200."""
    try:
        found = gateway.search_devices(name, size=200).items
    except Forbidden:
        found = gateway.list_devices_by_owner(email, size=200).items
    return sorted(device.id for device in found if device.name == name)


def ids_named_before(gateway: Gateway, name: str, email: str) -> str:
    """The ids that have the name already, as the audit stores them: with these a device can be recognized whose
    creation got no reply. Never a reason not to create it."""
    try:
        return " ".join(str(id) for id in ids_named(gateway, name, email))
    except GatewayError:
        return NOT_READ


CREATE = ChangeKind(
    operation="create_device",
    name="new",
    path="new/",
    order=5,
    words=Words(
        label=gettext_lazy("Create device"),
        about=gettext_lazy("Add a device before its hardware connects."),
        button=gettext_lazy("New device"),
        title=gettext_lazy("New device"),
        submit=gettext_lazy("Create device"),
        busy=gettext_lazy("Creating"),
        done=gettext_lazy("%(after)s was created."),
        not_done=gettext_lazy("%(after)s was not created."),
        unknown=gettext_lazy("It is not known whether %(after)s was created."),
        refused=gettext_lazy("The platform refused this."),
    ),
    icon="plus",
    shown=frozenset(),
    opens=Opens.PAGE,
    answers_with=AnswersWith.REDIRECT,
    destructive=False,
    about_device=False,
    form=CreateForm,
    field="name",
    view=lambda change: device_new(change.request),
    intent=lambda change, checked: {},
    send=lambda gateway, intent: gateway.create_device(intent.target, intent.after),
    observe=observe,
    reply_is_proof=True,
    undo=None,
    example=Example({"template_code": "TMPL2cRm01aQ9", "name": "Created 1"}, after="Created 1"),
)
