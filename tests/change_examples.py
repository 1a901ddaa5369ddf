"""Every kind of change that people can make, each to a device of its own: for tests that must hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import requests
from bs4 import BeautifulSoup

from tests.portal_server import PortalServer
from tests.servers import SandboxServer

NEW = "Changed 1"
TEMPLATE = "TMPL2cRm01aQ9"
OPERATIONS = {
    "rename": "rename_device",
    "metafield": "set_metafield",
    "to owner": "transfer_to_owner",
    "to organization": "transfer_to_organization",
    "remove owner": "remove_owner",
    "trigger": "trigger_event",
    "clear": "clear_device",
    "delete": "delete_device",
    "create": "create_device",
}
"""What the change is called here -> the gateway's method."""
NAMES = tuple(OPERATIONS)


@dataclass
class Write:
    """One kind of change, to a device of its own. `page`: where its form is; `made`: whether the platform made it."""

    name: str
    page: str
    call: tuple[str, str]
    filled: dict[str, str]
    made: Callable[[SandboxServer], bool]
    tellable: bool = True
    """Whether a look afterwards can tell what became of it."""
    form: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[int, str]] = field(default_factory=list)

    @property
    def path(self) -> str:
        return self.page.split("?")[0]


def info(sandbox: SandboxServer, device_id: int) -> dict[str, object]:
    answer = sandbox.get("/device/baseInfo", deviceId=device_id)
    return answer.json() if answer.status_code == 200 else {}


def writes(sandbox: SandboxServer) -> list[Write]:
    """All of them, on devices found for the purpose: with an owner, with a timeline, with a text metafield."""
    rows = sandbox.get("/devices", page=0, size=200).json()["content"]
    owned = [row["id"] for row in rows if row.get("ownerUserId") and row["name"].isascii() and row["id"] > 10]
    rename, owner, organization, removal, delete, trigger = owned[:6]
    clear, field_device = 1, 9
    names = {device_id: str(info(sandbox, device_id)["name"]) for device_id in (clear, delete)}
    fields = sandbox.get("/device/metafield", deviceId=field_device).json()
    text = next(one["id"] for one in fields if str((one.get("value") or {}).get("type", "")).lower() == "text")
    target = 12 if info(sandbox, owner).get("ownerUserId") != 12 else 11

    def value_is(expected: str) -> Callable[[SandboxServer], bool]:
        def read(platform: SandboxServer) -> bool:
            found = platform.get("/device/metafield", deviceId=field_device).json()
            return any(one["id"] == text and one["value"].get("value") == expected for one in found)

        return read

    def events(platform: SandboxServer, device_id: int) -> int:
        return int(platform.get("/device/timeline", deviceId=device_id, page=0, size=1).json()["totalElements"])

    before = events(sandbox, trigger)
    return [
        Write(
            "rename",
            f"/devices/{rename}/rename/",
            ("PUT", "/device"),
            {"name": NEW},
            lambda platform: info(platform, rename)["name"] == NEW,
        ),
        Write(
            "metafield",
            f"/devices/{field_device}/metafields/{text}/",
            ("POST", "/device/metafield"),
            {"value": NEW},
            value_is(NEW),
        ),
        Write(
            "to owner",
            f"/devices/{owner}/transfer-to-owner/?owner={target}",
            ("POST", "/device/transfer/to-owner"),
            {},
            lambda platform: info(platform, owner).get("ownerUserId") == target,
        ),
        Write(
            "to organization",
            f"/devices/{organization}/transfer-to-organization/?org_id=2",
            ("POST", "/device/transfer/to-organization"),
            {},
            lambda platform: info(platform, organization)["orgId"] == 2,
        ),
        Write(
            "remove owner",
            f"/devices/{removal}/remove-owner/",
            ("DELETE", "/device/owner"),
            {},
            lambda platform: not info(platform, removal).get("ownerUserId"),
        ),
        Write(
            "trigger",
            f"/devices/{trigger}/trigger-event/",
            ("POST", "/device/trigger-event"),
            {"code": "door_open"},
            lambda platform: events(platform, trigger) > before,
            tellable=False,
        ),
        Write(
            "clear",
            f"/devices/{clear}/clear/",
            ("DELETE", "/device/clear"),
            {"confirm": names[clear], "reason": "kills"},
            lambda platform: events(platform, clear) == 0,
        ),
        Write(
            "delete",
            f"/devices/{delete}/delete/",
            ("DELETE", "/device"),
            {"confirm": names[delete], "reason": "kills"},
            lambda platform: not info(platform, delete),
        ),
        Write(
            "create",
            "/devices/new/",
            ("POST", "/device/create"),
            {"template_code": TEMPLATE, "name": NEW + "b"},
            lambda platform: bool(platform.get("/search/devices", query=NEW + "b").json()["content"]),
        ),
    ]


def open_form(session: requests.Session, host: PortalServer, write: Write) -> None:
    """What the form's page holds, with what is typed into it."""
    page = session.get(host.url + write.page, timeout=30)
    assert page.status_code == 200, (write.name, page.status_code, page.text[:500])
    for form in BeautifulSoup(page.text, "html.parser").select("form[method=post]"):
        if form.select_one("[name=idempotency_key]"):
            inputs = form.select("input[name], select[name]")
            write.form = {str(each["name"]): str(each.get("value", "")) for each in inputs} | write.filled
            return
    raise AssertionError(f"{write.name}: no form with an id on {write.page}")


def arrived(sandbox: SandboxServer, write: Write) -> int:
    path = "/api/v1/organization" + write.call[1]
    return sum((entry["method"], entry["path"]) == (write.call[0], path) for entry in sandbox.requests())
