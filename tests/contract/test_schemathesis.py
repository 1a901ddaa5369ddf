"""schemathesis generates valid and invalid requests from the contract and sends them to a separate sandbox.

Every response has to be in the contract and no server error; invalid input and calls without a token must be refused.
The seed is fixed, so that every run sends the same requests.
"""

from __future__ import annotations

import itertools
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
)

from tests.contract.checker import FILE, Call, contract
from tests.servers import SandboxServer

EXAMPLES = 8
"""Random requests for an operation, besides some dozens at and beyond each bound of the contract."""
CLIENT = f"{SandboxServer.client_id}:{SandboxServer.client_secret}"
BASIC = f"Basic {b64encode(CLIENT.encode()).decode()}"

schema = schemathesis.openapi.from_path(FILE)
schema.config.phases.coverage.unexpected_methods = {"patch"}
schema.config.phases.coverage.extra_data_sources.responses = False
schema.config.phases.fuzzing.extra_data_sources.responses = False
schema.config.phases.coverage.generate_duplicate_query_parameters = True


Known = dict[str, list[Any]]


class TargetSandbox(SandboxServer):
    """A sandbox that tests may destroy, with existing values for the parameters by name."""

    def __init__(self) -> None:
        super().__init__("--switch", "event_gap=0", "--switch", "events_a_day=0")
        devices = [row["id"] for row in self.get("/devices", size=1000, includeSubOrgDevices="true").json()["content"]]
        people = self.get("/users", size=1000, includeSubOrgUsers="true").json()["content"]
        templates = self.get("/templates").json()["content"]
        organizations = [row["id"] for row in self.get("/sub-organizations").json()["content"]]
        users, emails = [row["id"] for row in people], [row["email"] for row in people]
        events = self.get("/template/events", templateId=templates[0]["id"]).json()
        both = {"deviceId": devices, "orgId": organizations}
        self.known_in_query: Known = both | {
            "userId": users,
            "templateId": [row["id"] for row in templates],
            "ownerEmail": emails,
            "userEmail": emails,
            "query": ["room", "1", "ö"],
        }
        self.known_in_body: Known = both | {
            "metaFieldId": list(range(1, 30)),
            "newOrgId": organizations,
            "ownerId": users,
            "newOwnerUserId": users,
            "templateId": [code for row in templates for code in row["templateIds"]],
            "eventCode": [event["eventCode"] for event in events if "eventCode" in event],
            "name": ["Boiler room 2", "Kühlraum 7", "door's sensor"],
        }


def use_existing(values: object, known: Known, pick: int) -> None:
    """Replace generated values by existing ones, or most calls would end with a 404."""
    for name in known.keys() & (values if isinstance(values, dict) else {}):
        values[name] = known[name][pick % len(known[name])]  # type: ignore[index]


@pytest.fixture(scope="module")
def target() -> Iterator[TargetSandbox]:
    server = TargetSandbox()
    yield server
    server.stop()


@pytest.fixture
def counter() -> Iterator[int]:
    """Numbers the examples of one operation."""
    return itertools.count()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_response_is_in_the_contract(
    case: schemathesis.Case, target: TargetSandbox, counter: Iterator[int]
) -> None:
    turn = next(counter)
    # A valid request may ask for something impossible; an invalid one may be valid on the wire.
    excluded = [positive_data_acceptance, negative_data_rejection]
    if case.path == "/oauth2/token":
        signed = BASIC
        excluded += [ignored_auth, missing_required_header]  # no client: 400 there, as documented
    else:
        signed = f"Bearer {target.token('client' if turn % 4 < 2 else 'admin')}"
        if turn % 3 and case.meta and case.meta.generation.mode.is_positive:
            # Each operation has its own devices, so that none is deleted by another.
            pick = turn + crc32(f"{case.method} {case.path}".encode())
            use_existing(case.query, target.known_in_query, pick)
            use_existing(case.body, target.known_in_body, pick)
    response = case.call_and_validate(base_url=target.url, headers={"Authorization": signed}, excluded_checks=excluded)
    sent = response.request
    if response.status_code < 400:
        assert must_be_refused(Call.of(str(sent.method), str(sent.url), sent.headers, sent.body)) == []


def must_be_refused(call: Call) -> list[str]:
    """Violations that have to be refused: not undeclared names or unread forms; "page=" may count as missing."""
    operation = contract().operation(call)
    declared = {item["name"] for item in (operation or {}).get("parameters", ())}
    checked = replace(call, query=tuple((name, value) for name, value in call.query if value and name in declared))
    ignored = ("is not declared", "a body where the contract has none", "mimetype not found")
    return [words for words in contract().request_violations(checked) if not any(part in words for part in ignored)]
