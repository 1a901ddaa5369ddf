"""The checker finds what is wrong with a call, and accepts a right one."""

from __future__ import annotations

import json

import pytest
from openapi_spec_validator import validate
from openapi_spec_validator.readers import read_from_filename

from tests.contract.checker import FILE, Call, Response, contract

API = "/api/v1/organization"
BEARER = {"Authorization": "Bearer t", "Content-Type": "application/json"}
JSON = {"Content-Type": "application/json"}
DEVICE = {"id": 31, "name": "Boiler", "templateId": 12, "orgId": 4, "token": "a7Xk"}


def call(method: str, url: str, body: object = None, headers: dict[str, str] | None = None) -> Call:
    raw = b"" if body is None else json.dumps(body).encode()
    return Call.of(method, f"http://sandbox{url}", BEARER if headers is None else headers, raw)


def response(status: int, body: object = None, headers: dict[str, str] | None = None) -> Response:
    raw = b"" if body is None else json.dumps(body).encode()
    return Response.of(status, JSON if headers is None else headers, raw)


RENAME = call("PUT", f"{API}/device?deviceId=31", {"name": "Boiler room 3"})
LIST = call("GET", f"{API}/devices?page=0&size=50&includeSubOrgDevices=true")
TOKEN = "/oauth2/token?grant_type=user_credentials"
BASIC = {"Authorization": "Basic eDp5", "Content-Type": "application/x-www-form-urlencoded"}
SIGN_IN = Call.of("POST", f"http://sandbox{TOKEN}", BASIC, b"username=a%40example.com&password=x")


def test_the_contract_is_valid_openapi() -> None:
    validate(read_from_filename(str(FILE))[0])


def test_every_operation_has_a_name_a_permission_rule_and_the_common_errors() -> None:
    names = [operation["operationId"] for operation in contract().operations.values()]
    assert len(names) == len(set(names)) >= 35
    devices = [operation for operation in contract().operations.values() if operation["tags"] == ["Devices"]]
    assert len(devices) >= 21
    for operation in contract().operations.values():
        assert "x-permissions" in operation
        assert {"308", "400", "401", "429", "5XX"} <= set(operation["responses"])


@pytest.mark.parametrize("good", [RENAME, LIST, SIGN_IN], ids=str)
def test_right_requests_pass(good: Call) -> None:
    assert contract().request_violations(good) == ()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (call("GET", f"{API}/gadgets"), "no such operation"),
        (call("PATCH", f"{API}/device?deviceId=1"), "no such operation"),
        (call("GET", f"{API}/device"), "deviceId"),
        (call("GET", f"{API}/device?deviceId=2147483648"), "2147483648 is greater"),
        (call("GET", f"{API}/device?deviceId=1.5"), "not spelled as integer"),
        (call("GET", f"{API}/device?deviceId=1&deviceId=2"), "given 2 times"),
        (call("GET", f"{API}/device?deviceId=1&verbose=1"), "'verbose' is not declared"),
        (call("GET", f"{API}/devices?includeSubOrgDevices=True"), "not spelled as boolean"),
        (call("GET", f"{API}/devices?size=1001"), "1001 is greater than the maximum of 1000"),
        (call("GET", f"{API}/devices?page=-1"), "-1 is less than the minimum of 0"),
        (call("GET", f"{API}/search/devices?query={'x' * 256}"), "is too long"),
        (call("GET", f"{API}/search/devices?query=x&sortOrder=asc"), "'asc' is not one of"),
        (call("GET", f"{API}/device/timeline?deviceId=1&eventType=EARTHQUAKE"), "'EARTHQUAKE' is not one of"),
        (call("GET", f"{API}/devices", {"page": 1}), "a body where the contract has none"),
        (call("GET", f"{API}/devices", headers={}), "Security"),
        (call("GET", f"{API}/devices", headers=BASIC), "Security"),
        (call("PUT", f"{API}/device?deviceId=31"), "body"),
        (call("PUT", f"{API}/device?deviceId=31", {}), "'name' is a required property"),
        (call("PUT", f"{API}/device?deviceId=31", {"name": "x" * 51}), "is too long"),
        (call("PUT", f"{API}/device?deviceId=31", {"name": "a/b"}), "does not match"),
        (call("PUT", f"{API}/device?deviceId=31", {"name": "   "}), "does not match"),
        (call("PUT", f"{API}/device?deviceId=31", {"name": "x", "orgId": 1}), "'orgId' is not declared"),
        (
            call("PUT", f"{API}/device?deviceId=31", {"name": "x"}, {**BEARER, "Content-Type": "text/plain"}),
            "text/plain",
        ),
        (call("POST", f"{API}/device/create", {"templateId": 12, "name": "x"}), "12 is not of type 'string'"),
        (
            call("POST", f"{API}/device/metafield", {"deviceId": 1, "metaFieldId": 2, "newValue": 5}),
            "5 is not of type 'string'",
        ),
        (
            call("POST", f"{API}/device/transfer/to-owner", {"deviceId": 1, "newUserId": 2}),
            "'newOwnerUserId' is a required property",
        ),
    ],
    ids=lambda value: None if isinstance(value, str) else str(value),
)
def test_wrong_requests_are_described(bad: Call, words: str) -> None:
    assert words in "\n".join(contract().request_violations(bad))


ERROR = {"error": {"message": "Device with identifier 31 is not found or belong to another organization."}}


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (LIST, response(200, {"content": [DEVICE], "totalElements": 1, "news": True})),
        (LIST, response(200, {"content": [{**DEVICE, "ownerUserId": None, "hardwareInfo": None}], "totalElements": 1})),
        (call("GET", f"{API}/device/by-owner?ownerEmail=a@b.c"), response(200, {"content": []})),
        (RENAME, response(200, {**DEVICE, "ownerUserId": 2**62})),
        (RENAME, response(404, ERROR)),
        (RENAME, response(403)),
        (RENAME, response(403, {"error": {"message": "no"}})),
        (RENAME, response(401, {"error": "invalid_token", "error_description": "expired"})),
        (RENAME, response(401, headers={})),
        (RENAME, response(502, headers={"Content-Type": "text/html"})),
        (RENAME, Response.of(500, {"Content-Type": "text/html; charset=utf-8"}, b"<h1>Oh</h1>")),
        (RENAME, response(429, headers={"Retry-After": "3"})),
        (RENAME, response(308, headers={"Location": "https://fra1.blynk.cloud/"})),
        (call("DELETE", f"{API}/device?deviceId=1"), response(204, headers={})),
        (SIGN_IN, response(200, {"access_token": "a", "token_type": "Bearer", "expires_in": 300})),
        (SIGN_IN, response(400, {"error": "invalid_grant", "error_description": "no"})),
        (call("PATCH", f"{API}/device"), response(405, headers={})),
        (
            call("GET", f"{API}/device/metafield?deviceId=1"),
            response(200, [{"value": {"type": "Hologram", "value": [1, {}]}}, {"value": "plain"}, {"value": None}]),
        ),
    ],
)
def test_right_responses_pass(asked: Call, given: Response) -> None:
    assert contract().response_violations(asked, given) == ()


@pytest.mark.parametrize(
    ("asked", "given", "words"),
    [
        (LIST, response(200, {"content": [DEVICE]}), "'totalElements' is a required property"),
        (LIST, response(200, {"content": [{**DEVICE, "id": 2**31}], "totalElements": 1}), "$.content[0].id"),
        (LIST, response(200, {"content": [{**DEVICE, "ownerUserId": "58"}], "totalElements": 1}), "ownerUserId"),
        (LIST, response(200, [DEVICE]), "is not of type 'object'"),
        (LIST, response(200), "response 200"),
        (LIST, response(206, {}), "206"),
        (LIST, response(201, {}), "201"),
        (RENAME, response(204), "204"),
        (RENAME, response(400, {"error": "flat"}), "'flat' is not of type 'object'"),
        (RENAME, response(400), "response 400"),
        (RENAME, response(404, {"message": "x"}), "'error' is a required property"),
        (RENAME, response(418, ERROR), "418"),
        (RENAME, Response.of(404, {"Content-Type": "text/html"}, b"<h1>Not found</h1>"), "text/html"),
        (RENAME, response(308, headers={}), "Location is missing"),
        (call("DELETE", f"{API}/device?deviceId=1"), response(204, {}), "a body where the contract has none"),
        (SIGN_IN, response(400, ERROR), "'error_description' is a required property"),
        (SIGN_IN, response(400, {"error": "oops", "error_description": "x"}), "'oops' is not one of"),
        (
            SIGN_IN,
            response(200, {"access_token": "a", "token_type": "bearer", "expires_in": 300}),
            "'Bearer' was expected",
        ),
        (call("GET", f"{API}/gadgets"), response(200, {}), "no such operation"),
        (
            call("GET", f"{API}/device/metafield?deviceId=1"),
            response(200, [{"value": {"type": "Number", "value": "12"}}]),
            "$[0].value",
        ),
        (call("GET", f"{API}/device/metafield?deviceId=1"), response(200, [{"value": {"value": "12"}}]), "$[0].value"),
    ],
)
def test_wrong_responses_are_described(asked: Call, given: Response, words: str) -> None:
    assert words in "\n".join(contract().response_violations(asked, given))
