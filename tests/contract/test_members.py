"""The sandbox returns every member of the contract, and of others only those that it adds on purpose.

Optional members may be missing from any response, so a misspelled one would go unnoticed. Here each has to appear
somewhere in the fleet.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sandbox import seed_cases
from tests.contract.checker import contract
from tests.servers import SandboxServer

SURPRISES = {"shadow", "revision", "labels", "secondsMuted", "slot", "degrees", "ring"}
"""Undocumented members that the sandbox adds, since clients have to ignore them."""
NEVER_THERE = {
    "list_timeline.content name",  # known from an ancestor's code only
    "get_own_organization parentOrganizationId",  # it is the root
    "get_own_organization.address state",
    "get_organization phoneNumber",
    "list_sub_organizations.content phoneNumber",
    "list_template_metafields description",
    "list_template_metafields icon",
    "list_template_datastreams pinMode",
}

Members = dict[str, set[str]]
"""Place (operation and the way to an object) -> names of its members."""


def declared(place: str, schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(place, name) of each member that a schema names, at any depth."""
    for name, inner in schema.get("properties", {}).items():
        yield place, name
        yield from declared(f"{place}.{name}", inner)
    if "items" in schema:
        yield from declared(place, schema["items"])
    for keyword in ("allOf", "anyOf"):
        for part in schema.get(keyword, ()):
            yield from declared(place, part)
            yield from declared(place, part.get("then", {}))


def present(place: str, value: object) -> Iterator[tuple[str, str]]:
    """(place, name) of each member of a response, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from present(place, item)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield place, name
            yield from present(f"{place}.{name}", inner)


def fleet_responses(sandbox: SandboxServer) -> Iterator[tuple[str, Any]]:
    """Responses to enough requests to see every member once."""
    everything = {"size": 1000}
    yield "list_devices", sandbox.get("/devices", **everything, includeSubOrgDevices="true").json()
    yield "list_devices_by_owner", sandbox.get("/device/by-owner", ownerEmail="owner@example.com").json()
    yield "list_devices_by_user", sandbox.get("/device/by-user-org", userEmail="admin@example.com").json()
    yield "search_devices", sandbox.get("/search/devices", query="a", **everything).json()
    yield "list_last_activated", sandbox.get("/device/last-activated", minutes=60).json()
    yield "get_user_profile", sandbox.get("/user/profile").json()
    yield "get_own_organization", sandbox.get("/profile").json()
    yield "list_sub_organizations", sandbox.get("/sub-organizations").json()
    yield "search_organizations", sandbox.get("/search", query="Halden").json()
    yield "list_users", sandbox.get("/users", **everything).json()
    yield "search_users", sandbox.get("/search/users", query="a").json()
    for organization in sandbox.get("/sub-organizations").json()["content"]:
        yield "get_organization", sandbox.call("GET", "", params={"orgId": organization["id"]}).json()
    yield "get_user", sandbox.get("/user", userId=sandbox.get("/users").json()["content"][0]["id"]).json()
    templates = sandbox.get("/templates").json()
    yield "list_templates", templates
    for template in templates["content"]:
        for path, name in {
            "": "get_template",
            "/events": "list_template_events",
            "/metafields": "list_template_metafields",
            "/datastreams": "list_template_datastreams",
        }.items():
            yield name, sandbox.get(f"/template{path}", templateId=template["id"]).json()
    for device in range(1, seed_cases.SMALLEST_FLEET):
        if device in seed_cases.OUT_OF_REACH_ALL:
            continue
        for name, parameters in contract().reads_of_a_device().items():
            if name == "get_device" or device <= 12:
                more = everything if "size" in parameters else {}
                yield name, sandbox.get(contract().path_of(name), deviceId=device, **more).json()


def test_every_member_of_the_contract_appears_and_no_other(sandbox: SandboxServer) -> None:
    known: Members = defaultdict(set)
    for operation in contract().operations.values():
        content = operation["responses"].get("200", {}).get("content", {})
        for place, name in declared(operation["operationId"], content.get("application/json", {}).get("schema", {})):
            known[place].add(name)
    seen: Members = defaultdict(set)
    for operation, response in fleet_responses(sandbox):
        for place, name in present(operation, response):
            seen[place].add(name)
    asked = {place.partition(".")[0] for place in seen}
    never = {f"{place} {name}" for place, names in known.items() for name in names - seen[place]}
    assert {it for it in never if it.partition(".")[0].split()[0] in asked} <= NEVER_THERE
    new = {(place, name) for place, names in seen.items() for name in names - known[place] if name not in SURPRISES}
    assert {(place, name) for place, name in new if not fits_a_pattern(name)} == set()


def fits_a_pattern(name: str) -> bool:
    """Switches are named by a pattern in the contract: isHistory of a datastream, isCityEnabled of an address."""
    return re.match(r"is[A-Z]", name) is not None
