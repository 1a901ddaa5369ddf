"""Writes, except renaming (devices.py) and metafields (history.py)."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping

from django.db import transaction
from django.http import HttpResponse

from sandbox import switches, validation, wire
from sandbox.calls import ApiError, Call, Paths, answer, bad_request, done, endpoint
from sandbox.models import Device, TemplateEvent, TimelineEvent, User
from sandbox.oauth import now_ms
from sandbox.parameters import DEVICE_ID, INT64, Flag, Int, Text
from sandbox.permissions import (
    ORG_DEVICE_DATA_DELETE,
    ORG_DEVICES_CONTROL,
    ORG_DEVICES_CREATE,
    ORG_DEVICES_DELETE,
    ORG_DEVICES_EDIT,
    ORG_VIEW,
    ORG_VIEW_USERS,
    TRANSFER_DEVICE,
)
from sandbox.views.devices import ORG_ID, requested_organization
from sandbox.views.directory import templates_of

DAY = 24 * 60 * 60.0  # seconds


def _new_owner(call: Call, user_id: int) -> User:
    """A user in reach who can own devices: neither Pending nor Suspended."""
    user = User.objects.filter(pk=user_id, org__in=call.reach()).first()
    ready = user is not None and user.status not in ("Pending", "Suspended")
    if user is None or (not ready and switches.get("unready_owner") == "404"):
        raise ApiError(404, "User is not found or you don't have access to him.")
    if not ready:
        raise bad_request("User is not activated.")
    return user


def _check_owner_permission(call: Call) -> None:
    if call["ownerId"] not in (None, call.caller.user_id):
        call.need(ORG_VIEW_USERS)


@endpoint(
    needs=[ORG_DEVICES_CREATE],
    query=(Flag("baseInfoResponse", default=False),),
    body=(
        Text("templateId", required=True, longest=200),
        ORG_ID,
        validation.NAME,
        Int("ownerId", low=INT64[0], high=INT64[1]),
    ),
    extra=_check_owner_permission,
)
def device_create(call: Call) -> HttpResponse:
    org_id = requested_organization(call)
    template = next((t for t in templates_of(org_id).order_by("id") if call["templateId"] in t.codes), None)
    if template is None:
        raise ApiError(404, "Template is not found or you don't have access to it.")
    owner_id = call.caller.user_id if switches.get("create_owner") == "caller" else None
    if call["ownerId"] is not None:
        owner_id = _new_owner(call, call["ownerId"]).pk
    with transaction.atomic():
        device = Device.objects.create(
            name=call["name"],
            search_name=call["name"].casefold(),
            renamed_at=now_ms(),
            template=template,
            org_id=org_id,
            owner_id=owner_id,
            token=f"sbxdev{secrets.token_urlsafe(20)[:26]}",
            connected=False,
        )
    shape = wire.base_info if call["baseInfoResponse"] else wire.details
    return answer(shape(device), int(str(switches.get("create_status"))))


@endpoint(needs=[ORG_DEVICES_DELETE], device=True, query=(DEVICE_ID,))
def device_delete(call: Call) -> HttpResponse:
    with transaction.atomic():
        call.device.delete()
    return done()


def _check_new_owner_permission(call: Call) -> None:
    if call["newOwnerUserId"] != call.caller.user_id:
        call.need(ORG_VIEW_USERS)


@endpoint(
    needs=[TRANSFER_DEVICE],
    device=True,
    body=(DEVICE_ID, Int("newOwnerUserId", required=True, low=INT64[0], high=INT64[1])),
    extra=_check_new_owner_permission,
)
def transfer_to_owner(call: Call) -> HttpResponse:
    if call.device.owner_id == call["newOwnerUserId"]:
        raise bad_request("Can't transfer to the same owner")
    owner = _new_owner(call, call["newOwnerUserId"])
    changes: dict[str, int] = {"owner_id": owner.pk}
    if switches.get("org_after_owner") == "moves":
        changes["org_id"] = owner.org_id
    _change(call.device, changes)
    return done()


@endpoint(needs=[TRANSFER_DEVICE, ORG_VIEW], device=True, body=(DEVICE_ID, Int("newOrgId", required=True)))
def transfer_to_organization(call: Call) -> HttpResponse:
    if call["newOrgId"] not in call.reach():
        raise ApiError(404, "Destination organization is not found or you don't have access to it.")
    if call.device.org_id == call["newOrgId"]:
        if switches.get("same_org") == "204":
            return done()
        raise bad_request("Can't transfer to the same organization")
    changes: dict[str, int | None] = {"org_id": call["newOrgId"]}
    if switches.get("owner_after_org") == "cleared":
        changes["owner_id"] = None
    _change(call.device, changes)
    return done()


@endpoint(needs=[ORG_DEVICES_EDIT], device=True, query=(DEVICE_ID,))
def remove_owner(call: Call) -> HttpResponse:
    if call.device.owner_id is None and switches.get("unowned_removal") == "400":
        raise bad_request("Device has no owner.")
    _change(call.device, {"owner_id": None})
    return done()


def _change(device: Device, columns: Mapping[str, int | None]) -> None:
    with transaction.atomic():
        Device.objects.filter(pk=device.pk).update(**columns)


@endpoint(needs=[ORG_DEVICE_DATA_DELETE], device=True, query=(DEVICE_ID,))
def device_clear(call: Call) -> HttpResponse:
    """Deletes the history; the device, its token, metafields and tags stay."""
    with transaction.atomic():
        call.device.timeline.all().delete()
        if switches.on("clear_logs"):
            call.device.logs.all().delete()
        if switches.on("clear_values"):
            Device.objects.filter(pk=call.device.pk).update(values={})
    return done()


_triggered: dict[int, deque[tuple[float, str]]] = {}
_triggered_lock = threading.Lock()


def _within_limits(device_id: int, code: str) -> bool:
    """Count this event. False if it exceeds the daily limit or follows one with the same code too soon."""
    now = time.monotonic()
    a_day, gap = switches.number("events_a_day"), switches.number("event_gap")
    with _triggered_lock:
        past = _triggered.setdefault(device_id, deque())
        while past and past[0][0] < now - DAY:
            past.popleft()
        if a_day and len(past) >= a_day:
            return False
        if gap and any(known == code and at > now - gap for at, known in past):
            return False
        past.append((now, code))
    return True


def clear_triggered() -> None:
    with _triggered_lock:
        _triggered.clear()


@endpoint(
    needs=[ORG_DEVICES_CONTROL],
    device=True,
    body=(
        DEVICE_ID,
        Text("eventCode", required=True, longest=200),
        Text("eventDescription", longest=200),
    ),
)
def trigger_event(call: Call) -> HttpResponse:
    device, code = call.device, call["eventCode"]
    event = TemplateEvent.objects.filter(template=device.template_id, code=code).first()
    if event is None:
        raise ApiError(404, "Event with provided code is not found.")
    if not _within_limits(device.pk, code):
        answered = switches.get("event_limit")
        if answered == "silent":
            return done()
        raise ApiError(int(str(answered)), "Events limit is reached for this device.")
    now = now_ms()
    with transaction.atomic():
        TimelineEvent.objects.create(
            device=device,
            event_id=event.pk,
            org_id=device.org_id,
            type=event.type,
            code=code,
            description=call["eventDescription"],
            ts=now,
            visible_at=now + int(switches.number("timeline_delay") * 1000),
        )
    return done()


PATHS: Paths = {
    "device": {"DELETE": device_delete},
    "device/create": {"POST": device_create},
    "device/transfer/to-owner": {"POST": transfer_to_owner},
    "device/transfer/to-organization": {"POST": transfer_to_organization},
    "device/owner": {"DELETE": remove_owner},
    "device/clear": {"DELETE": device_clear},
    "device/trigger-event": {"POST": trigger_event},
}
