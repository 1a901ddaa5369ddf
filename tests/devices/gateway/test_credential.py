"""The device credential, which most responses of the API contain, does not leave the gateway."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from devices.gateway.client import Gateway
from devices.gateway.errors import BadReply
from tests.devices.gateway.calls import CREDENTIAL, READS, REVEAL, WRITES, Case
from tests.devices.gateway.conftest import Api

WITHOUT_CREDENTIAL = [*READS, *WRITES]


def text_of(value: Any) -> str:
    """Everything visible of a value, to people or programs."""
    return f"{value!r} {value} {msgspec.to_builtins(value)} {msgspec.json.encode(value)!r}"


@pytest.mark.parametrize("case", WITHOUT_CREDENTIAL, ids=lambda case: case.name)
def test_no_value_holds_the_credential(case: Case, api: Api, gateway: Gateway) -> None:
    api.answers(case)
    assert case.answer is None or CREDENTIAL.encode() in case.answer_bytes, "the API did send it"
    value = case.call(gateway)
    assert CREDENTIAL not in text_of(value)


@pytest.mark.parametrize("case", [*WITHOUT_CREDENTIAL, REVEAL], ids=lambda case: case.name)
def test_no_error_holds_the_credential(case: Case, api: Api, gateway: Gateway) -> None:
    api.answers(case, body=b'{"token":"' + CREDENTIAL.encode() + b'","id":"cut', status=200)
    with pytest.raises(BadReply) as caught:
        case.call(gateway)
    error = caught.value
    assert CREDENTIAL not in f"{error!r} {error} {vars(error)} {error.__cause__} {error.__context__}"


def test_reveal_token_gives_the_credential(api: Api, gateway: Gateway) -> None:
    api.answers(REVEAL)
    assert gateway.reveal_token(31) == CREDENTIAL


@pytest.mark.parametrize("body", [b'{"id":31}', b'{"token":null}', b'{"token":7}'])
def test_a_response_without_it_is_a_bad_reply(body: bytes, api: Api, gateway: Gateway) -> None:
    api.answers(REVEAL, body=body)
    with pytest.raises(BadReply):
        gateway.reveal_token(31)
