"""Every method of the gateway: how it is called, what it sends, and a full response.

In the responses every object has the device credential as `token`, as the API sends it with devices.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from devices.audit.log import ChangeIntent
from devices.changes.kinds import ChangeKind, kinds
from devices.gateway.client import Gateway
from devices.gateway.errors import TimedOut
from tests.contract.checker import ROOT, contract, sample

CREDENTIAL = "a7Xk-canary-device-credential-01"

HARDWARE = {
    "version": "1.4.2",
    "fwType": "TMPL2aB3cD4",
    "blynkVersion": "1.3.2",
    "boardType": "ESP32",
    "build": "Mar 3 2026",
    "templateId": "TMPL2aB3cD4",
}
DEVICE = {
    "id": 31,
    "name": "Boiler room 2",
    "templateId": 12,
    "originalTemplateId": 9,
    "orgId": 4,
    "activatedAt": 1760000000000,
    "ownerUserId": 58,
    "hardwareInfo": HARDWARE,
}
BASE_INFO = DEVICE | {
    "lifecycleStatus": {"eventId": 1, "name": "Online", "icon": "wifi", "color": "#23C48E"},
    "firstConnectTime": 1760000100000,
    "connectTime": 1763000000000,
    "disconnectTime": 1762990000000,
    "firmwareUpdatedAt": 0,
    "lastReceivedEventAt": 1763000050000,
    "ip": "203.0.113.9",
    "isLocked": False,
}
METAFIELDS = [
    {"id": 1, "name": "Device Name", "isMandatory": False, "includeInProvision": True, "value": "Boiler room 2"},
    {"id": 3, "name": "Shelf", "isMandatory": True, "includeInProvision": False, "value": None},
    {"id": 6, "name": "Capacity", "value": {"type": "Number", "value": 120, "min": 0, "max": 500, "step": 5}},
]
DETAILS = BASE_INFO | {
    "dataStreamValues": [
        {
            "dataStreamId": 1,
            "pin": "v1",
            "dataStreamLabel": "temp",
            "dataStreamAlias": "Temperature",
            "value": 21.5,
            "updatedAt": 1763000050000,
        }
    ],
    "metaFieldValues": METAFIELDS,
}
EVENT = {
    "id": 90211,
    "eventId": 4,
    "orgId": 4,
    "eventType": "CRITICAL",
    "description": "Pressure above 6 bar",
    "ts": 1763000040000,
    "isResolved": False,
    "resolvedAt": 0,
    "resolvedComment": None,
}
LOG = {
    "triggerUserEmail": "ana@example.org",
    "value": 1,
    "pin": 5,
    "pinType": "VIRTUAL",
    "isOnline": True,
    "createdAt": 1763000000000,
}
ACTIVATION = {"id": 31, "orgId": 4, "templateId": 12, "ownerUserId": 58, "activationTime": 1763000000000}
PROFILE = {
    "id": 58,
    "name": "Ana Lund",
    "email": "ana@example.org",
    "role": {"id": 2, "name": "Staff", "permissions": ["ORG_DEVICES_VIEW", "NEW_ONE"]},
    "orgId": 4,
    "orgName": "Halden",
    "tz": "Europe/Oslo",
    "locale": "nb",
    "status": "Active",
    "lastModifiedTs": 1,
}
ORGANIZATION = {"id": 4, "name": "Halden", "tz": "Europe/Oslo", "lastModifiedTs": 1, "parentOrganizationId": 1}
USER = {"id": 58, "name": "Ana Lund", "email": "ana@example.org", "roleId": 2, "orgId": 4, "isDev": False}
TEMPLATE = {"id": 12, "templateIds": ["TMPL2aB3cD4"], "orgId": 4, "name": "Boiler", "parentId": 9}
TEMPLATE_EVENT = {"id": 4, "name": "Too hot", "type": "CRITICAL", "eventCode": "too_hot"}


def paged(item: dict[str, Any]) -> dict[str, Any]:
    return {"content": [item], "totalElements": 401}


def with_credential(value: Any) -> Any:
    """The value with a `token` in every object; only what a metafield holds is left as it is."""
    if isinstance(value, list):
        return [with_credential(item) for item in value]
    if not isinstance(value, dict):
        return value
    filled = {name: member if name == "value" else with_credential(member) for name, member in value.items()}
    return filled | {"token": CREDENTIAL}


@dataclass(frozen=True)
class Case:
    """One call: method name, the call itself, verb, path below the root, query and body as sent, the answer."""

    name: str
    call: Callable[[Gateway], Any]
    verb: str
    path: str
    query: dict[str, str]
    body: dict[str, Any] | None
    answer: Any

    @property
    def answer_bytes(self) -> bytes:
        return b"" if self.answer is None else json.dumps(with_credential(self.answer)).encode()

    @property
    def answer_status(self) -> int:
        return 204 if self.answer is None else 200


def get(name: str, call: Callable[[Gateway], Any], path: str, query: dict[str, str], answer: Any) -> Case:
    return Case(name, call, "GET", path, query, None, answer)


PAGE_2 = {"page": "2", "size": "10"}
THE_DEVICE = {"deviceId": "31"}
SEARCH = {"query": "boil & <b>+1", "sortBy": "Last Reported At", "sortOrder": "DESC"} | PAGE_2

READS = [
    get(
        "list_devices",
        lambda g: g.list_devices(org_id=4, include_sub_orgs=True, page=2, size=10),
        "/devices",
        {"orgId": "4", "includeSubOrgDevices": "true"} | PAGE_2,
        paged(DEVICE),
    ),
    get(
        "search_devices",
        lambda g: g.search_devices("boil & <b>+1", sort_by="Last Reported At", sort_order="DESC", page=2, size=10),
        "/search/devices",
        SEARCH,
        paged(DEVICE),
    ),
    get("get_device", lambda g: g.get_device(31), "/device", THE_DEVICE, DETAILS),
    get("get_base_info", lambda g: g.get_base_info(31), "/device/baseInfo", THE_DEVICE, BASE_INFO),
    get("get_online", lambda g: g.get_online(31), "/device/online", THE_DEVICE, {"connected": True}),
    get(
        "list_timeline",
        lambda g: g.list_timeline(31, event_type="CRITICAL", page=2, size=10),
        "/device/timeline",
        THE_DEVICE | {"eventType": "CRITICAL"} | PAGE_2,
        paged(EVENT),
    ),
    get("list_logs", lambda g: g.list_logs(31, page=2, size=10), "/device/logs", THE_DEVICE | PAGE_2, paged(LOG)),
    get(
        "list_devices_by_owner",
        lambda g: g.list_devices_by_owner("ana+test@example.org", org_id=4, page=2, size=10),
        "/device/by-owner",
        {"ownerEmail": "ana+test@example.org", "orgId": "4"} | PAGE_2,
        paged(DEVICE),
    ),
    get(
        "list_devices_by_user",
        lambda g: g.list_devices_by_user("ana@example.org", page=2, size=10),
        "/device/by-user-org",
        {"userEmail": "ana@example.org"} | PAGE_2,
        paged(DEVICE),
    ),
    get(
        "list_last_activated",
        lambda g: g.list_last_activated(org_id=4, minutes=60),
        "/device/last-activated",
        {"orgId": "4", "minutes": "60"},
        [ACTIVATION],
    ),
    get("list_metafields", lambda g: g.list_metafields(31), "/device/metafield", THE_DEVICE, METAFIELDS),
    get("get_user_profile", lambda g: g.get_user_profile(), "/user/profile", {}, PROFILE),
    get("get_own_organization", lambda g: g.get_own_organization(), "/profile", {}, ORGANIZATION),
    get("get_organization", lambda g: g.get_organization(4), "", {"orgId": "4"}, ORGANIZATION),
    get(
        "search_organizations",
        lambda g: g.search_organizations("Hal", page=2, size=10),
        "/search",
        {"query": "Hal"} | PAGE_2,
        paged(ORGANIZATION),
    ),
    get(
        "list_sub_organizations",
        lambda g: g.list_sub_organizations(),
        "/sub-organizations",
        {"page": "0", "size": "1000"},
        paged(ORGANIZATION),
    ),
    get(
        "list_users",
        lambda g: g.list_users(include_sub_orgs=True),
        "/users",
        {"includeSubOrgUsers": "true", "page": "0", "size": "1000"},
        paged(USER),
    ),
    get(
        "search_users",
        lambda g: g.search_users("ana", sort_by="Email", page=2, size=10),
        "/search/users",
        {"query": "ana", "sortBy": "Email", "sortOrder": "ASC"} | PAGE_2,
        paged(USER),
    ),
    get("get_user", lambda g: g.get_user(58), "/user", {"userId": "58"}, USER | {"status": "Active", "tz": None}),
    get(
        "list_templates",
        lambda g: g.list_templates(org_id=4),
        "/templates",
        {"orgId": "4", "page": "0", "size": "1000"},
        paged(TEMPLATE),
    ),
    get(
        "list_template_events",
        lambda g: g.list_template_events(12),
        "/template/events",
        {"templateId": "12"},
        [TEMPLATE_EVENT],
    ),
]


def of_contract(name: str, parameters: set[str]) -> Case:
    """A read of one device, with a page where there are pages: the contract says what is sent and what may come."""
    pages = {"page": 2, "size": 10} if "page" in parameters else {}
    query = THE_DEVICE | (PAGE_2 if pages else {})
    path = contract().path_of(name)
    answers = contract().operations["GET", ROOT + path]["responses"]["200"]["content"]["application/json"]
    return get(name, lambda g: getattr(g, name)(31, **pages), path, query, sample(answers["schema"]))


SIMPLE = [
    of_contract(name, parameters)
    for name, parameters in contract().reads_of_a_device().items()
    if hasattr(Gateway, name) and name not in {case.name for case in READS}
]
"""Reads by device id alone come from the contract: a new one needs no line here."""
READS += SIMPLE
REVEAL = get("reveal_token", lambda g: g.reveal_token(31), "/device/baseInfo", THE_DEVICE, BASE_INFO)
WRITES = [
    Case(
        "rename_device",
        lambda g: g.rename_device(31, "Kjøle - rom's 3"),
        "PUT",
        "/device",
        THE_DEVICE,
        {"name": "Kjøle - rom's 3"},
        DEVICE,
    ),
    Case(
        "set_metafield",
        lambda g: g.set_metafield(31, 3, "5"),
        "POST",
        "/device/metafield",
        {},
        {"deviceId": 31, "metaFieldId": 3, "newValue": "5"},
        None,
    ),
    Case(
        "create_device",
        lambda g: g.create_device("TMPL2aB3cD4", "New one", org_id=4, owner_id=58),
        "POST",
        "/device/create",
        {"baseInfoResponse": "true"},
        {"templateId": "TMPL2aB3cD4", "name": "New one", "orgId": 4, "ownerId": 58},
        BASE_INFO,
    ),
    Case("delete_device", lambda g: g.delete_device(31), "DELETE", "/device", THE_DEVICE, None, None),
    Case(
        "transfer_to_owner",
        lambda g: g.transfer_to_owner(31, 2**40),
        "POST",
        "/device/transfer/to-owner",
        {},
        {"deviceId": 31, "newOwnerUserId": 2**40},
        None,
    ),
    Case(
        "transfer_to_organization",
        lambda g: g.transfer_to_organization(31, 5),
        "POST",
        "/device/transfer/to-organization",
        {},
        {"deviceId": 31, "newOrgId": 5},
        None,
    ),
    Case("remove_owner", lambda g: g.remove_owner(31), "DELETE", "/device/owner", THE_DEVICE, None, None),
    Case("clear_device", lambda g: g.clear_device(31), "DELETE", "/device/clear", THE_DEVICE, None, None),
    Case(
        "trigger_event",
        lambda g: g.trigger_event(31, "too_hot", "by hand"),
        "POST",
        "/device/trigger-event",
        {},
        {"deviceId": 31, "eventCode": "too_hot", "eventDescription": "by hand"},
        None,
    ),
]


class Recorder:
    """A transport that notes the call and sends nothing."""

    def send(self, method: str, path: str, **call: Any) -> Any:
        self.method, self.path = method, path.removeprefix(ROOT)
        self.query = {name: str(value) for name, value in (call["query"] or {}).items() if value is not None}
        self.body = call["json"]
        raise TimedOut(sent=True)


def of_kind(kind: ChangeKind) -> Case:
    """A change as its kind sends it. The contract says what may come, and checks what is sent (tests/contract)."""
    target, after = kind.example.target, kind.example.after
    intent = ChangeIntent(operation=kind.operation, device_id=31, target=target, after=after)
    recorder = Recorder()
    with suppress(TimedOut):
        kind.send(Gateway(recorder, lambda rejected: "token"), intent)  # type: ignore[arg-type]
    verb, path = contract().call_of(kind.operation)
    assert (recorder.method, recorder.path) == (verb, path), f"{kind.operation} is not what the contract says"
    responses = contract().operations[verb, ROOT + path]["responses"]
    answer = sample(responses["200"]["content"]["application/json"]["schema"]) if "200" in responses else None
    return Case(kind.operation, lambda g: kind.send(g, intent), verb, path, recorder.query, recorder.body, answer)


_by_hand = {case.name for case in [*WRITES, REVEAL]}
WRITES += [of_kind(kind) for kind in kinds() if kind.operation not in _by_hand]
"""Those with more to say than their kind's example stand above: a new one needs no line here."""
CASES = [*READS, *WRITES, REVEAL]
