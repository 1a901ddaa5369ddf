"""Transfer a device to another owner, or to another organization.

The first step finds the new holder: a GET, `?owner=` or `?org_id=`, which changes nothing and can be pasted. Its page
shows from and to; the second step posts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from devices.audit.models import AuditEntry
from devices.changes.confirmation import confirmation_context
from devices.changes.form_state import redisplay_with_error, refresh_form_tokens
from devices.changes.forms import ChangeForm, line
from devices.changes.kinds import AnswersWith, ChangeKind, ChangeRequest, Example, Opens, Place, Subject, Undo, Words
from devices.changes.pipeline import handle
from devices.changes.verification import Observation, reads_back
from devices.core import api_rules
from devices.core.permissions import VIEW_USERS, Access, judge, judge_here
from devices.core.requests import require, restored_fields
from devices.core.responses import answer
from devices.directory.lookup import Person, Unresolved, resolve_organization, resolve_user, with_missing_permissions
from devices.directory.names import Names, names_for, organization_choices
from devices.gateway.errors import GatewayError
from devices.gateway.types import BaseInfo


class Holder(NamedTuple):
    """Who or what has the device, or will have it: a person or an organization (id 0: nobody)."""

    id: int
    name: str
    details: tuple[str, ...] = ()
    person: Person | None = None


class OwnerForm(ChangeForm):
    """Who will own the device."""

    owner = forms.CharField(
        label=_("New owner"),
        help_text=_("E-mail or user ID; “me” for yourself"),
        required=False,
        widget=line(spellcheck="false", autocapitalize="off"),
    )
    field_order = ("owner", "reason")


class OrganizationForm(ChangeForm):
    """Which organization will have the device, by id. `known`: ids and names to choose from; none for a text field."""

    org_id = forms.IntegerField(
        label=_("New organization"),
        widget=line(spellcheck="false"),
        min_value=1,
        max_value=api_rules.INT32_MAX,
        error_messages={
            "required": _("Choose an organization, or enter its ID."),
            "invalid": _("Enter the organization’s ID: a number."),
            "min_value": _("No organization has that ID: it is a number from 1 to 2147483647."),
            "max_value": _("No organization has that ID: it is a number from 1 to 2147483647."),
        },
    )
    field_order = ("org_id", "reason")

    def __init__(self, *args: Any, known: Sequence[tuple[int, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.listed = bool(known)
        if known:
            self.fields["org_id"].widget = forms.Select(choices=[("", gettext("Choose an organization")), *known])
        else:
            self.fields["org_id"].help_text = gettext("Its ID, or a part of its name to search for it.")


# --- the two steps ----------------------------------------------------------------------------------------------------


def transfer(change: ChangeRequest) -> HttpResponse:
    """GET: find the new holder, then show from and to. POST: the transfer."""
    request, kind = change.request, change.kind
    if request.method == "POST":
        return handle(change)
    require(request, kind.operation)
    if not (kind.read and kind.render and kind.resolve and kind.field):
        raise ValueError(f"{kind.name} is no transfer")
    subject = kind.read(change)
    # An address that asks for something, such as to choose anew, is followed; the reason stays as it was typed.
    typed = restored_fields(request, "reason") if request.GET else restored_fields(request, kind.field, "reason")
    sent = {**typed, **request.GET.dict()}
    form = kind.form(sent if kind.field in sent else None, **kind.form_options(subject))
    if kind.field not in sent:
        return kind.render(change, form, subject)
    form.full_clean()
    try:
        resolved = kind.resolve(change, subject, form)
    except GatewayError as error:
        return redisplay_with_error(form, error, lambda **more: kind.render(change, form, subject, **more))  # type: ignore[misc]
    return kind.render(change, form, subject, resolved=resolved)


def _page(change: ChangeRequest, form: Any, subject: Subject, context: dict[str, Any], status: int) -> HttpResponse:
    refresh_form_tokens(form, subject.version)
    kind, fragment = change.kind, f"changes/_{change.kind.operation}.html"
    context |= {"form": form, "again_url": reverse(kind.url_name, args=[change.device_id]), "kind": kind}
    context |= {"crumb": kind.words.title, "fragment": fragment}
    status = 422 if form.errors and status == 200 else status
    return answer(change.request, "changes/confirm.html", fragment, context, status=status)


# --- to an owner ------------------------------------------------------------------------------------------------------


def owner_id(info: BaseInfo) -> str:
    """As the audit stores it: digits, "" for nobody."""
    return str(info.owner_user_id or "")


def owner_name(value: str, names: Names) -> str:
    return names.owner(int(value)) if value.isdigit() else gettext("nobody")


def owner_words(change: ChangeRequest, info: BaseInfo) -> str:
    names = names_for(change.request.gateway, change.request.access)
    return names.owner(info.owner_user_id) or gettext("nobody")


def read_owner(change: ChangeRequest) -> Subject:
    """The device with its owner. Raises Denied where this person may not transfer this very device."""
    info = change.context.gateway.get_base_info(change.device_id)
    verdict = judge_here("transfer_to_owner", change.request.access, info.owner_user_id)
    require(change.request, "transfer_to_owner", verdict=verdict)
    return Subject(info, owner_id(info), owner_words(change, info))


def resolve_owner(change: ChangeRequest, subject: Subject, form: OwnerForm) -> Holder | None:
    """Who will own the device; None, with the reason beside the field, where that cannot be."""
    access = change.request.access
    try:
        person = resolve_user(change.context.gateway, access, form.cleaned_data.get("owner", ""))
    except Unresolved as problem:
        form.add_error("owner", with_missing_permissions(str(problem), problem.missing))
        return None
    if obstacle := _obstacle(access, subject, person):
        form.add_error("owner", obstacle)
        return None
    return Holder(person.id, person.label, person=person)


def _obstacle(access: Access, subject: Subject, person: Person) -> str:
    """Why this person cannot become the owner now; empty if they can."""
    if person.id == subject.info.owner_user_id:
        return gettext("%s is the owner already: there is nothing to do.") % person.label
    verdict = judge("transfer_to_owner", access, other=person.id != access.user_id)
    if not verdict.allowed:
        return with_missing_permissions(gettext("The new owner is not you."), verdict.missing)
    return person.obstacle


def owner_page(
    change: ChangeRequest,
    form: OwnerForm,
    subject: Subject | None,
    *,
    resolved: Holder | None = None,
    prepared: Any = None,
    status: int = 200,
) -> HttpResponse:
    request, access = change.request, change.request.access
    subject = subject or read_owner(change)
    info, person = subject.info, (resolved.person if resolved else _posted_person(change, form))
    context = confirmation_context(request, info) | {"person": person}
    context["to_self_only"] = "" if access.has(VIEW_USERS) else VIEW_USERS
    context["pick_url"] = reverse("devices:pick-user") if access.has(VIEW_USERS) else ""
    if person:
        there = names_for(request.gateway, access).organization(person.org_id)
        owner = context["owner"] or gettext("No owner")
        context |= {
            "origin": Holder(info.owner_user_id or 0, owner, (context["organization"],)),
            "target": Holder(person.id, person.label, (person.email, there)),
            "moves_to": there if person.org_id not in (None, info.org_id) else "",
            "unread": not person.email,
            "loses_sight": access.only_own and person.id != access.user_id,
        }
    return _page(change, form, subject, context, status)


def _posted_person(change: ChangeRequest, form: OwnerForm) -> Person | None:
    """Whom the second step sent, by id alone, where it cannot be asked who that is."""
    typed = form.data.get("owner", "").strip()
    refused = "owner" in form.errors
    return Person(int(typed)) if change.request.method == "POST" and not refused and _is_id(typed) else None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _owner_notes(entry: AuditEntry, observation: Observation | None, names: Names) -> list[str]:
    """What putting an owner back does not restore."""
    if not entry.before:
        return []
    notes = [gettext("With a new owner the device may move to that person’s organization.")]
    info = observation.info if observation else None
    if info and entry.org_id is not None and info.org_id != entry.org_id:
        values = {"then": names.organization(entry.org_id), "now": names.organization(info.org_id)}
        words = gettext(
            "Before the change the device was in %(then)s; now it is in %(now)s. Undoing restores only the owner. The"
            " platform decides which organization the device is in."
        )
        notes.append(words % values)
    return notes


OWNER_UNDO = Undo(
    "owner",
    _("Change the owner"),
    operation=lambda entry: "transfer_to_owner" if entry.before else "remove_owner",
    notes=_owner_notes,
)

TO_OWNER = ChangeKind(
    operation="transfer_to_owner",
    name="transfer-to-owner",
    path="transfer-to-owner/",
    order=30,
    words=Words(
        label=_("Transfer to another owner"),
        about=_("Somebody else becomes the owner. The device may move to their organization."),
        button=_("Change owner"),
        title=_("Transfer to another owner"),
        submit=_("Transfer"),
        busy=_("Transferring"),
        done=_("Transferred to %(after)s."),
        not_done=_("%(device)s was not transferred."),
        unknown=_("It is not known whether %(device)s was transferred."),
        refused=_("The platform refused this owner."),
        not_found=_("The platform does not find this user."),
    ),
    icon="user-round-pen",
    shown=frozenset({Place.ACTIONS}),
    opens=Opens.PAGE,
    answers_with=AnswersWith.REDIRECT,
    destructive=True,
    form=OwnerForm,
    field="owner",
    view=transfer,
    read=read_owner,
    resolve=resolve_owner,
    render=owner_page,
    intent=lambda change, checked: {"before": checked.subject.version, "after": str(checked.resolved.id)},
    send=lambda gateway, intent: gateway.transfer_to_owner(intent.device_id or 0, int(intent.after)),
    observe=reads_back(owner_id),
    undo=OWNER_UNDO,
    describe=owner_name,
    values_are_ids=True,
    note=lambda access: (
        "" if access.has(VIEW_USERS) else gettext("To yourself only: any other owner needs %s too.") % VIEW_USERS
    ),
    example=Example({}, query="owner=12", after="12"),
)


# --- to an organization -----------------------------------------------------------------------------------------------


def organization_name(value: str, names: Names) -> str:
    return names.organization(int(value)) if value.isdigit() else ""


def read_organization(change: ChangeRequest) -> Subject:
    """The device, and the other organizations to choose from by name: none for a text field, on request (`by_id`), or
    where the one sent is not among them."""
    request = change.request
    info = change.context.gateway.get_base_info(change.device_id)
    names = names_for(request.gateway, request.access)
    others = [choice for choice in organization_choices(names) if choice[0] != info.org_id]
    sent: Mapping[str, str] = (
        request.POST if request.method == "POST" else restored_fields(request, "org_id") | request.GET.dict()
    )
    elsewhere = sent.get("org_id", "") not in {"", *(str(id) for id, _name in others)}
    listed = [] if elsewhere or "by_id" in sent else others
    return Subject(info, str(info.org_id), names.organization(info.org_id), item=listed)


def resolve_target(change: ChangeRequest, subject: Subject, form: OrganizationForm) -> Holder | None:
    """Where the device will go; None, with the reason beside the field, where that cannot be."""
    request, org_id = change.request, form.cleaned_data.get("org_id")
    if org_id is None:
        return None
    if org_id == subject.info.org_id:
        form.add_error("org_id", gettext("The device is in this organization already: there is nothing to do."))
        return None
    names = names_for(request.gateway, request.access)
    known = names.organizations.get(org_id)
    try:
        name = known or resolve_organization(change.context.gateway, request.access, org_id)
    except Unresolved as problem:
        form.add_error("org_id", str(problem))
        return None
    return Holder(org_id, name or names.organization(org_id))


def organization_page(
    change: ChangeRequest,
    form: OrganizationForm,
    subject: Subject | None,
    *,
    resolved: Holder | None = None,
    prepared: Any = None,
    status: int = 200,
) -> HttpResponse:
    request = change.request
    subject = subject or read_organization(change)
    context = confirmation_context(request, subject.info)
    typed = form.data.get("org_id", "").strip()
    if resolved is None and "org_id" not in form.errors and _is_id(typed):
        resolved = Holder(int(typed), names_for(request.gateway, request.access).organization(int(typed)))
    context |= {
        "target": resolved,
        "pick_url": reverse("devices:pick-organization"),
        "origin": Holder(subject.info.org_id, context["organization"]),
        "loses_sight": request.access.only_own,
    }
    return _page(change, form, subject, context, status)


TO_ORGANIZATION = ChangeKind(
    operation="transfer_to_organization",
    name="transfer-to-organization",
    path="transfer-to-organization/",
    order=50,
    words=Words(
        label=_("Transfer to another organization"),
        about=_("The device may lose its owner, and leave your view."),
        button=_("Change organization"),
        title=_("Transfer to another organization"),
        submit=_("Transfer"),
        busy=_("Transferring"),
        done=_("Transferred to %(after)s."),
        not_done=_("%(device)s was not transferred."),
        unknown=_("It is not known whether %(device)s was transferred."),
        refused=_("The platform refused this organization."),
        not_found=_("The platform does not find this organization."),
    ),
    icon="building-2",
    shown=frozenset({Place.ACTIONS}),
    opens=Opens.PAGE,
    answers_with=AnswersWith.REDIRECT,
    destructive=True,
    form=OrganizationForm,
    field="org_id",
    view=transfer,
    read=read_organization,
    form_options=lambda subject: {"known": subject.item if subject else ()},
    resolve=resolve_target,
    render=organization_page,
    intent=lambda change, checked: {"before": checked.subject.version, "after": str(checked.resolved.id)},
    send=lambda gateway, intent: gateway.transfer_to_organization(intent.device_id or 0, int(intent.after)),
    observe=reads_back(lambda info: str(info.org_id)),
    undo=None,
    describe=organization_name,
    values_are_ids=True,
    example=Example({}, query="org_id=2", after="2"),
)
