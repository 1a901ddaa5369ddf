"""Odd responses: each becomes a typed error or a value, never another exception, and never a second call."""

from __future__ import annotations

import json
import pickle
from typing import Any

import msgspec
import pytest
import requests

from devices.gateway.client import Gateway
from devices.gateway.errors import (
    BadReply,
    Forbidden,
    GatewayError,
    NotFound,
    RateLimited,
    Redirected,
    Rejected,
    ServerFault,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from devices.gateway.pagination import Page
from devices.gateway.transport import Transport
from tests.devices.gateway.calls import CASES, DETAILS, DEVICE, SIMPLE, WRITES, Case
from tests.devices.gateway.conftest import Api, Tokens

BY_NAME = {case.name: case for case in CASES}
each_method = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def error_of(case: Case, gateway: Gateway) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        case.call(gateway)
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (300, BadReply),
        (301, Redirected),
        (302, Redirected),
        (307, Redirected),
        (308, Redirected),
        (400, Rejected),
        (403, Forbidden),
        (404, NotFound),
        (405, Rejected),
        (409, Rejected),
        (418, Rejected),
        (422, Rejected),
        (429, RateLimited),
        (500, ServerFault),
        (502, ServerFault),
        (503, ServerFault),
        (504, ServerFault),
        (599, ServerFault),
        (600, BadReply),
        (999, BadReply),
    ],
)
def test_the_status_decides_the_error(status: int, kind: type[GatewayError], api: Api, gateway: Gateway) -> None:
    case = BY_NAME["get_device"]
    api.answers(case, status=status, body=case.answer_bytes, headers={"Location": "https://other.example.com/"})
    error = error_of(case, gateway)
    assert type(error) is kind
    assert error.api_status == status
    assert len(api.requests) == 1, "nothing is retried or followed"


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"", ""), (b"<html><h1>Nginx</h1></html>", ""), (b'{"error":{"message":"No."}}', "No.")],
)
def test_an_error_may_have_a_message(body: bytes, message: str, api: Api, gateway: Gateway) -> None:
    case = BY_NAME["get_device"]
    api.answers(case, status=503, body=body)
    error = error_of(case, gateway)
    assert (type(error), error.api_message) == (ServerFault, message)


@each_method
def test_an_error_names_the_operation_and_the_request(case: Case, api: Api, gateway: Gateway) -> None:
    api.answers(case, status=404, body=b'{"error":{"message":"Gone."}}')
    error = error_of(case, gateway)
    assert isinstance(error, NotFound)
    assert (error.operation, error.request_id, error.api_message) == (case.name, "00ff", "Gone.")
    assert case.name in str(error)


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (requests.ConnectionError("reset"), Unreachable),
        (requests.ConnectTimeout("slow"), TimedOut),
        (requests.exceptions.SSLError("bad certificate"), Unreachable),
        (requests.exceptions.ChunkedEncodingError("cut"), Unreachable),
        (requests.exceptions.InvalidHeader("odd"), Unreachable),
    ],
)
def test_a_broken_connection_is_an_error_and_not_retried(
    broken: Exception, kind: type[GatewayError], api: Api, gateway: Gateway
) -> None:
    case = BY_NAME["get_device"]
    api.answers(case, body=broken)
    error = error_of(case, gateway)
    assert type(error) is kind
    assert len(api.requests) == 1
    assert error.__context__ is None, "the library's error holds the request with its token"


# --- bodies that do not fit -------------------------------------------------------------------------------------------

WITH_VALUE = [case for case in CASES if case.answer is not None]
DECODERS = {"one": BY_NAME["get_device"], "many": BY_NAME["list_tags"], "page": BY_NAME["list_devices"]}
UNFIT = [
    b"",
    b"null",
    b"17",
    b"<!doctype html><title>Sign in</title>",
    b'{"id":31,"name":"cut',
    b"[null]",
    b"[[]]",
    b'{"content":{}} {}',
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"id":' * 100_000,
]


def is_bad_reply(case: Case, body: bytes, api: Api, gateway: Gateway) -> None:
    api.answers(case, body=body)
    error = error_of(case, gateway)
    assert type(error) is BadReply
    assert (error.operation, error.request_id, error.api_status) == (case.name, "00ff", 200)
    assert error.__context__ is None, "an error of the decoder may quote the body"


@pytest.mark.parametrize("case", DECODERS.values(), ids=DECODERS)
@pytest.mark.parametrize("body", UNFIT, ids=lambda body: repr(body[:24]))
def test_a_body_that_does_not_fit_is_a_bad_reply(case: Case, body: bytes, api: Api, gateway: Gateway) -> None:
    is_bad_reply(case, body, api, gateway)


@pytest.mark.parametrize("case", WITH_VALUE, ids=lambda case: case.name)
def test_every_operation_refuses_a_body_of_another_shape(case: Case, api: Api, gateway: Gateway) -> None:
    is_bad_reply(case, b"[[]]", api, gateway)


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"content": None, "totalElements": 1},
        {"content": [None]},
        {"content": {}},
        {"content": [DEVICE | {"id": "31"}]},
        {"content": [DEVICE | {"id": None}]},
        {"content": [DEVICE | {"id": 31.5}]},
        {"content": [DEVICE | {"name": 7}]},
        {"content": [{name: value for name, value in DEVICE.items() if name != "orgId"}]},
        {"content": [DEVICE | {"hardwareInfo": "ESP32"}]},
        {"content": [DEVICE], "totalElements": "many"},
    ],
)
def test_one_wrong_type_makes_a_page_unreadable(page: dict[str, Any], api: Api, gateway: Gateway) -> None:
    case = BY_NAME["list_devices"]
    api.answers(case, body=json.dumps(page).encode())
    assert type(error_of(case, gateway)) is BadReply


@pytest.mark.parametrize("name", [b"\xff", b"\\ud83d", b"\\x41", b"line\nbreak"])
def test_invalid_text_is_a_bad_reply(name: bytes, api: Api, gateway: Gateway) -> None:
    case = BY_NAME["get_device"]
    api.answers(case, body=case.answer_bytes.replace(b"Boiler", name))
    assert type(error_of(case, gateway)) is BadReply


@pytest.mark.parametrize(
    "cut", range(1, len(BY_NAME["get_device"].answer_bytes) - 1, 97), ids=lambda cut: f"after-{cut}"
)
def test_json_cut_anywhere_is_a_bad_reply_that_does_not_show_it(cut: int, api: Api, gateway: Gateway) -> None:
    case = BY_NAME["get_device"]
    api.answers(case, body=case.answer_bytes[:cut])
    error = error_of(case, gateway)
    assert type(error) is BadReply
    assert "Boiler" not in f"{error!r} {error} {vars(error)}"


# --- bodies that fit --------------------------------------------------------------------------------------------------


def test_a_page_has_its_position(api: Api, gateway: Gateway) -> None:
    case = BY_NAME["list_devices"]
    api.answers(case)
    page = gateway.list_devices(page=2, size=10)
    assert [device.name for device in page.items] == ["Boiler room 2"]
    assert (page.number, page.size, page.total, page.first, page.count) == (2, 10, 401, 21, 41)


@pytest.mark.parametrize("total", [{}, {"totalElements": None}, {"totalElements": -1}])
def test_a_page_may_have_no_total(total: dict[str, Any], api: Api, gateway: Gateway) -> None:
    case = BY_NAME["list_devices"]
    api.answers(case, body=json.dumps({"content": case.answer["content"]} | total).encode())
    page = case.call(gateway)
    assert len(page.items) == 1
    assert page.total is None


def test_unknown_members_are_ignored_and_unknown_values_kept(api: Api, gateway: Gateway) -> None:
    timeline = BY_NAME["list_timeline"]
    event = {"ts": 1, "eventType": "BRAND_NEW", "mood": {"deep": [1]}}
    api.answers(timeline, body=json.dumps({"content": [event], "totalElements": 1, "pageable": {}}).encode())
    [entry] = gateway.list_timeline(31).items
    assert entry.event_type == "BRAND_NEW"

    fields = BY_NAME["list_metafields"]
    values: list[Any] = [{"type": "Hologram", "depth": 3}, "plain", 7, 1.5, True, None, [1, "a"]]
    api.answers(fields, body=json.dumps([{"id": n, "value": value} for n, value in enumerate(values)]).encode())
    assert [field.value for field in gateway.list_metafields(31)] == values


@pytest.mark.parametrize("case", SIMPLE, ids=lambda case: case.name)
def test_a_type_has_the_member_names_of_the_contract(case: Case, api: Api, gateway: Gateway) -> None:
    """A misspelled optional member shows only in a response that has all members."""
    api.answers(case)
    value, sent = case.call(gateway), case.answer
    if isinstance(value, Page):
        value, sent = value.items, sent["content"]
    assert is_part_of(msgspec.to_builtins(value), sent)


def is_part_of(known: Any, sent: Any) -> bool:
    """Whether all decoded members were sent; more may have been sent."""
    if isinstance(known, dict):
        return all(name in sent and is_part_of(member, sent[name]) for name, member in known.items())
    if isinstance(known, list | tuple):
        return len(known) == len(sent) and all(map(is_part_of, known, sent))
    return bool(known == sent)


REQUIRED = {"id", "name", "templateId", "orgId"}


@pytest.mark.parametrize("how", ["absent", "null"])
def test_optional_members_may_be_absent_or_null(how: str, api: Api, gateway: Gateway) -> None:
    case = BY_NAME["get_device"]
    kept = {name: value for name, value in DETAILS.items() if name in REQUIRED}
    nulls = {name: None for name in DETAILS if name not in REQUIRED} if how == "null" else {}
    api.answers(case, body=json.dumps(kept | nulls).encode())
    device = gateway.get_device(31)
    assert (device.id, device.name, device.template_id, device.org_id) == (31, "Boiler room 2", 12, 4)
    assert device.owner_user_id is None
    assert device.hardware_info is None
    assert device.data_stream_values is None
    assert device.meta_field_values is None


def test_a_device_is_decoded_with_all_members(api: Api, gateway: Gateway) -> None:
    api.answers(BY_NAME["get_device"])
    device = gateway.get_device(31)
    assert device.hardware_info is not None
    assert device.hardware_info.template_id == "TMPL2aB3cD4"
    assert device.template_id == 12
    assert device.lifecycle_status is not None
    assert device.lifecycle_status.color == "#23C48E"
    assert device.last_received_event_at == 1763000050000
    assert device.is_locked is False
    assert device.data_stream_values is not None
    assert device.data_stream_values[0].value == 21.5
    assert device.meta_field_values is not None
    assert [field.name for field in device.meta_field_values] == ["Device Name", "Shelf", "Capacity"]


@pytest.mark.parametrize(
    ("body", "connected"), [(b"{}", None), (b'{"connected":null}', None), (b'{"connected":false}', False)]
)
def test_unknown_is_not_offline(body: bytes, connected: bool | None, api: Api, gateway: Gateway) -> None:
    api.answers(BY_NAME["get_online"], body=body)
    assert gateway.get_online(31).connected is connected


@pytest.mark.parametrize("status", [200, 201])
def test_a_created_device_may_have_either_status(status: int, api: Api, gateway: Gateway) -> None:
    case = BY_NAME["create_device"]
    api.answers(case, status=status, body=case.answer_bytes)
    assert gateway.create_device("TMPL1", "New one").id == 31


WITHOUT_VALUE = [case for case in WRITES if case.answer is None]


@pytest.mark.parametrize(("status", "body"), [(204, b""), (200, b""), (200, b"{}"), (200, b"null"), (202, b" \r\n")])
def test_a_write_succeeds_with_no_body_or_any_json(status: int, body: bytes, api: Api, gateway: Gateway) -> None:
    api.answers(BY_NAME["delete_device"], status=status, body=body)
    gateway.delete_device(31)


@pytest.mark.parametrize("case", WITHOUT_VALUE, ids=lambda case: case.name)
def test_a_page_of_html_does_not_prove_a_write(case: Case, api: Api, gateway: Gateway) -> None:
    api.answers(case, status=200, body=b"<html>Please sign in to the network</html>")
    assert type(error_of(case, gateway)) is BadReply


# --- Retry-After ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_in_the_error(status: int, api: Api, gateway: Gateway) -> None:
    case = BY_NAME["trigger_event"]
    api.answers(case, status=status, headers={"Retry-After": "17"})
    assert error_of(case, gateway).retry_after == 17.0


def test_without_retry_after_there_is_none(api: Api, gateway: Gateway) -> None:
    case = BY_NAME["list_devices"]
    api.answers(case, status=429)
    assert error_of(case, gateway).retry_after is None


# --- 401 --------------------------------------------------------------------------------------------------------------


@each_method
def test_a_rejected_token_is_replaced_once(case: Case, api: Api, transport: Transport) -> None:
    api.answers(case, status=401, body=b"")
    api.answers(case)
    tokens = Tokens("old", "new")
    case.call(Gateway(transport, tokens))
    assert tokens.rejected == [None, "old"]
    first, second = api.requests
    assert (first.headers["Authorization"], second.headers["Authorization"]) == ("Bearer old", "Bearer new")
    assert (first.method, first.url, first.body) == (second.method, second.url, second.body)


@pytest.mark.parametrize("body", [b"", b'{"error":"invalid_token","error_description":"Expired."}'])
def test_a_second_401_is_an_error(body: bytes, api: Api, transport: Transport) -> None:
    case = BY_NAME["rename_device"]
    api.answers(case, status=401, body=body)
    error = error_of(case, Gateway(transport, Tokens("old", "new", "unused")))
    assert type(error) is Unauthorized
    assert (error.operation, error.api_status) == ("rename_device", 401)
    assert len(api.requests) == 2


@pytest.mark.parametrize("kind", [Unauthorized, Unreachable])
def test_the_error_of_a_failed_refresh_names_the_operation(
    kind: type[GatewayError], api: Api, transport: Transport
) -> None:
    case = BY_NAME["get_device"]
    api.answers(case, status=401)
    error = error_of(case, Gateway(transport, Tokens("old", kind()), request_id="00ff"))
    assert type(error) is kind
    assert (error.operation, error.request_id) == ("get_device", "00ff")
    assert "get_device" in str(error)
    assert len(api.requests) == 1


def test_without_a_token_nothing_is_sent(api: Api, transport: Transport) -> None:
    case = BY_NAME["get_device"]
    error = error_of(case, Gateway(transport, Tokens(Unauthorized(operation="refresh", request_id="11"))))
    assert (error.operation, error.request_id) == ("refresh", "11")
    assert api.requests == []


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "gr\u00fcn", "a\x00b"])
def test_a_token_that_fits_no_header_is_unauthorized(token: str, api: Api, transport: Transport) -> None:
    error = error_of(BY_NAME["get_device"], Gateway(transport, lambda rejected: token))
    assert type(error) is Unauthorized
    assert not error.sent
    assert api.requests == []


def test_errors_can_be_pickled() -> None:
    error = RateLimited(operation="list_devices", api_status=429, retry_after=3.0, sent=False)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is RateLimited
    assert vars(copy) == vars(error)
    assert str(copy) == "RateLimited in list_devices: status 429"
