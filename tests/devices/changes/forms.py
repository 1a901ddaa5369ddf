"""The changes to one device, as tests go through them: their page, what they send, who may not."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import pytest

from tests.devices import fleet
from tests.devices.conftest import soup
from tests.servers import SandboxServer

NAME = "Cold room 14 - door's sensor"
"""Of the device `fleet.RICH`, which belongs to Ana Lund (11) and Halden Cooling (1)."""
ANA, JONAS, KARI = 11, 12, 30
KARI_ORG = 2


class Change(NamedTuple):
    """`page` below the device's address; `data` of a POST that does it; `wire`: method and path of the call.

    `permission`: one that the change needs, `stranger`: somebody without it.
    """

    page: str
    data: dict[str, str]
    wire: tuple[str, str]
    permission: str
    stranger: str = "viewer"

    @property
    def url(self) -> str:
        return f"/devices/{fleet.RICH}/{self.page}/"


CHANGES = [
    Change("rename", {"name": "Cold room 15"}, ("PUT", "/device"), "ORG_DEVICES_EDIT"),
    Change("delete", {"confirm": NAME, "reason": "HC-1"}, ("DELETE", "/device"), "ORG_DEVICES_DELETE"),
    Change("clear", {"confirm": NAME, "reason": "HC-1"}, ("DELETE", "/device/clear"), "ORG_DEVICE_DATA_DELETE"),
    Change("transfer-to-owner", {"owner": str(JONAS)}, ("POST", "/device/transfer/to-owner"), "TRANSFER_DEVICE"),
    Change("transfer-to-organization", {"org_id": "2"}, ("POST", "/device/transfer/to-organization"), "ORG_VIEW"),
    Change("remove-owner", {"reason": ""}, ("DELETE", "/device/owner"), "ORG_DEVICES_EDIT"),
    Change("trigger-event", {"code": "door_open"}, ("POST", "/device/trigger-event"), "ORG_DEVICES_CONTROL"),
]
REVEAL = Change("reveal-token", {}, ("GET", "/device/baseInfo"), "OWN_DEVICES_VIEW", "guest")


def writes(platform: SandboxServer) -> list[tuple[str, str]]:
    """Method and path of the calls since the last reset that may have changed something."""
    prefix = "/api/v1/organization"
    return [
        (entry["method"], entry["path"].removeprefix(prefix))
        for entry in platform.requests()
        if entry["method"] != "GET" and entry["path"].startswith(prefix)
    ]


def held(platform: SandboxServer, device_id: int = fleet.RICH) -> dict[str, object]:
    """What the platform holds of the device; empty if it is gone."""
    answer = platform.get("/device/baseInfo", "admin", deviceId=device_id)
    return answer.json() if answer.status_code == 200 else {}


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was written down about what became of changes."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "devices.audit"
        and record.levelno == logging.INFO
        and 'outcome="intended"' not in record.getMessage()
    ]


def end(page: Any, which: str) -> str:
    """The words of one end of the transfer: `from` or `to`."""
    section = soup(page).find("section", attrs={"aria-labelledby": which})
    assert section is not None
    return " ".join(section.get_text(" ").split())


def filled(page: Any) -> dict[str, str]:
    """What the form that changes something would send, as its page shows it."""
    form = soup(page).select_one("main form[method=post], form.dialog-content, form.inline-edit")
    assert form is not None
    fields = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[name]")}
    for choice in form.select("select[name]"):
        option = choice.select_one("option[selected]")
        fields[str(choice["name"])] = str(option["value"]) if option else ""
    fields.pop("csrfmiddlewaretoken", None)
    return fields
