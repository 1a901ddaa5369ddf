"""The Platform API, one method an endpoint. Paths in the docstrings leave out the common `/api/v1/organization`."""

from __future__ import annotations

from collections.abc import Mapping

from devices.gateway import decode
from devices.gateway.base_client import ROOT, AccessToken, BaseClient, Guard
from devices.gateway.pagination import Page
from devices.gateway.required_permissions import requires
from devices.gateway.transport import Query
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

__all__ = ["ROOT", "AccessToken", "Gateway", "Guard"]


class _Credential(Wire, frozen=True):
    token: str


class Gateway(BaseClient):
    """The API for one person, through the resilience policy (or a bare Transport: tools, tests).

    `page` is 0-based, `size` 1..1000. An optional argument that is None is not sent. Every method raises a
    `GatewayError`, whose `operation` is the method's name. Only `reveal_token` returns the device credential.
    """

    # --- devices ------------------------------------------------------------------------------------------------------

    @requires("ORG_DEVICES_VIEW")
    def list_devices(
        self, *, org_id: int | None = None, include_sub_orgs: bool = False, page: int = 0, size: int = 50
    ) -> Page[Device]:
        """GET /devices: the devices of an organization, by default the token's own."""
        query: Query = {"orgId": org_id, "includeSubOrgDevices": include_sub_orgs}
        return self._page("list_devices", "/devices", query, Device, page=page, size=size)

    @requires("ORG_DEVICES_VIEW")
    def search_devices(
        self, query: str, *, sort_by: str | None = None, sort_order: str = "ASC", page: int = 0, size: int = 50
    ) -> Page[Device]:
        """GET /search/devices: `query` of 1 to 255 characters, in the token's organization."""
        search = _search(query, sort_by, sort_order)
        return self._page("search_devices", "/search/devices", search, Device, page=page, size=size)

    @requires(visible=True, other=("ORG_VIEW_USERS", "ORG_DEVICES_VIEW"))
    def list_devices_by_owner(
        self, owner_email: str, *, org_id: int | None = None, page: int = 0, size: int = 50
    ) -> Page[Device]:
        """GET /device/by-owner: may come without a total. The only list for people who see just their own devices."""
        query: Query = {"ownerEmail": owner_email, "orgId": org_id}
        return self._page("list_devices_by_owner", "/device/by-owner", query, Device, page=page, size=size)

    @requires("ORG_DEVICES_VIEW", other=("ORG_VIEW_USERS",))
    def list_devices_by_user(self, user_email: str, *, page: int = 0, size: int = 50) -> Page[Device]:
        """GET /device/by-user-org: the devices that a user can see; may come without a total."""
        query: Query = {"userEmail": user_email}
        return self._page("list_devices_by_user", "/device/by-user-org", query, Device, page=page, size=size)

    @requires("ORG_DEVICES_VIEW")
    def list_last_activated(self, *, org_id: int | None = None, minutes: int = 5) -> tuple[Activation, ...]:
        """GET /device/last-activated: in the last 1 to 60 minutes, without sub-organizations; no names."""
        query: Query = {"orgId": org_id, "minutes": minutes}
        return self._array("list_last_activated", "/device/last-activated", query, Activation)

    # --- one device ---------------------------------------------------------------------------------------------------

    @requires(visible=True)
    def get_device(self, device_id: int) -> DeviceDetails:
        """GET /device: the device with its current values and metafields."""
        return self._device("get_device", "/device", device_id, DeviceDetails)

    @requires(visible=True)
    def get_base_info(self, device_id: int) -> BaseInfo:
        """GET /device/baseInfo: the device without values and metafields, cheaper."""
        return self._device("get_base_info", "/device/baseInfo", device_id, BaseInfo)

    @requires(visible=True)
    def get_online(self, device_id: int) -> Online:
        """GET /device/online: whether the device is connected now, if the API knows."""
        return self._object("get_online", "/device/online", {"deviceId": device_id}, Online)

    @requires("VIEW_OWN_ORG_TAG", visible=True)
    def list_tags(self, device_id: int) -> tuple[DeviceTag, ...]:
        """GET /device/tags"""
        return self._array("list_tags", "/device/tags", {"deviceId": device_id}, DeviceTag)

    @requires("VIEW_TIMELINE", visible=True)
    def list_timeline(
        self, device_id: int, *, event_type: str | None = None, page: int = 0, size: int = 50
    ) -> Page[TimelineEvent]:
        """GET /device/timeline: newest first; new entries may take a minute."""
        query: Query = {"deviceId": device_id, "eventType": event_type}
        return self._page("list_timeline", "/device/timeline", query, TimelineEvent, page=page, size=size)

    @requires("ORG_DEVICE_VIEW_ACTION_LOG", visible=True)
    def list_logs(self, device_id: int, *, page: int = 0, size: int = 50) -> Page[LogEntry]:
        """GET /device/logs: what users wrote to the device, newest first; may come without a total."""
        return self._page("list_logs", "/device/logs", {"deviceId": device_id}, LogEntry, page=page, size=size)

    @requires(visible=True)
    def list_metafields(self, device_id: int) -> tuple[Metafield, ...]:
        """GET /device/metafield"""
        return self._array("list_metafields", "/device/metafield", {"deviceId": device_id}, Metafield)

    @requires("ORG_DEVICES_EDIT", visible=True)
    def rename_device(self, device_id: int, name: str) -> Device:
        """PUT /device: the id in the query, the name (1 to 50) in the body; answers with the device."""
        reply = self._change("rename_device", "PUT", "/device", {"deviceId": device_id}, {"name": name})
        return decode.one(reply, Device, "rename_device")

    @requires("ORG_DEVICES_EDIT", visible=True)
    def set_metafield(self, device_id: int, metafield_id: int, value: str) -> None:
        """POST /device/metafield: `value` is text of at most 200 characters, for numbers too. Read back after it."""
        body = {"deviceId": device_id, "metaFieldId": metafield_id, "newValue": value}
        self._write("set_metafield", "POST", "/device/metafield", body=body)

    # --- changes ------------------------------------------------------------------------------------------------------

    @requires("ORG_DEVICES_CREATE", other=("ORG_VIEW_USERS",))
    def create_device(
        self, template_code: str, name: str, *, org_id: int | None = None, owner_id: int | None = None
    ) -> BaseInfo:
        """POST /device/create: `template_code` is one of a template's text ids (TMPL...), not its number."""
        body = {"templateId": template_code, "orgId": org_id, "name": name, "ownerId": owner_id}
        query: Query = {"baseInfoResponse": True}
        reply = self._change("create_device", "POST", "/device/create", query, _known(body))
        return decode.one(reply, BaseInfo, "create_device")

    @requires("ORG_DEVICES_DELETE", visible=True)
    def delete_device(self, device_id: int) -> None:
        """DELETE /device: the device and all its data."""
        self._write("delete_device", "DELETE", "/device", query={"deviceId": device_id})

    @requires("TRANSFER_DEVICE", visible=True, other=("ORG_VIEW_USERS",))
    def transfer_to_owner(self, device_id: int, user_id: int) -> None:
        """POST /device/transfer/to-owner: an activated user. May move the device to their organization: read back."""
        body = {"deviceId": device_id, "newOwnerUserId": user_id}
        self._write("transfer_to_owner", "POST", "/device/transfer/to-owner", body=body)

    @requires("TRANSFER_DEVICE", "ORG_VIEW", visible=True)
    def transfer_to_organization(self, device_id: int, org_id: int) -> None:
        """POST /device/transfer/to-organization: may remove the owner: read back."""
        body = {"deviceId": device_id, "newOrgId": org_id}
        self._write("transfer_to_organization", "POST", "/device/transfer/to-organization", body=body)

    @requires("ORG_DEVICES_EDIT", visible=True)
    def remove_owner(self, device_id: int) -> None:
        """DELETE /device/owner"""
        self._write("remove_owner", "DELETE", "/device/owner", query={"deviceId": device_id})

    @requires("ORG_DEVICE_DATA_DELETE", visible=True)
    def clear_device(self, device_id: int) -> None:
        """DELETE /device/clear: deletes history, timeline and statistics; device, metafields and tags stay."""
        self._write("clear_device", "DELETE", "/device/clear", query={"deviceId": device_id})

    @requires("ORG_DEVICES_CONTROL", visible=True)
    def trigger_event(self, device_id: int, event_code: str, description: str | None = None) -> None:
        """POST /device/trigger-event: both texts of at most 200 characters. It may be muted, and not appear."""
        body = {"deviceId": device_id, "eventCode": event_code, "eventDescription": description}
        self._write("trigger_event", "POST", "/device/trigger-event", body=_known(body))

    @requires(visible=True)
    def reveal_token(self, device_id: int) -> str:
        """GET /device/baseInfo, for its `token`: the device credential."""
        reply = self._send("reveal_token", "GET", "/device/baseInfo", {"deviceId": device_id})
        return decode.one(reply, _Credential, "reveal_token").token

    # --- people, organizations, templates -----------------------------------------------------------------------------

    def get_user_profile(self) -> UserProfile:
        """GET /user/profile: the person of a user's token, with role and permissions."""
        return self._object("get_user_profile", "/user/profile", None, UserProfile)

    def get_own_organization(self) -> Organization:
        """GET /profile: the organization of the token."""
        return self._object("get_own_organization", "/profile", None, Organization)

    @requires("ORG_VIEW")
    def list_sub_organizations(self, *, page: int = 0, size: int = 1000) -> Page[Organization]:
        """GET /sub-organizations"""
        return self._page("list_sub_organizations", "/sub-organizations", {}, Organization, page=page, size=size)

    @requires("ORG_VIEW")
    def get_organization(self, org_id: int) -> Organization:
        """GET (the common path itself)"""
        return self._object("get_organization", "", {"orgId": org_id}, Organization)

    @requires("ORG_VIEW")
    def search_organizations(
        self, query: str, *, sort_by: str | None = None, sort_order: str = "ASC", page: int = 0, size: int = 50
    ) -> Page[Organization]:
        """GET /search: `query` of 1 to 255 characters."""
        search = _search(query, sort_by, sort_order)
        return self._page("search_organizations", "/search", search, Organization, page=page, size=size)

    @requires("ORG_VIEW_USERS")
    def list_users(self, *, include_sub_orgs: bool = False, page: int = 0, size: int = 1000) -> Page[UserSummary]:
        """GET /users"""
        query: Query = {"includeSubOrgUsers": include_sub_orgs}
        return self._page("list_users", "/users", query, UserSummary, page=page, size=size)

    @requires("ORG_VIEW_USERS")
    def search_users(
        self, query: str, *, sort_by: str | None = None, sort_order: str = "ASC", page: int = 0, size: int = 50
    ) -> Page[UserSummary]:
        """GET /search/users: `query` of 1 to 255 characters."""
        search = _search(query, sort_by, sort_order)
        return self._page("search_users", "/search/users", search, UserSummary, page=page, size=size)

    @requires("ORG_VIEW_USERS")
    def get_user(self, user_id: int) -> User:
        """GET /user: with status and time zone."""
        return self._object("get_user", "/user", {"userId": user_id}, User)

    @requires("PRODUCT_VIEW")
    def list_templates(self, *, org_id: int | None = None, page: int = 0, size: int = 1000) -> Page[Template]:
        """GET /templates"""
        return self._page("list_templates", "/templates", {"orgId": org_id}, Template, page=page, size=size)

    @requires("PRODUCT_VIEW")
    def list_template_events(self, template_id: int) -> tuple[TemplateEvent, ...]:
        """GET /template/events: of the template with this number, as devices carry it."""
        return self._array("list_template_events", "/template/events", {"templateId": template_id}, TemplateEvent)


def _search(text: str, sort_by: str | None, sort_order: str) -> Query:
    return {"query": text, "sortBy": sort_by, "sortOrder": sort_order if sort_by else None}


def _known(body: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in body.items() if value is not None}
