"""Invalid input is a 400 with the documented message."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sandbox import seed_cases as cases
from tests.servers import SandboxServer

BAD = {"error": {"message": "Request with incorrect parameters"}}

QUERIES: dict[str, dict[str, Any]] = {
    "/devices": {},
    "/search/devices": {"query": "room"},
    "/device": {"deviceId": 1},
    "/device/baseInfo": {"deviceId": 1},
    "/device/online": {"deviceId": 1},
    "/device/tags": {"deviceId": 1},
    "/device/timeline": {"deviceId": 1},
    "/device/logs": {"deviceId": 1},
    "/device/by-owner": {"ownerEmail": "a@example.org"},
    "/device/by-user-org": {"userEmail": "a@example.org"},
    "/device/last-activated": {},
    "/device/metafield": {"deviceId": 1},
    "": {"orgId": 1},
    "/search": {"query": "x"},
    "/sub-organizations": {},
    "/users": {},
    "/search/users": {"query": "x"},
    "/user": {"userId": 1},
    "/templates": {},
    "/template": {"templateId": 11},
    "/template/events": {"templateId": 11},
    "/template/metafields": {"templateId": 11},
    "/template/datastreams": {"templateId": 11},
}
INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)
# name -> the bounds of its value
BOUNDS: dict[str, tuple[int, int]] = {
    "deviceId": INT32,
    "orgId": INT32,
    "templateId": INT32,
    "userId": INT64,
    "page": (0, INT32[1]),
    "size": (1, 1000),
    "minutes": (1, 60),
}
NOT_NUMBERS = ("abc", "1.0", "1e3", "0x1", " 1", "+1", "1_0", "١", "1\0", "9" * 400, "true", "[1]", ["1", "1"])
PAGING = ("page", "size")
WITH_NUMBERS: dict[str, tuple[str, ...]] = {
    **{path: tuple(name for name in query if name in BOUNDS) for path, query in QUERIES.items()},
    "/devices": ("orgId", *PAGING),
    "/search/devices": PAGING,
    "/device/timeline": ("deviceId", *PAGING),
    "/device/logs": ("deviceId", *PAGING),
    "/device/by-owner": ("orgId", *PAGING),
    "/device/by-user-org": PAGING,
    "/device/last-activated": ("orgId", "minutes"),
    "/search": PAGING,
    "/sub-organizations": ("orgId", *PAGING),
    "/users": PAGING,
    "/search/users": PAGING,
    "/templates": ("orgId", *PAGING),
}


@pytest.mark.parametrize("path", WITH_NUMBERS)
def test_bounds_of_numbers_in_the_query(sandbox: SandboxServer, path: str) -> None:
    for name in WITH_NUMBERS[path]:
        low, high = BOUNDS[name]
        for inside in (low, high):
            answer = sandbox.get(path, **{**QUERIES[path], name: inside})
            assert answer.status_code in (200, 404), (name, inside, answer.text)
        for outside in (low - 1, high + 1):
            answer = sandbox.get(path, **{**QUERIES[path], name: outside})
            assert (answer.status_code, answer.json()) == (400, BAD), (name, outside)


def test_what_is_not_a_number(sandbox: SandboxServer) -> None:
    for text in NOT_NUMBERS:
        answer = sandbox.get("/devices", page=text)
        assert (answer.status_code, answer.json()) == (400, BAD), text
    assert sandbox.get("/devices", page="").status_code == 200, "an optional parameter may be empty"
    assert sandbox.get("/device", deviceId="").status_code == 400


@pytest.mark.parametrize("path", [path for path, query in QUERIES.items() if query])
def test_required_parameters(sandbox: SandboxServer, path: str) -> None:
    answer = sandbox.get(path)
    assert (answer.status_code, answer.json()) == (400, BAD)


@pytest.mark.parametrize("path", ["/search/devices", "/search"])
@pytest.mark.parametrize(
    ("query", "status"),
    [("x" * 255, 200), ("x" * 256, 400), ("é" * 255, 200), ("", 400), ("a\0b", 400), ("x" * 60_000, 400), (" ", 200)],
    ids=["255", "256", "255 accented", "empty", "nul", "60000", "blank"],
)
def test_search_texts(sandbox: SandboxServer, path: str, query: str, status: int) -> None:
    assert sandbox.get(path, query=query).status_code == status


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/devices", {"includeSubOrgDevices": "yes"}),
        ("/devices", {"includeSubOrgDevices": "1"}),
        ("/devices", {"includeSubOrgDevices": "TRUE"}),
        ("/users", {"includeSubOrgUsers": "on"}),
        ("/search/devices", {"query": "x", "sortOrder": "asc"}),
        ("/search/devices", {"query": "x", "sortOrder": "UP"}),
        ("/search/devices", {"query": "x", "sortBy": "name"}),
        ("/search/devices", {"query": "x", "sortBy": "Name\0"}),
        ("/search/users", {"query": "x", "sortBy": "Device Id"}),
        ("/search", {"query": "x", "sortBy": "Email"}),
        ("/device/timeline", {"deviceId": 1, "eventType": "critical"}),
        ("/device/timeline", {"deviceId": 1, "eventType": "ONLINE,OFFLINE"}),
        ("/device/by-owner", {"ownerEmail": "nobody"}),
        ("/device/by-owner", {"ownerEmail": "a b@example.org"}),  # an unescaped plus arrives like this
        ("/device/by-owner", {"ownerEmail": "a@b\0.org"}),
        ("/device/by-owner", {"ownerEmail": f"{'a' * 500}@example.org"}),
        ("/device/by-user-org", {"userEmail": "@example.org"}),
        ("/device/by-user-org", {"userEmail": ["a@example.org", "a@example.org"]}),
    ],
)
def test_invalid_words_in_the_query(sandbox: SandboxServer, path: str, params: dict[str, Any]) -> None:
    answer = sandbox.get(path, **params)
    assert (answer.status_code, answer.json()) == (400, BAD)


def test_unknown_parameters_are_ignored(sandbox: SandboxServer) -> None:
    assert sandbox.get("/devices", sort="name", Page="7").json()["content"][0]["id"] == 1


BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/device/metafield": ("POST", {"deviceId": 1, "metaFieldId": 3, "newValue": "x"}),
    "/device/create": ("POST", {"templateId": "TMPL2cRm01aQ9", "orgId": 1, "name": "x", "ownerId": 1}),
    "/device/transfer/to-owner": ("POST", {"deviceId": 1, "newOwnerUserId": 12}),
    "/device/transfer/to-organization": ("POST", {"deviceId": 1, "newOrgId": 2}),
    "/device/trigger-event": ("POST", {"deviceId": 1, "eventCode": "note", "eventDescription": "x"}),
    "/device?deviceId=1": ("PUT", {"name": "x"}),
}
OPTIONAL = {"orgId", "ownerId", "eventDescription"}
IN_BODY: dict[str, tuple[int, int]] = {
    "deviceId": INT32,
    "metaFieldId": INT32,
    "orgId": INT32,
    "newOrgId": INT32,
    "ownerId": INT64,
    "newOwnerUserId": INT64,
}
# name -> longest
TEXTS = {"newValue": 200, "templateId": 200, "name": 50, "eventCode": 200, "eventDescription": 200}


@pytest.mark.parametrize("path", BODIES)
def test_members_of_bodies(sandbox: SandboxServer, path: str) -> None:
    """Only invalid bodies are sent, so nothing changes."""
    method, body = BODIES[path]
    for member in body:
        wrong: list[Any] = [[]]
        if member in IN_BODY:
            wrong += [IN_BODY[member][0] - 1, IN_BODY[member][1] + 1]
        else:
            wrong += ["x" * (TEXTS[member] + 1)]
        wrong += [None] if member not in OPTIONAL else []
        for value in wrong:
            answer = sandbox.call(method, path, json={**body, member: value})
            assert (answer.status_code, answer.json()) == (400, BAD), (member, value)
        if member not in OPTIONAL:
            answer = sandbox.call(method, path, json={k: v for k, v in body.items() if k != member})
            assert (answer.status_code, answer.json()) == (400, BAD), member


@pytest.mark.parametrize(
    ("path", "member", "values"),
    [
        ("/device/metafield", "metaFieldId", [{}, True, ["x"], 1.5, 10**400, "3", "", 1e19]),
        ("/device/metafield", "newValue", [{}, True, ["x"], 5, "a\0b", "x" * 100_000]),
        ("/device?deviceId=1", "name", ["", " ", "a/b", 5]),
    ],
)
def test_invalid_values_in_bodies(sandbox: SandboxServer, path: str, member: str, values: list[Any]) -> None:
    method, body = BODIES[path]
    for value in values:
        answer = sandbox.call(method, path, json={**body, member: value})
        assert (answer.status_code, answer.json()) == (400, BAD), value


NO_OBJECTS = (
    b"", b"{", b"null", b"[]", b'"x"', b"5", b"\xff\xfe", b"NaN", b'{"deviceId": NaN}', b"[" * 100_000,
    b'{"a":' * 50_000, b'{"deviceId":1,"deviceId":2}', b'{"newValue":"\\udfff\\ud800"}',
    b'{"deviceId": 1' + b"0" * 5000 + b"}", b"a=b&c=d", b"\x00", "{}".encode("utf-16"),
    b'{"x":"' + b"y" * 4_000_000 + b'"}',
)  # fmt: skip


def test_bodies_that_are_not_json_objects(sandbox: SandboxServer) -> None:
    for body in NO_OBJECTS:
        answer = sandbox.call("POST", "/device/metafield", data=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()) == (400, BAD), body[:50]


def test_json_needs_no_content_type_but_must_not_be_a_form(fresh_sandbox: SandboxServer) -> None:
    body = b'{"name": "Named without a type"}'
    bare = requests.Request("PUT", f"{fresh_sandbox.url}/api/v1/organization/device?deviceId=1", data=body).prepare()
    bare.headers["Authorization"] = f"Bearer {fresh_sandbox.token()}"
    assert "Content-Type" not in bare.headers
    assert fresh_sandbox.session.send(bare).json()["name"] == "Named without a type"
    form = fresh_sandbox.call("PUT", "/device?deviceId=1", data={"name": "x"})
    assert (form.status_code, form.json()) == (400, BAD)


def test_lone_surrogates_are_refused(sandbox: SandboxServer) -> None:
    """JSON can contain a lone surrogate; databases cannot store it."""
    for body in (
        b'{"deviceId":1,"metaFieldId":3,"newValue":"\\ud83d"}',
        b'{"deviceId":1,"eventCode":"\\ud83d"}',
        b'{"deviceId":1,"eventCode":"note","eventDescription":"\\udc00"}',
    ):
        path = "/device/metafield" if b"meta" in body else "/device/trigger-event"
        assert sandbox.call("POST", path, data=body).status_code == 400


@pytest.mark.parametrize(
    "query", ["deviceId=%ff%fe", "deviceId=%00", "%00=1", "deviceId=1%2", "&&&=&=", "deviceId[]=1"]
)
def test_malformed_queries(sandbox: SandboxServer, query: str) -> None:
    assert sandbox.call("GET", f"/device?{query}").status_code == 400


def test_too_many_parameters(sandbox: SandboxServer) -> None:
    query = "&".join(f"p{number}=1" for number in range(1500))
    assert sandbox.call("GET", f"/devices?{query}").status_code == 400


METHODS: dict[str, str] = {
    **dict.fromkeys(QUERIES, "GET"),
    "/profile": "GET",
    "/user/profile": "GET",
    "/device": "DELETE, GET, PUT",
    "/device/metafield": "GET, POST",
    "/device/create": "POST",
    "/device/transfer/to-owner": "POST",
    "/device/transfer/to-organization": "POST",
    "/device/trigger-event": "POST",
    "/device/owner": "DELETE",
    "/device/clear": "DELETE",
}


@pytest.mark.parametrize("path", METHODS)
def test_other_methods_are_not_allowed(sandbox: SandboxServer, path: str) -> None:
    answer = sandbox.call("PATCH", path, params=QUERIES.get(path, {"deviceId": 1}), json={})
    assert (answer.status_code, answer.headers["Allow"]) == (405, METHODS[path])
    assert "message" in answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/device/", "/Device", "/device/1", "/device/transfer", "/../../_sandbox"]
)
def test_unknown_paths(sandbox: SandboxServer, path: str) -> None:
    answer = sandbox.call("GET", path)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "There is no such path."


@pytest.mark.parametrize(
    ("method", "path", "params", "body", "message"),
    [
        ("POST", "/device/metafield", {}, {"metaFieldId": 99, "newValue": "x"}, "Meta field is not found."),
        ("POST", "/device/trigger-event", {}, {"eventCode": "no_such"}, "Event with provided code is not found."),
        ("POST", "/device/trigger-event", {}, {"eventCode": "burner_on"}, "Event with provided code is not found."),
        (
            "POST", "/device/transfer/to-owner", {}, {"newOwnerUserId": 46},
            "User is not found or you don't have access to him.",
        ),
        (
            "POST", "/device/transfer/to-organization", {}, {"newOrgId": 5},
            "Destination organization is not found or you don't have access to it.",
        ),
    ],
)  # fmt: skip
def test_unknown_ids_in_bodies(
    sandbox: SandboxServer, method: str, path: str, params: dict[str, Any], body: dict[str, Any], message: str
) -> None:
    answer = sandbox.call(method, path, params=params, json={"deviceId": cases.RICH, **body})
    assert (answer.status_code, answer.json()) == (404, {"error": {"message": message}})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"templateId": "TMPLnone"}, "Template is not found or you don't have access to it."),
        ({"templateId": "11"}, "Template is not found or you don't have access to it."),
        ({"templateId": "TMPL7rVa2uN3c"}, "Template is not found or you don't have access to it."),
        ({"orgId": 5}, "Organization is not found or you don't have access to it."),
        ({"ownerId": 46}, "User is not found or you don't have access to him."),
        ({"ownerId": 2**62}, "User is not found or you don't have access to him."),
    ],
)
def test_unknown_ids_of_a_new_device(sandbox: SandboxServer, body: dict[str, Any], message: str) -> None:
    whole = {"templateId": "TMPL2cRm01aQ9", "name": "New", **body}
    answer = sandbox.call("POST", "/device/create", json=whole)
    assert (answer.status_code, answer.json()) == (404, {"error": {"message": message}})
