"""What each method sends: exactly this verb, path, query and body, as the contract says."""

from __future__ import annotations

import base64
import inspect
import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from devices.gateway.base_client import BaseClient
from devices.gateway.client import Gateway
from devices.gateway.transport import Transport
from tests.contract.checker import Call, contract
from tests.devices.gateway.calls import CASES, REVEAL, ROOT, Case
from tests.devices.gateway.conftest import HOST, Api

each_method = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def test_every_method_has_a_case() -> None:
    methods = {name for name, _ in inspect.getmembers(Gateway, inspect.isfunction) if not name.startswith("_")}
    assert {case.name for case in CASES} == methods - set(vars(BaseClient))


@each_method
def test_a_method_sends_its_verb_path_query_and_body(case: Case, api: Api, gateway: Gateway) -> None:
    api.answers(case)
    case.call(gateway)
    [request] = api.requests
    url = urlsplit(request.url)
    assert (request.method, url.path) == (case.verb, ROOT + case.path)
    assert parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query)) == list(case.query.items())
    assert (json.loads(request.body) if request.body is not None else None) == case.body
    assert request.headers["Authorization"] == "Bearer access-token"
    assert request.headers["X-Request-ID"] == "00ff"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["Accept-Encoding"] == "gzip", "a page of devices shrinks to a tenth"
    assert request.headers.get("Content-Type") == ("application/json" if case.body else None)


@each_method
def test_what_a_method_sends_is_its_operation_of_the_contract(case: Case, api: Api, gateway: Gateway) -> None:
    api.answers(case)
    case.call(gateway)
    [request] = api.requests
    call = Call.of(request.method, request.url, request.headers, request.body)
    assert contract().request_violations(call) == ()
    operation = contract().operation(call)
    assert operation is not None
    assert operation["operationId"] == ("get_base_info" if case is REVEAL else case.name)


@pytest.mark.parametrize(
    ("call", "omitted"),
    [
        (lambda g: g.list_devices(), {"orgId"}),
        (lambda g: g.search_devices("x"), {"sortBy", "sortOrder"}),
        (lambda g: g.list_timeline(31), {"eventType"}),
        (lambda g: g.list_devices_by_owner("a@example.org"), {"orgId"}),
        (lambda g: g.list_last_activated(), {"orgId"}),
        (lambda g: g.list_templates(), {"orgId"}),
        (lambda g: g.create_device("TMPL1", "x"), {"orgId", "ownerId"}),
        (lambda g: g.trigger_event(31, "hot"), {"eventDescription"}),
    ],
)
def test_arguments_that_are_none_are_not_sent(call, omitted: set[str], api: Api, gateway: Gateway) -> None:
    for case in CASES:
        api.answers(case)
    call(gateway)
    [request] = api.requests
    sent = dict(parse_qsl(urlsplit(request.url).query)) | json.loads(request.body or b"{}")
    assert sent
    assert not omitted & set(sent)


def test_text_arrives_unchanged(api: Api, gateway: Gateway) -> None:
    typed = "a+b&c=d %00 \x00 \r\nX: y ü 漢 🌡 #?/"
    for case in CASES:
        api.answers(case)
    gateway.search_devices(typed)
    gateway.rename_device(31, typed)
    search, rename = api.requests
    assert dict(parse_qsl(urlsplit(search.url).query))["query"] == typed
    assert json.loads(rename.body) == {"name": typed}


def test_a_lone_surrogate_does_not_break_a_call(api: Api, gateway: Gateway) -> None:
    """A query string that was cut can hold one, and UTF-8 cannot encode it."""
    for case in CASES:
        api.answers(case)
    gateway.search_devices("boiler\ud83d")
    assert dict(parse_qsl(urlsplit(api.requests[0].url).query))["query"] == "boiler?"


def test_without_a_request_id_no_header_is_sent(api: Api, transport: Transport) -> None:
    api.answers(REVEAL)
    Gateway(transport, lambda rejected: "t").get_base_info(31)
    assert "X-Request-ID" not in api.requests[0].headers


def test_the_token_endpoint_can_be_called_with_a_form_and_basic_authentication(api: Api, transport: Transport) -> None:
    api.mock.add("POST", f"{HOST}/oauth2/token", json={"access_token": "x"})
    reply = transport.send(
        "POST",
        "/oauth2/token",
        query={"grant_type": "user_credentials"},
        form={"username": "ana+1@example.org", "password": "a&b=c ü"},
        basic=("client-", "secret_"),
    )
    [request] = api.requests
    assert request.url == f"{HOST}/oauth2/token?grant_type=user_credentials"
    assert dict(parse_qsl(request.body.decode())) == {"username": "ana+1@example.org", "password": "a&b=c ü"}
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")) == b"client-:secret_"
    assert (reply.status, reply.body, reply.content_type) == (200, b'{"access_token": "x"}', "application/json")
