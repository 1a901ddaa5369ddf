"""Lists of devices, search, and reading and renaming one device."""

from __future__ import annotations

import zlib
from typing import Any

from django.db import transaction
from django.db.models import F, OrderBy, Q, QuerySet
from django.http import HttpResponse

from sandbox import switches, validation, wire
from sandbox.calls import ApiError, Call, Paths, answer, denied, endpoint
from sandbox.models import Device, User
from sandbox.oauth import now_ms
from sandbox.parameters import DEVICE_ID, PAGING, SORT_ORDER, Choice, Email, Flag, Int, Text
from sandbox.permissions import ORG_DEVICES_EDIT, ORG_DEVICES_VIEW, ORG_VIEW_USERS, OWN_DEVICES_VIEW
from sandbox.tree import subtree

ORG_ID = Int("orgId")
# The column for each sortBy value of the API.
SORTS: dict[str, str] = {
    "Device Id": "id",
    "Name": "search_name",
    "Auth Token": "token",
    "Owner Id": "owner_id",
    "Device Owner Name": "owner__name",
    "Device Owner": "owner__email",
    "Last Reported At": "reported_at",
    "Activated At": "activated_at",
    "Activated By": "owner__email",
    "Model": "hardware__boardType",
    "Template Name": "template__name",
    "Template Id": "template_id",
    "Firmware Version": "hardware__version",
    "Organization Id": "org_id",
    "Status": "connected",
}


def requested_organization(call: Call) -> int:
    """The `orgId` parameter, or the token's organization. 404 if out of reach."""
    org_id: int | None = call["orgId"]
    if org_id is None:
        return call.caller.org_id
    if org_id not in call.reach():
        raise ApiError(404, "Organization is not found or you don't have access to it.")
    return org_id


def _page(found: QuerySet[Device], call: Call, *order: Any, total: bool = True) -> HttpResponse:
    """Read the page's ids from an index first, then only those rows: fast for late pages too."""
    start = call["page"] * call["size"]
    ids = list(found.order_by(*order, "id").values_list("id", flat=True)[start : start + call["size"]])
    rows = Device.objects.defer("values").in_bulk(ids)
    data: dict[str, Any] = {"content": [wire.device(rows[pk]) for pk in ids if pk in rows]}
    if total:
        # An incomplete page is the last one: it gives the total without a count.
        last = len(ids) < call["size"] and (ids or start == 0)
        data["totalElements"] = start + len(ids) if last else found.count()
    return answer(data)


@endpoint(needs=[ORG_DEVICES_VIEW], query=(ORG_ID, Flag("includeSubOrgDevices", default=False), *PAGING))
def device_list(call: Call) -> HttpResponse:
    org_id = requested_organization(call)
    if call["includeSubOrgDevices"]:
        orgs = [org for org in subtree(org_id) if org in call.reach()]
        return _page(Device.objects.filter(org__in=orgs), call)
    return _page(Device.objects.filter(org=org_id), call)


@endpoint(
    needs=[ORG_DEVICES_VIEW],
    query=(
        Text("query", required=True, shortest=1),
        Choice("sortBy", among=tuple(SORTS), lenient="bad_sort"),
        SORT_ORDER,
        *PAGING,
    ),
)
def device_search(call: Call) -> HttpResponse:
    """By part of the name (any case) or the exact id; never by the device's token."""
    words = call["query"].casefold()
    match = Q(search_name__contains=words)
    if words.isascii() and words.isdigit() and len(words) < 10:
        match |= Q(pk=int(words))
    orgs = call.reach() if switches.on("search_sub_orgs") else (call.caller.org_id,)
    found = Device.objects.filter(match, org__in=orgs)
    lag = int(switches.number("search_delay") * 1000)
    if lag:
        found = found.filter(renamed_at__lte=now_ms() - lag)
    if call["sortBy"] is None:
        return _page(found, call)
    field = F(SORTS[call["sortBy"]])
    descending = call["sortOrder"] == "DESC"
    # Devices without a value come last, in both directions.
    return _page(found, call, OrderBy(field, descending=descending, nulls_last=True))


@endpoint(device=True, query=(DEVICE_ID,))
def device_details(call: Call) -> HttpResponse:
    return answer(wire.details(call.device))


@endpoint(device=True, query=(DEVICE_ID,))
def device_base_info(call: Call) -> HttpResponse:
    return answer(wire.base_info(call.device))


@endpoint(device=True, query=(DEVICE_ID,))
def device_online(call: Call) -> HttpResponse:
    connected = call.device.connected
    return answer({} if connected is None else {"connected": connected})


@endpoint(needs=[ORG_DEVICES_EDIT], device=True, query=(DEVICE_ID,), body=(validation.NAME,))
def device_rename(call: Call) -> HttpResponse:
    rename(call.device, call["name"])
    return answer(wire.device(call.device))


def rename(device: Device, name: str) -> None:
    device.name = name
    device.search_name = name.casefold()
    device.renamed_at = now_ms()
    with transaction.atomic():
        device.save(update_fields=["name", "search_name", "renamed_at"])


def _check_owner_permission(call: Call) -> None:
    if not call.caller.is_client and call["ownerEmail"].casefold() != call.caller.email:
        call.need(ORG_VIEW_USERS, ORG_DEVICES_VIEW)
    elif not call.caller.sees_any:
        raise denied(call.caller, ORG_DEVICES_VIEW)


def _total_sent(email: str) -> bool:
    """Whether this list has a total: always the same for one list."""
    how = switches.get("total_elements")
    return how == "always" or (how == "sometimes" and zlib.crc32(email.casefold().encode()) % 4 != 0)


def _person(call: Call, email: str) -> User | None:
    user = User.objects.select_related("role").filter(email=email.casefold()).first()
    if user is None and switches.get("unknown_email") == "404":
        raise ApiError(404, "User is not found or you don't have access to him.")
    return user


@endpoint(query=(Email("ownerEmail", required=True), ORG_ID, *PAGING), extra=_check_owner_permission)
def device_by_owner(call: Call) -> HttpResponse:
    org_id = requested_organization(call)
    orgs = subtree(org_id) if switches.on("by_owner_sub_orgs") else (org_id,)
    owner = _person(call, call["ownerEmail"])
    found = Device.objects.filter(owner=owner, org__in=orgs) if owner else Device.objects.none()
    return _page(found, call, total=_total_sent(call["ownerEmail"]))


def _check_user_permission(call: Call) -> None:
    if not call.caller.is_client and call["userEmail"].casefold() != call.caller.email:
        call.need(ORG_VIEW_USERS)


@endpoint(needs=[ORG_DEVICES_VIEW], query=(Email("userEmail", required=True), *PAGING), extra=_check_user_permission)
def device_by_user_org(call: Call) -> HttpResponse:
    """The devices that this user can see: all of their organization or only their own, by role."""
    user = _person(call, call["userEmail"])
    found = Device.objects.none()
    if user is not None:
        reach = Device.objects.filter(org__in=call.reach())
        permissions = user.role.permissions
        if ORG_DEVICES_VIEW in permissions:
            found = reach.filter(org=user.org_id)
        elif OWN_DEVICES_VIEW in permissions:
            found = reach.filter(owner=user)
    return _page(found, call, total=_total_sent(call["userEmail"]))


@endpoint(needs=[ORG_DEVICES_VIEW], query=(ORG_ID, Int("minutes", default=5, low=1, high=60)))
def device_last_activated(call: Call) -> HttpResponse:
    """Newest first, without sub-organizations."""
    since = now_ms() - call["minutes"] * 60_000
    found = Device.objects.filter(org=requested_organization(call), activated_at__gte=since).order_by(
        "-activated_at", "id"
    )
    content = []
    for row in found.defer("values"):
        item = {"id": row.pk, "orgId": row.org_id, "templateId": row.template_id, "activationTime": row.activated_at}
        if row.owner_id is not None:
            item["ownerUserId"] = row.owner_id
        content.append(item)
    return answer(content)


PATHS: Paths = {
    "devices": {"GET": device_list},
    "search/devices": {"GET": device_search},
    "device": {"GET": device_details, "PUT": device_rename},
    "device/baseInfo": {"GET": device_base_info},
    "device/online": {"GET": device_online},
    "device/by-owner": {"GET": device_by_owner},
    "device/by-user-org": {"GET": device_by_user_org},
    "device/last-activated": {"GET": device_last_activated},
}
