"""The Platform API, one method an endpoint. Paths in the docstrings leave out the common `/api/v1/organization`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from devices.gateway import decode
from devices.gateway.answers import Answers, Stale
from devices.gateway.deadline import Deadline
from devices.gateway.errors import BadReply, GatewayError, Unauthorized
from devices.gateway.pages import Page
from devices.gateway.policy import Asker, Condition, Policy
from devices.gateway.reply import Reply, failure
from devices.gateway.transport import Query, Transport
from devices.gateway.types import (
    Activation,
    BaseInfo,
    Device,
    DeviceDetails,
    DeviceTag,
    LogEntry,
    Metafield,
    Online,
    Organization,
    Template,
    TemplateEvent,
    TimelineEvent,
    User,
    UserProfile,
    UserSummary,
    Wire,
)

ROOT = "/api/v1/organization"
T = TypeVar("T")
D = TypeVar("D", bound=BaseInfo)
AccessToken = Callable[[str | None], str]
"""Gives the current token for None, another one for a token that was refused; raises Unauthorized if there is none."""
Guard = Callable[[str, Mapping[str, object]], None]
"""Told the operation and what it would send, before anything is sent; raises a GatewayError to refuse it."""


class _Credential(Wire, frozen=True):
    token: str


class Gateway:
    """The API in the name of one person, through the portal's policy (a bare Transport has none: tools, tests).

    `page` is 0-based, `size` 1..1000. An optional argument that is None is not sent. Every method raises a
    `GatewayError`, whose `operation` is the method's name. The device credential is in no value but `reveal_token`'s.
    """

    def __init__(
        self,
        transport: Policy | Transport,
        access_token: AccessToken,
        *,
        request_id: str = "",
        deadline: Deadline | None = None,
        guard: Guard | None = None,
        answers: Answers | None = None,
        asker: Asker = Asker.PERSON,
    ) -> None:
        self._transport = transport
        self._access_token = access_token
        self._request_id = request_id
        self._deadline = deadline
        self._guard = guard
        self._answers = answers
        self._asker = asker
        self.changed = False
        """Whether a change was sent that was not plainly refused: made, or perhaps made."""
        self.stale: list[Stale] = []
        """What this request got as old answers, because no new ones could be read."""

    def for_threads(self) -> Gateway:
        """The same API with the token of now, for calls in threads of their own; there a 401 is final.

        Asking for a token may touch a database, whose connections belong to the thread that serves the request.
        """
        token = self._token("", None)

        def fixed(rejected: str | None) -> str:
            if rejected is not None:
                raise Unauthorized
            return token

        return self._again(fixed, self._deadline, self._answers)

    def within(self, seconds: float) -> Gateway:
        """The same API, whose calls together take no longer than this, nor longer than the page has left."""
        left = seconds if self._deadline is None else min(seconds, self._deadline.left())
        return self._again(self._access_token, Deadline(left), self._answers)

    def fresh(self) -> Gateway:
        """The same API, every answer from the platform itself: for what proves, confirms or precedes a change."""
        return self._again(self._access_token, self._deadline, None)

    def for_asker(self, asker: Asker) -> Gateway:
        """The same API for calls that matter less, or more, than those of this one."""
        again = self._again(self._access_token, self._deadline, self._answers)
        again._asker = asker
        return again

    def condition(self) -> Condition:
        """How the platform stands, without asking it."""
        return self._transport.condition() if isinstance(self._transport, Policy) else Condition()

    def _again(self, access_token: AccessToken, deadline: Deadline | None, answers: Answers | None) -> Gateway:
        again = Gateway(
            self._transport,
            access_token,
            request_id=self._request_id,
            deadline=deadline,
            guard=self._guard,
            answers=answers,
            asker=self._asker,
        )
        again.stale = self.stale
        return again

    # --- devices ------------------------------------------------------------------------------------------------------

    def list_devices(
        self, *, org_id: int | None = None, include_sub_orgs: bool = False, page: int = 0, size: int = 50
    ) -> Page[Device]:
        """GET /devices: the devices of an organization, by default the token's own."""
        query: Query = {"orgId": org_id, "includeSubOrgDevices": include_sub_orgs}
        return self._page("list_devices", "/devices", query, Device, page=page, size=size)

    def search_devices(
        self, query: str, *, sort_by: str | None = None, sort_order: str = "ASC", page: int = 0, size: int = 50
    ) -> Page[Device]:
        """GET /search/devices: `query` of 1 to 255 characters, in the token's organization."""
        search = _search(query, sort_by, sort_order)
        return self._page("search_devices", "/search/devices", search, Device, page=page, size=size)

    def list_devices_by_owner(
        self, owner_email: str, *, org_id: int | None = None, page: int = 0, size: int = 50
    ) -> Page[Device]:
        """GET /device/by-owner: may come without a total. The only list for a person who may see just their own."""
        query: Query = {"ownerEmail": owner_email, "orgId": org_id}
        return self._page("list_devices_by_owner", "/device/by-owner", query, Device, page=page, size=size)

    def list_devices_by_user(self, user_email: str, *, page: int = 0, size: int = 50) -> Page[Device]:
        """GET /device/by-user-org: the devices that a user can see; may come without a total."""
        query: Query = {"userEmail": user_email}
        return self._page("list_devices_by_user", "/device/by-user-org", query, Device, page=page, size=size)

    def list_last_activated(self, *, org_id: int | None = None, minutes: int = 5) -> tuple[Activation, ...]:
        """GET /device/last-activated: in the last 1 to 60 minutes, without sub-organizations; no names."""
        query: Query = {"orgId": org_id, "minutes": minutes}
        return self._array("list_last_activated", "/device/last-activated", query, Activation)

    # --- one device ---------------------------------------------------------------------------------------------------

    def get_device(self, device_id: int) -> DeviceDetails:
        """GET /device: the device with its current values and metafields."""
        return self._device("get_device", "/device", device_id, DeviceDetails)

    def get_base_info(self, device_id: int) -> BaseInfo:
        """GET /device/baseInfo: the device without values and metafields, cheaper."""
        return self._device("get_base_info", "/device/baseInfo", device_id, BaseInfo)

    def get_online(self, device_id: int) -> Online:
        """GET /device/online: whether the device is connected now, if the API knows."""
        return self._object("get_online", "/device/online", {"deviceId": device_id}, Online)

    def list_tags(self, device_id: int) -> tuple[DeviceTag, ...]:
        """GET /device/tags"""
        return self._array("list_tags", "/device/tags", {"deviceId": device_id}, DeviceTag)

    def list_timeline(
        self, device_id: int, *, event_type: str | None = None, page: int = 0, size: int = 50
    ) -> Page[TimelineEvent]:
        """GET /device/timeline: newest first; new entries may take a minute."""
        query: Query = {"deviceId": device_id, "eventType": event_type}
        return self._page("list_timeline", "/device/timeline", query, TimelineEvent, page=page, size=size)

    def list_logs(self, device_id: int, *, page: int = 0, size: int = 50) -> Page[LogEntry]:
        """GET /device/logs: what users wrote to the device, newest first; may come without a total."""
        return self._page("list_logs", "/device/logs", {"deviceId": device_id}, LogEntry, page=page, size=size)

    def list_metafields(self, device_id: int) -> tuple[Metafield, ...]:
        """GET /device/metafield"""
        return self._array("list_metafields", "/device/metafield", {"deviceId": device_id}, Metafield)

    def rename_device(self, device_id: int, name: str) -> Device:
        """PUT /device: the id in the query, the name (1 to 50) in the body; answers with the device."""
        reply = self._send("rename_device", "PUT", "/device", {"deviceId": device_id}, {"name": name})
        return decode.one(reply, Device, "rename_device")

    def set_metafield(self, device_id: int, metafield_id: int, value: str) -> None:
        """POST /device/metafield: `value` is text of at most 200 characters, for numbers too. Read back after it."""
        body = {"deviceId": device_id, "metaFieldId": metafield_id, "newValue": value}
        self._write("set_metafield", "POST", "/device/metafield", body=body)

    # --- what changes a device ----------------------------------------------------------------------------------------

    def create_device(
        self, template_code: str, name: str, *, org_id: int | None = None, owner_id: int | None = None
    ) -> BaseInfo:
        """POST /device/create: `template_code` is one of a template's text ids (TMPL...), not its number."""
        body = {"templateId": template_code, "orgId": org_id, "name": name, "ownerId": owner_id}
        query: Query = {"baseInfoResponse": True}
        reply = self._send("create_device", "POST", "/device/create", query, _known(body))
        return decode.one(reply, BaseInfo, "create_device")

    def delete_device(self, device_id: int) -> None:
        """DELETE /device: the device and all its data."""
        self._write("delete_device", "DELETE", "/device", query={"deviceId": device_id})

    def transfer_to_owner(self, device_id: int, user_id: int) -> None:
        """POST /device/transfer/to-owner: an activated user. May move the device to their organization: read back."""
        body = {"deviceId": device_id, "newOwnerUserId": user_id}
        self._write("transfer_to_owner", "POST", "/device/transfer/to-owner", body=body)

    def transfer_to_organization(self, device_id: int, org_id: int) -> None:
        """POST /device/transfer/to-organization: may cost the device its owner: read back."""
        body = {"deviceId": device_id, "newOrgId": org_id}
        self._write("transfer_to_organization", "POST", "/device/transfer/to-organization", body=body)

    def remove_owner(self, device_id: int) -> None:
        """DELETE /device/owner"""
        self._write("remove_owner", "DELETE", "/device/owner", query={"deviceId": device_id})

    def clear_device(self, device_id: int) -> None:
        """DELETE /device/clear: history, timeline and statistics go; device, metafields and tags stay."""
        self._write("clear_device", "DELETE", "/device/clear", query={"deviceId": device_id})

    def trigger_event(self, device_id: int, event_code: str, description: str | None = None) -> None:
        """POST /device/trigger-event: both texts of at most 200 characters. Accepted is not shown: it may be muted."""
        body = {"deviceId": device_id, "eventCode": event_code, "eventDescription": description}
        self._write("trigger_event", "POST", "/device/trigger-event", body=_known(body))

    def reveal_token(self, device_id: int) -> str:
        """GET /device/baseInfo, for its `token`: the device's credential, which no other method returns."""
        return self._object("reveal_token", "/device/baseInfo", {"deviceId": device_id}, _Credential).token

    # --- people, organizations, templates -----------------------------------------------------------------------------

    def get_user_profile(self) -> UserProfile:
        """GET /user/profile: the person of a user's token, with role and permissions."""
        return self._object("get_user_profile", "/user/profile", None, UserProfile)

    def get_own_organization(self) -> Organization:
        """GET /profile: the organization of the token."""
        return self._object("get_own_organization", "/profile", None, Organization)

    def list_sub_organizations(self, *, page: int = 0, size: int = 1000) -> Page[Organization]:
        """GET /sub-organizations"""
        return self._page("list_sub_organizations", "/sub-organizations", {}, Organization, page=page, size=size)

    def get_organization(self, org_id: int) -> Organization:
        """GET (the common path, and nothing after it)"""
        return self._object("get_organization", "", {"orgId": org_id}, Organization)

    def search_organizations(
        self, query: str, *, sort_by: str | None = None, sort_order: str = "ASC", page: int = 0, size: int = 50
    ) -> Page[Organization]:
        """GET /search: `query` of 1 to 255 characters."""
        search = _search(query, sort_by, sort_order)
        return self._page("search_organizations", "/search", search, Organization, page=page, size=size)

    def list_users(self, *, include_sub_orgs: bool = False, page: int = 0, size: int = 1000) -> Page[UserSummary]:
        """GET /users"""
        query: Query = {"includeSubOrgUsers": include_sub_orgs}
        return self._page("list_users", "/users", query, UserSummary, page=page, size=size)

    def search_users(
        self, query: str, *, sort_by: str | None = None, sort_order: str = "ASC", page: int = 0, size: int = 50
    ) -> Page[UserSummary]:
        """GET /search/users: `query` of 1 to 255 characters."""
        search = _search(query, sort_by, sort_order)
        return self._page("search_users", "/search/users", search, UserSummary, page=page, size=size)

    def get_user(self, user_id: int) -> User:
        """GET /user: with status and time zone."""
        return self._object("get_user", "/user", {"userId": user_id}, User)

    def list_templates(self, *, org_id: int | None = None, page: int = 0, size: int = 1000) -> Page[Template]:
        """GET /templates"""
        return self._page("list_templates", "/templates", {"orgId": org_id}, Template, page=page, size=size)

    def list_template_events(self, template_id: int) -> tuple[TemplateEvent, ...]:
        """GET /template/events: of the template with this number, as devices carry it."""
        return self._array("list_template_events", "/template/events", {"templateId": template_id}, TemplateEvent)

    # --- how ----------------------------------------------------------------------------------------------------------

    def _object(self, operation: str, path: str, query: Query | None, shape: type[T]) -> T:
        return decode.one(self._send(operation, "GET", path, query), shape, operation)

    def _device(self, operation: str, path: str, device_id: int, shape: type[D]) -> D:
        """The device asked for. One of another id, by a mix-up on the way, is no answer."""
        found = self._object(operation, path, {"deviceId": device_id}, shape)
        if found.id != device_id:
            raise BadReply(operation=operation, api_status=200, request_id=self._request_id, detail="another device")
        return found

    def _array(self, operation: str, path: str, query: Query, item: type[T]) -> tuple[T, ...]:
        return decode.many(self._send(operation, "GET", path, query), item, operation)

    def _page(self, operation: str, path: str, query: Query, item: type[T], *, page: int, size: int) -> Page[T]:
        reply = self._send(operation, "GET", path, {**query, "page": page, "size": size})
        return decode.page(reply, item, page, size, operation)

    def _write(
        self, operation: str, method: str, path: str, *, query: Query | None = None, body: object = None
    ) -> None:
        decode.nothing(self._send(operation, method, path, query, body), operation)

    def _send(self, operation: str, method: str, path: str, query: Query | None = None, body: object = None) -> Reply:
        """The one place that sends: a success, or the error it stands for.

        A 401 asks for another token and repeats the call once, also a write: it was refused before it was done.
        """
        if self._guard is not None:
            self._guard(operation, {**(query or {}), **(body if isinstance(body, Mapping) else {})})
        token = None
        for _ in range(2):
            token = self._token(operation, token)
            try:
                reply = self._call(operation, method, ROOT + path, query, body, token)
            except GatewayError as broken:
                self.changed |= method != "GET" and broken.uncertain
                raise
            if reply.status != Unauthorized.status:
                break
        error = failure(reply, operation)
        self.changed |= method != "GET" and (error is None or error.uncertain)
        if error is not None:
            raise error
        return reply

    def _call(self, operation: str, method: str, path: str, query: Query | None, body: object, token: str) -> Reply:
        send: Callable[..., Reply] = self._transport.send
        if isinstance(self._transport, Policy):
            send = partial(self._transport.send, kind="read" if method == "GET" else "write", asker=self._asker)
        return send(
            method,
            path,
            query=query,
            json=body,
            bearer=token,
            request_id=self._request_id,
            deadline=self._deadline,
            operation=operation,
        )

    def _token(self, operation: str, rejected: str | None) -> str:
        try:
            return self._access_token(rejected)
        except GatewayError as error:  # from the token endpoint, which does not know what it was asked for
            error.operation = error.operation or operation
            error.request_id = error.request_id or self._request_id
            error.sent = False  # what was asked for has not been sent, or was refused with the token
            raise


def _search(text: str, sort_by: str | None, sort_order: str) -> Query:
    return {"query": text, "sortBy": sort_by, "sortOrder": sort_order if sort_by else None}


def _known(body: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in body.items() if value is not None}
