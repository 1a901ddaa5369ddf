"""The checker sees what is wrong with a call, and nothing wrong with a right one."""

from __future__ import annotations

import json

import pytest
from openapi_spec_validator import validate
from openapi_spec_validator.readers import read_from_filename

from tests.contract.checker import FILE, Answer, Call, contract

API = "/api/v1/organization"
BEARER = {"Authorization": "Bearer t", "Content-Type": "application/json"}
JSON = {"Content-Type": "application/json"}
DEVICE = {"id": 31, "name": "Boiler", "templateId": 12, "orgId": 4, "token": "a7Xk"}


def call(method: str, url: str, body: object = None, headers: dict[str, str] | None = None) -> Call:
    raw = b"" if body is None else json.dumps(body).encode()
    return Call.of(method, f"http://sandbox{url}", BEARER if headers is None else headers, raw)


def answer(status: int, body: object = None, headers: dict[str, str] | None = None) -> Answer:
    raw = b"" if body is None else json.dumps(body).encode()
    return Answer.of(status, JSON if headers is None else headers, raw)


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
def test_wrong_requests_are_told_in_words(bad: Call, words: str) -> None:
    assert words in "\n".join(contract().request_violations(bad))


ERROR = {"error": {"message": "Device with identifier 31 is not found or belong to another organization."}}


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (LIST, answer(200, {"content": [DEVICE], "totalElements": 1, "news": True})),
        (LIST, answer(200, {"content": [{**DEVICE, "ownerUserId": None, "hardwareInfo": None}], "totalElements": 1})),
        (call("GET", f"{API}/device/by-owner?ownerEmail=a@b.c"), answer(200, {"content": []})),
        (RENAME, answer(200, {**DEVICE, "ownerUserId": 2**62})),
        (RENAME, answer(404, ERROR)),
        (RENAME, answer(403)),
        (RENAME, answer(403, {"error": {"message": "no"}})),
        (RENAME, answer(401, {"error": "invalid_token", "error_description": "expired"})),
        (RENAME, answer(401, headers={})),
        (RENAME, answer(502, headers={"Content-Type": "text/html"})),
        (RENAME, Answer.of(500, {"Content-Type": "text/html; charset=utf-8"}, b"<h1>Oh</h1>")),
        (RENAME, answer(429, headers={"Retry-After": "3"})),
        (RENAME, answer(308, headers={"Location": "https://fra1.blynk.cloud/"})),
        (call("DELETE", f"{API}/device?deviceId=1"), answer(204, headers={})),
        (SIGN_IN, answer(200, {"access_token": "a", "token_type": "Bearer", "expires_in": 300})),
        (SIGN_IN, answer(400, {"error": "invalid_grant", "error_description": "no"})),
        (call("PATCH", f"{API}/device"), answer(405, headers={})),
        (
            call("GET", f"{API}/device/metafield?deviceId=1"),
            answer(200, [{"value": {"type": "Hologram", "value": [1, {}]}}, {"value": "plain"}, {"value": None}]),
        ),
    ],
)
def test_right_answers_pass(asked: Call, given: Answer) -> None:
    assert contract().answer_violations(asked, given) == ()


@pytest.mark.parametrize(
    ("asked", "given", "words"),
    [
        (LIST, answer(200, {"content": [DEVICE]}), "'totalElements' is a required property"),
        (LIST, answer(200, {"content": [{**DEVICE, "id": 2**31}], "totalElements": 1}), "$.content[0].id"),
        (LIST, answer(200, {"content": [{**DEVICE, "ownerUserId": "58"}], "totalElements": 1}), "ownerUserId"),
        (LIST, answer(200, [DEVICE]), "is not of type 'object'"),
        (LIST, answer(200), "answer 200"),
        (LIST, answer(206, {}), "206"),
        (LIST, answer(201, {}), "201"),
        (RENAME, answer(204), "204"),
        (RENAME, answer(400, {"error": "flat"}), "'flat' is not of type 'object'"),
        (RENAME, answer(400), "answer 400"),
        (RENAME, answer(404, {"message": "x"}), "'error' is a required property"),
        (RENAME, answer(418, ERROR), "418"),
        (RENAME, Answer.of(404, {"Content-Type": "text/html"}, b"<h1>Not found</h1>"), "text/html"),
        (RENAME, answer(308, headers={}), "Location is missing"),
        (call("DELETE", f"{API}/device?deviceId=1"), answer(204, {}), "a body where the contract has none"),
        (SIGN_IN, answer(400, ERROR), "'error_description' is a required property"),
        (SIGN_IN, answer(400, {"error": "oops", "error_description": "x"}), "'oops' is not one of"),
        (
            SIGN_IN,
            answer(200, {"access_token": "a", "token_type": "bearer", "expires_in": 300}),
            "'Bearer' was expected",
        ),
        (call("GET", f"{API}/gadgets"), answer(200, {}), "no such operation"),
        (
            call("GET", f"{API}/device/metafield?deviceId=1"),
            answer(200, [{"value": {"type": "Number", "value": "12"}}]),
            "$[0].value",
        ),
        (call("GET", f"{API}/device/metafield?deviceId=1"), answer(200, [{"value": {"value": "12"}}]), "$[0].value"),
    ],
)
def test_wrong_answers_are_told_in_words(asked: Call, given: Answer, words: str) -> None:
    assert words in "\n".join(contract().answer_violations(asked, given))
