"""A device's timeline, log of user actions, tags and metafields."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpResponse

from sandbox import switches, validation, wire
from sandbox.calls import ApiError, Call, Paths, answer, bad_request, done, endpoint
from sandbox.models import Metafield, MetafieldValue
from sandbox.oauth import now_ms
from sandbox.parameters import DEVICE_ID, PAGING, Choice, Int, Text
from sandbox.permissions import (
    ORG_DEVICE_VIEW_ACTION_LOG,
    ORG_DEVICES_EDIT,
    VIEW_OWN_ORG_TAG,
    VIEW_TIMELINE,
)
from sandbox.views.devices import rename

EVENT_TYPES = (
    "ONLINE",
    "OFFLINE",
    "INFORMATION",
    "WARNING",
    "CRITICAL",
    "CONTENT",
    "INACTIVE",
    "LIFECYCLE",
    "NOTE",
)


@endpoint(needs=[VIEW_OWN_ORG_TAG], device=True, query=(DEVICE_ID,))
def device_tags(call: Call) -> HttpResponse:
    tags = call.device.tags.order_by("id")
    return answer([{"id": tag.pk, "name": tag.name, "tagOwnerOrgId": tag.org_id} for tag in tags])


@endpoint(
    needs=[VIEW_TIMELINE],
    device=True,
    query=(DEVICE_ID, Choice("eventType", among=EVENT_TYPES, lenient="bad_event_type"), *PAGING),
)
def device_timeline(call: Call) -> HttpResponse:
    found = call.device.timeline.filter(visible_at__lte=now_ms()).order_by("-ts", "-id")
    if call["eventType"] is not None:
        found = found.filter(type=call["eventType"])
    return answer(wire.page(found, wire.event, call))


@endpoint(needs=[ORG_DEVICE_VIEW_ACTION_LOG], device=True, query=(DEVICE_ID, *PAGING))
def device_logs(call: Call) -> HttpResponse:
    how = switches.get("total_elements")
    total = how == "always" or (how == "sometimes" and call.device.pk % 4 != 0)
    found = call.device.logs.order_by("-created_at", "-id")
    return answer(wire.page(found, wire.log_entry, call, total=total))


@endpoint(device=True, query=(DEVICE_ID,))
def metafield_list(call: Call) -> HttpResponse:
    return answer(wire.metafields(call.device))


@endpoint(
    needs=[ORG_DEVICES_EDIT],
    device=True,
    body=(DEVICE_ID, Int("metaFieldId", required=True), Text("newValue", required=True, longest=200, numbers=True)),
)
def metafield_set(call: Call) -> HttpResponse:
    device = call.device
    field = Metafield.objects.filter(template=device.template_id, number=call["metaFieldId"]).first()
    if field is None:
        raise ApiError(404, "Meta field is not found.")
    with transaction.atomic():
        own = MetafieldValue.objects.filter(device=device, metafield=field).first()
        known: Any = own.value if own else field.value
        try:
            value = validation.new_value(field.type, known, call["newValue"], mandatory=bool(field.is_mandatory))
        except validation.Refused:
            raise bad_request("The provided value for metafield is invalid.") from None
        if field.type == "DeviceName":
            rename(device, value["value"])
        else:
            MetafieldValue.objects.update_or_create(device=device, metafield=field, defaults={"value": value})
    return done()


PATHS: Paths = {
    "device/tags": {"GET": device_tags},
    "device/timeline": {"GET": device_timeline},
    "device/logs": {"GET": device_logs},
    "device/metafield": {"GET": metafield_list, "POST": metafield_set},
}
