"""Organizations, users and templates."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, OrderBy, Q, QuerySet
from django.http import HttpResponse

from sandbox import switches, wire
from sandbox.calls import ApiError, Call, Paths, answer, endpoint
from sandbox.models import Organization, Template, User
from sandbox.parameters import INT64, PAGING, SORT_ORDER, Choice, Flag, Int, Param, Text
from sandbox.permissions import ORG_VIEW, ORG_VIEW_USERS, PRODUCT_VIEW
from sandbox.tree import ancestors, subtree
from sandbox.views.devices import ORG_ID, requested_organization

USER_SORTS: dict[str, str] = {
    "User Id": "id",
    "Name": "name",
    "Email": "email",
    "Status": "status",
    "Role": "role_id",
    "Organization Name": "org__name",
    "Devices Count": "counted",
    "Country": "org__address__country",
    "Registered At": "registered_at",
    "Phone Number": "phone_number",
}
ORGANIZATION_SORTS: dict[str, str] = {
    "Organization Id": "id",
    "Name": "name",
    "Device Count": "counted",
    "User Count": "counted",
    "Sub Organizations": "counted",
}


def _search(sorts: dict[str, str]) -> tuple[Param, ...]:
    """The parameters of both searches."""
    by = Choice("sortBy", among=tuple(sorts), lenient="bad_sort")
    return (Text("query", required=True, shortest=1), by, SORT_ORDER, *PAGING)


def _order(call: Call, sorts: dict[str, str]) -> list[Any]:
    if call["sortBy"] is None:
        return ["id"]
    field = F(sorts[call["sortBy"]])
    return [OrderBy(field, descending=call["sortOrder"] == "DESC", nulls_last=True), "id"]


@endpoint()
def user_profile(call: Call) -> HttpResponse:
    if call.caller.is_client:
        raise ApiError(int(str(switches.get("client_profile"))), "User is not found or you don't have access to him.")
    user = User.objects.select_related("role", "org").get(email=call.caller.email)
    role = {"id": user.role_id, "name": user.role.name, "permissions": user.role.permissions}
    data = {**wire.user(user), "role": role, "orgName": user.org.name}
    del data["roleId"], data["isDev"]
    return answer(data)


@endpoint()
def own_organization(call: Call) -> HttpResponse:
    return answer(wire.organization(Organization.objects.get(pk=call.caller.org_id)))


@endpoint(needs=[ORG_VIEW], query=(Int("orgId", required=True),))
def organization(call: Call) -> HttpResponse:
    row = Organization.objects.filter(pk=call["orgId"], pk__in=call.reach()).first()
    if row is None:
        message = f"Organization with identifier {call['orgId']} is not found or you don't have access to it."
        raise ApiError(404, message)
    return answer(wire.organization(row))


@endpoint(needs=[ORG_VIEW], query=_search(ORGANIZATION_SORTS))
def organization_search(call: Call) -> HttpResponse:
    found = Organization.objects.filter(pk__in=call.reach(), name__icontains=call["query"])
    counted = {"Device Count": "device", "User Count": "user", "Sub Organizations": "children"}.get(call["sortBy"])
    if counted:
        # One count only: joining several would multiply them.
        found = found.annotate(counted=Count(counted))
    return answer(wire.page(found.order_by(*_order(call, ORGANIZATION_SORTS)), wire.organization, call))


@endpoint(needs=[ORG_VIEW], query=(ORG_ID, *PAGING))
def sub_organizations(call: Call) -> HttpResponse:
    org_id = requested_organization(call)
    found = Organization.objects.filter(pk__in=call.reach()).order_by("id")
    if switches.get("sub_organizations") == "direct":
        found = found.filter(parent=org_id)
    else:
        found = found.filter(pk__in=subtree(org_id)).exclude(pk=org_id)
    return answer(wire.page(found, wire.organization, call))


@endpoint(needs=[ORG_VIEW_USERS], query=(Flag("includeSubOrgUsers", default=False), *PAGING))
def user_list(call: Call) -> HttpResponse:
    orgs = call.reach() if call["includeSubOrgUsers"] else (call.caller.org_id,)
    return answer(wire.page(User.objects.filter(org__in=orgs).order_by("id"), wire.user_summary, call))


@endpoint(needs=[ORG_VIEW_USERS], query=_search(USER_SORTS))
def user_search(call: Call) -> HttpResponse:
    """By part of the name or e-mail, in all organizations in reach."""
    words = call["query"]
    match = Q(name__icontains=words) | Q(email__icontains=words)
    found: QuerySet[User] = User.objects.filter(match, org__in=call.reach())
    if call["sortBy"] == "Devices Count":
        found = found.annotate(counted=Count("device"))
    return answer(wire.page(found.order_by(*_order(call, USER_SORTS)), wire.user_summary, call))


@endpoint(needs=[ORG_VIEW_USERS], query=(Int("userId", required=True, low=INT64[0], high=INT64[1]),))
def user_details(call: Call) -> HttpResponse:
    row = User.objects.filter(pk=call["userId"], org__in=call.reach()).first()
    if row is None:
        message = f"User with identifier {call['userId']} is not found or belong to another organization."
        raise ApiError(404, message)
    return answer(wire.user(row))


def templates_of(org_id: int) -> QuerySet[Template]:
    """Templates of an organization and its ancestors."""
    return Template.objects.filter(org__in=ancestors(org_id))


@endpoint(needs=[PRODUCT_VIEW], query=(ORG_ID, *PAGING))
def template_list(call: Call) -> HttpResponse:
    return answer(wire.page(templates_of(requested_organization(call)).order_by("id"), wire.template, call))


def _template(call: Call) -> Template:
    found = Template.objects.filter(org__in={*ancestors(call.caller.org_id), *call.reach()})
    row = found.filter(pk=call["templateId"]).first()
    if row is None:
        raise ApiError(404, "Template is not found or you don't have access to it.")
    return row


TEMPLATE_ID = Int("templateId", required=True)


@endpoint(needs=[PRODUCT_VIEW], query=(TEMPLATE_ID,))
def template_details(call: Call) -> HttpResponse:
    row = _template(call)
    data = wire.template(row)
    data.update(
        boardType=row.board_type,
        connectionType=row.connection_type,
        description=row.description,
        logoUrl=row.logo_url,
        createdAt=row.created_at,
    )
    return answer(data)


@endpoint(needs=[PRODUCT_VIEW], query=(TEMPLATE_ID,))
def template_events(call: Call) -> HttpResponse:
    content = []
    for event in _template(call).events.order_by("id"):
        item = {"id": event.pk, "name": event.name, "type": event.type}
        if event.code is not None:
            item["eventCode"] = event.code
        content.append(item)
    return answer(content)


@endpoint(needs=[PRODUCT_VIEW], query=(TEMPLATE_ID,))
def template_metafields(call: Call) -> HttpResponse:
    content = []
    for field in _template(call).metafields.order_by("number"):
        item = {"id": field.number, "name": field.name, "type": field.type}
        optional = {"description": field.description, "hint": field.hint, "icon": field.icon}
        content.append(item | {name: text for name, text in optional.items() if text})
    return answer(content)


@endpoint(needs=[PRODUCT_VIEW], query=(TEMPLATE_ID,))
def template_datastreams(call: Call) -> HttpResponse:
    content = []
    for stream in _template(call).datastreams.order_by("number"):
        item = {
            "id": stream.number,
            "label": stream.label,
            "alias": stream.alias,
            "type": stream.type,
            "pin": stream.pin,
            "pinType": stream.pin_type,
            "isHistory": True,
            "isRaw": False,
        }
        if stream.units:
            item["units"] = stream.units
        if stream.default is not None:
            item["defaultValue"] = stream.default
        content.append(item)
    return answer(content)


PATHS: Paths = {
    "user/profile": {"GET": user_profile},
    "profile": {"GET": own_organization},
    "search": {"GET": organization_search},
    "sub-organizations": {"GET": sub_organizations},
    "users": {"GET": user_list},
    "search/users": {"GET": user_search},
    "user": {"GET": user_details},
    "templates": {"GET": template_list},
    "template": {"GET": template_details},
    "template/events": {"GET": template_events},
    "template/metafields": {"GET": template_metafields},
    "template/datastreams": {"GET": template_datastreams},
}
