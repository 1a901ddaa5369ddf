"""The form of a new device, as tests fill it in and read its answer."""

from __future__ import annotations

from typing import Any

from tests.devices.conftest import soup, words
from tests.servers import SandboxServer

NEW = "/devices/new/"
CREATE = "/api/v1/organization/device/create"
COLD = "TMPL2cRm01aQ9"


def filled(**changes: str) -> dict[str, str]:
    return {
        "template_code": COLD,
        "name": "Boiler room 300",
        "org_id": "",
        "owner": "",
        "idempotency_key": "f",
    } | changes


def created(platform: SandboxServer) -> int:
    """How many times a device was asked for."""
    return sum(entry["path"] == CREATE for entry in platform.requests())


def the_device(platform: SandboxServer, answer: Any) -> dict[str, Any]:
    """The device that a successful answer leads to, as the platform has it."""
    assert answer.status_code == 303, words(answer)
    device_id = int(answer["Location"].split("/")[2])
    found: dict[str, Any] = platform.get("/device/baseInfo", deviceId=device_id).json()
    return found


def errors(answer: Any) -> dict[str, str]:
    """The words beside each field."""
    fields = soup(answer).select(".field.invalid")
    return {
        str(field.select_one("label")["for"]).removeprefix("id_"): field.select_one(".error").get_text(" ", strip=True)  # type: ignore[index, union-attr]
        for field in fields
    }
