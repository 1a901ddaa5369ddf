"""Rows as JSON. Some optional members are left out and some unknown ones added, as clients of the real API must
expect."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db.models import QuerySet

from sandbox import switches
from sandbox.models import DataStream, Device, LogEntry, Metafield, Organization, Template, TimelineEvent, User

Json = dict[str, Any]


@cache
def _original(template_id: int) -> int:
    """The root ancestor of a template. Templates never change."""
    template = Template.objects.get(pk=template_id)
    return template.pk if template.parent_id is None else _original(template.parent_id)


def device(row: Device) -> Json:
    """A device in a list."""
    data: Json = {
        "id": row.pk,
        "name": row.name,
        "templateId": row.template_id,
        "orgId": row.org_id,
        "token": row.token,
    }
    if switches.on("original_template_id"):
        data["originalTemplateId"] = _original(row.template_id)
    if row.activated_at is not None:
        data["activatedAt"] = row.activated_at
    elif row.pk % 2:
        data["activatedAt"] = None
    if row.owner_id is not None:
        data["ownerUserId"] = row.owner_id
    elif row.pk % 3:  # no owner: null, 0 or absent
        data["ownerUserId"] = None if row.pk % 3 == 1 else 0
    if row.hardware is not None:
        data["hardwareInfo"] = row.hardware
    elif row.pk % 2:
        data["hardwareInfo"] = None
    if row.pk % 11 == 5 and switches.on("unknown_members"):
        data["shadow"] = {"revision": row.pk, "labels": ["blue", None]}
    return data


def base_info(row: Device) -> Json:
    """A device without its values and metafields."""
    data = device(row)
    stages = row.template.stages
    if row.stage is not None and row.stage < len(stages):
        data["lifecycleStatus"] = stages[row.stage]
    data.update(
        firstConnectTime=row.first_connect_time,
        connectTime=row.connect_time,
        disconnectTime=row.disconnect_time,
        firmwareUpdatedAt=row.firmware_updated_at,
        lastReceivedEventAt=row.last_event_at,
        isLocked=row.is_locked,
    )
    if row.ip:
        data["ip"] = row.ip
    return data


def details(row: Device) -> Json:
    data = base_info(row)
    data["dataStreamValues"] = [
        _stream_value(stream, row) for stream in DataStream.objects.filter(template=row.template_id).order_by("number")
    ]
    data["metaFieldValues"] = metafields(row)
    return data


def _stream_value(stream: DataStream, row: Device) -> Json:
    data: Json = {
        "dataStreamId": stream.number,
        "pin": f"{stream.pin_type[0].lower()}{stream.pin}",
        "dataStreamLabel": stream.label,
        "dataStreamAlias": stream.alias,
    }
    known = row.values.get(str(stream.number))
    if known is not None:
        value, age = known
        data.update(value=value, updatedAt=row.reported_at - age)
    return data


def metafields(row: Device) -> list[Json]:
    """The template's fields, with the device's values if it has any."""
    own = dict(row.metafield_values.values_list("metafield_id", "value"))
    fields = Metafield.objects.filter(template=row.template_id).order_by("number")
    return [_metafield(field, own.get(field.pk, field.value), row) for field in fields]


def _metafield(field: Metafield, value: Any, row: Device) -> Json:
    if field.type == "DeviceName":
        value = {"type": "DeviceName", "value": row.name}
    elif field.type == "DeviceOwner":
        value = {"type": "DeviceOwner", "value": row.owner.email if row.owner else None}
    if switches.get("metafield_shape") == "string" and isinstance(value, dict):
        inner = value.get("value", value.get("selectedOption"))
        value = inner if inner is None or isinstance(inner, str) else str(inner)
    data: Json = {"id": field.number, "name": field.name, "value": value}
    if field.is_mandatory is not None:
        data["isMandatory"] = field.is_mandatory
    if field.include_in_provision is not None:
        data["includeInProvision"] = field.include_in_provision
    return data


def event(row: TimelineEvent) -> Json:
    data: Json = {
        "id": row.pk,
        "eventId": row.event_id,
        "orgId": row.org_id,
        "eventType": row.type,
        "description": row.description,
        "ts": row.ts,
        "isResolved": row.is_resolved,
    }
    if row.resolved_at or row.pk % 2:
        data["resolvedAt"] = row.resolved_at
    if row.is_resolved or row.pk % 3:
        data["resolvedComment"] = row.resolved_comment
    if row.resolved_by:
        data["resolvedBy"] = row.resolved_by
    if row.pk % 13 == 4 and switches.on("unknown_members"):
        data["secondsMuted"] = 0
    return data


def log_entry(row: LogEntry) -> Json:
    return {
        "triggerUserEmail": row.email,
        "value": row.value,
        "pin": row.pin,
        "pinType": row.pin_type,
        "isOnline": row.is_online,
        "createdAt": row.created_at,
    }


def organization(row: Organization) -> Json:
    data: Json = {"id": row.pk, "name": row.name, "tz": row.tz, "lastModifiedTs": row.modified_at}
    data["unitSystem"] = row.unit_system
    data["address"] = row.address
    if row.parent_id is not None:
        data["parentOrganizationId"] = row.parent_id
    if row.description:
        data["description"] = row.description
    if row.phone_number:
        data["phoneNumber"] = row.phone_number
    return data


def user_summary(row: User) -> Json:
    return {
        "id": row.pk,
        "name": row.name,
        "email": row.email,
        "roleId": row.role_id,
        "orgId": row.org_id,
        "isDev": row.role_id == 1,
    }


def user(row: User) -> Json:
    return {
        **user_summary(row),
        "title": row.title,
        "nickName": row.nick_name,
        "phoneNumber": row.phone_number,
        "tz": row.tz,
        "locale": row.locale,
        "status": row.status,
        "lastModifiedTs": row.modified_at,
        "lastLoggedAt": row.logged_at,
        "registeredAt": row.registered_at,
    }


def template(row: Template) -> Json:
    data: Json = {"id": row.pk, "templateIds": row.codes, "orgId": row.org_id, "name": row.name}
    if row.parent_id is not None:
        data["parentId"] = row.parent_id
    return data


def page(rows: QuerySet[Any] | list[Any], shape: Any, call: Any, *, total: bool = True) -> Json:
    """One page of `rows`. Without `total`, totalElements is left out."""
    start = call["page"] * call["size"]
    data: Json = {"content": [shape(row) for row in rows[start : start + call["size"]]]}
    if total:
        data["totalElements"] = rows.count() if isinstance(rows, QuerySet) else len(rows)
    return data
