"""A gateway to an API with made-up responses, and one to the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses

from devices.gateway.client import Gateway
from devices.gateway.transport import Transport
from tests.devices.gateway.calls import ROOT, Case
from tests.servers import SandboxServer

HOST = "http://127.0.0.1:9"
As = Callable[..., Gateway]
"""Makes a gateway for a user of the sandbox."""


class Tokens:
    """The access token source: gives `tokens` in turn, and records the rejected ones."""

    def __init__(self, *tokens: str | Exception) -> None:
        self.left = list(tokens)
        self.rejected: list[str | None] = []

    def __call__(self, rejected: str | None) -> str:
        self.rejected.append(rejected)
        token = self.left.pop(0)
        if isinstance(token, Exception):
            raise token
        return token


class Api:
    """`answers` sets the next response of an endpoint; `requests` are those received."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock

    def answers(self, case: Case, **reply: Any) -> None:
        """Answer the call of `case`: by its own answer, or by `body` (bytes), `status`, `headers` of `reply`."""
        if not reply:
            reply = {"body": case.answer_bytes, "status": case.answer_status}
        # As every server does: Content-Length also where there is no body.
        self.mock.add(case.verb, HOST + ROOT + case.path, auto_calculate_content_length=True, **reply)

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


@pytest.fixture
def gateway_as(sandbox: SandboxServer) -> As:
    """`gateway_as("viewer")`: a gateway in the name of viewer@example.com."""

    def make(user: str = "admin", **more: Any) -> Gateway:
        transport = Transport(sandbox.url, **more)
        return Gateway(transport, lambda rejected: sandbox.token(user), request_id="c0ffee")

    return make


@pytest.fixture
def admin(gateway_as: As) -> Gateway:
    return gateway_as()
