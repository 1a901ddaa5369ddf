"""A gateway before an API whose answers the test makes up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from devices.gateway.api import Gateway
from devices.gateway.transport import Transport
from tests.devices.gateway.calls import ROOT, Case

HOST = "http://127.0.0.1:9"


class Tokens:
    """Stands for the sign-in: gives `tokens` in turn, notes what it was asked."""

    def __init__(self, *tokens: str | Exception) -> None:
        self.left = list(tokens)
        self.asked: list[str | None] = []

    def __call__(self, rejected: str | None) -> str:
        self.asked.append(rejected)
        token = self.left.pop(0)
        if isinstance(token, Exception):
            raise token
        return token


class Api:
    """`answers` decides what comes next from an endpoint; `requests` are those received."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock

    def answers(self, case: Case, **reply: Any) -> None:
        """Answer the call of `case`: by its own answer, or by `body` (bytes), `status`, `headers` of `reply`."""
        if not reply:
            reply = {"body": case.answer_bytes, "status": case.answer_status}
        self.mock.add(case.verb, HOST + ROOT + case.path, **reply)

    @property
    def requests(self) -> list[Any]:
        return [call.request for call in self.mock.calls]


@pytest.fixture
def api() -> Iterator[Api]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Api(mock)


@pytest.fixture
def transport() -> Transport:
    return Transport(HOST)


@pytest.fixture
def gateway(transport: Transport) -> Gateway:
    return Gateway(transport, lambda rejected: "access-token", request_id="00ff")
