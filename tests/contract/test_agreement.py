"""What the portal and the sandbox each believe of permissions and metafields is what the contract says."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import pytest

from devices.core.permissions import RULES, Access, judge
from devices.metafields import METAFIELD_TYPES
from sandbox import seed_cases
from tests.contract.checker import contract
from tests.servers import SandboxServer

OPERATIONS = {operation["operationId"]: (key, operation) for key, operation in contract().operations.items()}
ME, ANOTHER = 7, 8


def may(rule: dict[str, Any], held: set[str], *, own: bool, other: bool) -> bool:
    """The rules of x-permissions for a user's token. `own`: the device is the caller's; `other`: the call concerns
    another user."""
    needed = set(rule.get("all", ()))
    if other:
        needed |= {name for extra in rule.get("extra", ()) for name in extra["all"]}
    views = set(rule.get("any", ())) - (set() if own else {rule.get("own")})
    return needed <= held and ("any" not in rule or bool(views & held))


def named(rule: dict[str, Any]) -> set[str]:
    extra = {name for extra in rule.get("extra", ()) for name in extra["all"]}
    return {*rule.get("all", ()), *rule.get("any", ()), *extra}


def every_set(names: set[str]) -> list[set[str]]:
    return [set(some) for some in chain.from_iterable(combinations(sorted(names), n) for n in range(len(names) + 1))]


@pytest.mark.parametrize("name", RULES)
def test_the_portal_explains_permissions_as_the_contract_has_them(name: str) -> None:
    # Revealing a device's credential is reading the device; there is no call of its own for it.
    rule = OPERATIONS["get_base_info" if name == "reveal_token" else name][1]["x-permissions"]
    one_device = "any" in rule and name != "list_devices_by_owner"
    for held in every_set(named(rule)):
        person = Access(ME, "me@example.com", "Me", "Role", frozenset(held), 1, "Org", "UTC")
        for own in (True, False) if one_device else (True,):
            for other in (False, True):
                verdict = judge(name, person, owner_id=ME if own else ANOTHER, other=other)
                assert verdict.allowed == may(rule, held, own=own, other=other), (held, own, other)
                assert set(verdict.missing) <= named(rule) - held


def test_the_portal_has_a_rule_for_each_operation_that_needs_a_permission() -> None:
    needing = {name for name, (_, operation) in OPERATIONS.items() if named(operation["x-permissions"])}
    portal_calls_none_of = {"get_template", "list_template_metafields", "list_template_datastreams"}
    assert needing - set(RULES) == portal_calls_none_of


ROLES = ("admin", "support", "viewer", "installer", "owner", "guest")
DEVICES = {"installer": seed_cases.INSTALLERS, "owner": seed_cases.MINE}
READS = [name for name, (key, _) in OPERATIONS.items() if key[0] == "GET"]


@pytest.mark.parametrize("name", READS)
def test_the_sandbox_opens_its_reads_to_whom_the_contract_does(name: str, sandbox: SandboxServer) -> None:
    (_, path), operation = OPERATIONS[name]
    rule, path = operation["x-permissions"], path.removeprefix("/api/v1/organization")
    names = {item["name"] for item in operation.get("parameters", ())}
    for role in ROLES:
        profile = sandbox.get("/user/profile", role).json()
        for other in (False, True):
            device = seed_cases.RICH if other else DEVICES.get(role)
            if "deviceId" in names and device is None:
                continue  # this role owns none
            email = "ana.lund@example.org" if other else profile["email"]
            values = {
                "deviceId": device,
                "templateId": 11,
                "orgId": profile["orgId"],
                "userId": profile["id"],
                "query": "a",
                "ownerEmail": email,
                "userEmail": email,
            }
            query = {key: value for key, value in values.items() if key in names}
            answer = sandbox.get(path, role, **query)
            allowed = may(
                rule, set(profile["role"]["permissions"]), own=not other or "deviceId" not in names, other=other
            )
            assert answer.status_code == (200 if allowed else 403), (role, query, answer.text[:200])


def test_the_portal_edits_the_types_of_metafields_that_the_contract_calls_writable() -> None:
    listed = {
        name.lower(): how
        for how, names in contract().document["components"]["schemas"]["MetafieldObject"]["x-text-write"].items()
        for name in names
    }
    # The portal renames a device by the operation that is made for it.
    assert {name: kind.write for name, kind in METAFIELD_TYPES.items()} == {**listed, "devicename": "no"}
