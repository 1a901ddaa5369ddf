"""schemathesis makes requests up from the contract, right ones and wrong ones, and sends them to a sandbox of its own.

Every answer has to be one of the contract, none a server error, wrong input must be refused, and no call may pass
without a token. The seed is fixed, so that one and the same run makes the same requests up.
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
"""Random ones for an operation, beside some dozens at and beyond each bound of the contract."""
CLIENT = f"{SandboxServer.client_id}:{SandboxServer.client_secret}"
BASIC = f"Basic {b64encode(CLIENT.encode()).decode()}"

schema = schemathesis.openapi.from_path(FILE)
schema.config.phases.coverage.unexpected_methods = {"patch"}
schema.config.phases.coverage.extra_data_sources.responses = False
schema.config.phases.fuzzing.extra_data_sources.responses = False
schema.config.phases.coverage.generate_duplicate_query_parameters = True


Known = dict[str, list[Any]]


class Prey(SandboxServer):
    """A sandbox that may be left in ruins. It knows values that exist in it, by the names of parameters."""

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


def ground(values: object, known: Known, pick: int) -> None:
    """Put what exists in the place of right but made up values, or most calls would end at a 404."""
    for name in known.keys() & (values if isinstance(values, dict) else {}):
        values[name] = known[name][pick % len(known[name])]  # type: ignore[index]


@pytest.fixture(scope="module")
def prey() -> Iterator[Prey]:
    server = Prey()
    yield server
    server.stop()


@pytest.fixture
def turns() -> Iterator[int]:
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
def test_whatever_is_sent_the_answer_is_in_the_contract(
    case: schemathesis.Case, prey: Prey, turns: Iterator[int]
) -> None:
    turn = next(turns)
    # A request may fit the contract and still ask for the impossible; a wrong one may be right again on the wire.
    excluded = [positive_data_acceptance, negative_data_rejection]
    if case.path == "/oauth2/token":
        signed = BASIC
        excluded += [ignored_auth, missing_required_header]  # no client: 400 there, as documented
    else:
        signed = f"Bearer {prey.token('client' if turn % 4 < 2 else 'admin')}"
        if turn % 3 and case.meta and case.meta.generation.mode.is_positive:
            # Each operation has its own devices, or they would all be at the one that is being deleted.
            pick = turn + crc32(f"{case.method} {case.path}".encode())
            ground(case.query, prey.known_in_query, pick)
            ground(case.body, prey.known_in_body, pick)
    response = case.call_and_validate(base_url=prey.url, headers={"Authorization": signed}, excluded_checks=excluded)
    sent = response.request
    if response.status_code < 400:
        assert wrongs(Call.of(str(sent.method), str(sent.url), sent.headers, sent.body)) == []


def wrongs(call: Call) -> list[str]:
    """What has to be refused. What is undeclared, or in a form that is not read, is ignored; "page=" may count as left
    out, since nobody says."""
    operation = contract().operation(call)
    declared = {item["name"] for item in (operation or {}).get("parameters", ())}
    judged = replace(call, query=tuple((name, value) for name, value in call.query if value and name in declared))
    ignored = ("is not declared", "a body where the contract has none", "mimetype not found")
    return [words for words in contract().request_violations(judged) if not any(part in words for part in ignored)]
