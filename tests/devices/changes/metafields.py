"""The device that has a metafield of every type, and what the platform holds of them."""

from __future__ import annotations

from typing import Any

from tests.devices import fleet
from tests.servers import SandboxServer

PANEL = f"/devices/{fleet.BENCH}/metafields/"


def ids(platform: SandboxServer) -> dict[str, int]:
    fields = platform.get("/device/metafield", "admin", deviceId=fleet.BENCH).json()
    return {field["name"]: field["id"] for field in fields}


def held(platform: SandboxServer, name: str) -> Any:
    fields = platform.get("/device/metafield", "admin", deviceId=fleet.BENCH).json()
    return next(field["value"] for field in fields if field["name"] == name)


def address(platform: SandboxServer, name: str) -> str:
    return f"{PANEL}{ids(platform)[name]}/"
