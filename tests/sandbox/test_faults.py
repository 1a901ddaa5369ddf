"""Injected faults."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from sandbox import seed_cases as cases
from tests.servers import SandboxServer


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ({"kind": "status"}, 500, b'{"error": {"message": "Something broke."}}'),
        ({"kind": "status", "status": 503, "message": "Down."}, 503, b'{"error": {"message": "Down."}}'),
        ({"kind": "status", "status": 401}, 401, b'{"error": {"message": "Something broke."}}'),
        ({"kind": "empty"}, 200, b""),
        ({"kind": "empty", "status": 403}, 403, b""),
        ({"kind": "json", "body": [1, "x"]}, 200, b'[1, "x"]'),
        ({"kind": "json", "body": {"content": None}, "status": 404}, 404, b'{"content": null}'),
    ],
)
def test_statuses_and_bodies(fresh_sandbox: SandboxServer, fault: dict[str, Any], status: int, body: bytes) -> None:
    fresh_sandbox.fault("/devices", **fault)
    answer = fresh_sandbox.get("/devices")
    assert (answer.status_code, answer.content) == (status, body)
    assert fresh_sandbox.get("/profile").status_code == 200
    fresh_sandbox.clear_faults()
    assert fresh_sandbox.get("/devices").json()["content"]


def test_html(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "html")
    answer = fresh_sandbox.get("/devices")
    assert answer.status_code == 502
    assert answer.headers["Content-Type"] == "text/html"
    assert "<h1>" in answer.text


@pytest.mark.parametrize("retry_after", [None, 3, "Wed, 21 Oct 2026 07:28:00 GMT", "soon"])
def test_too_many_requests(fresh_sandbox: SandboxServer, retry_after: str | int | None) -> None:
    fresh_sandbox.fault("/devices", "status", status=429, retry_after=retry_after)
    answer = fresh_sandbox.get("/devices")
    assert answer.status_code == 429
    assert answer.headers.get("Retry-After") == (None if retry_after is None else str(retry_after))


def test_a_redirect_has_only_a_location(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "redirect", location="https://fra1.example.org/api")
    answer = fresh_sandbox.get("/devices")
    assert (answer.status_code, answer.headers["Location"]) == (308, "https://fra1.example.org/api")
    assert answer.content == b""


def test_a_truncated_body(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "cut")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        fresh_sandbox.get("/devices")


def test_a_dropped_connection(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "drop")
    with pytest.raises(requests.exceptions.ConnectionError):
        fresh_sandbox.get("/devices")
    assert [entry["status"] for entry in fresh_sandbox.requests() if entry["path"].endswith("/devices")] == [0]


def test_a_reset_connection(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "reset")
    with pytest.raises(requests.exceptions.ConnectionError, match="reset by peer"):
        fresh_sandbox.get("/devices")
    fresh_sandbox.fault("/device", "reset", method="PUT", apply=True)
    with pytest.raises(requests.exceptions.ConnectionError, match="reset by peer"):
        fresh_sandbox.call("PUT", f"/device?deviceId={cases.RICH}", json={"name": "Done in silence"})
    assert fresh_sandbox.get("/device", deviceId=cases.RICH).json()["name"] == "Done in silence"


def test_a_response_that_is_not_http(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "noise")
    with pytest.raises(requests.exceptions.ConnectionError, match="BadStatusLine"):
        fresh_sandbox.get("/devices")


def test_endless_headers(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "head", delay=1)
    begun = time.monotonic()
    answer = fresh_sandbox.get("/devices")
    assert (answer.headers["X-Slow"].strip("a"), answer.content) == ("", b"")
    assert 1 <= time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        ({"kind": "json", "body": {"a": "ö"}, "encoding": "utf-8-sig"}, b'\xef\xbb\xbf{"a": "\\u00f6"}'),
        ({"kind": "json", "body": 1, "encoding": "utf-16-le"}, b"1\0"),
        (
            {"kind": "status", "message": "no", "encoding": "utf-16-be"},
            '{"error": {"message": "no"}}'.encode("utf-16-be"),
        ),
    ],
)
def test_encodings(fresh_sandbox: SandboxServer, fault: dict[str, Any], body: bytes) -> None:
    fresh_sandbox.fault("/devices", **fault)
    answer = fresh_sandbox.get("/devices")
    assert answer.content == body
    assert answer.headers["Content-Type"] == "application/json"


def test_headers(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "json", body=1, headers={"Content-Type": "text/csv; charset=klingon", "X-A": "b"})
    answer = fresh_sandbox.get("/devices")
    assert (answer.headers["Content-Type"], answer.headers["X-A"]) == ("text/csv; charset=klingon", "b")


def test_twists(fresh_sandbox: SandboxServer) -> None:
    good = fresh_sandbox.get("/devices").json()["content"]
    fresh_sandbox.fault("/devices", "twist", twist="twice", times=1)
    assert [each["id"] for each in fresh_sandbox.get("/devices").json()["content"]] == [
        each["id"] for each in good for _ in range(2)
    ]
    fresh_sandbox.fault("/devices", "twist", twist="types", times=1)
    (wrong,) = fresh_sandbox.get("/devices").json()
    (first, *_) = wrong["content"]["items"]
    assert first[0]["id"] == f"x{good[0]['id']}"
    assert first[0]["name"] == len(good[0]["name"])
    fresh_sandbox.fault("/device/timeline", "twist", twist="strange", times=1)
    events = fresh_sandbox.get("/device/timeline", deviceId=cases.RICH).json()["content"]
    assert {event["eventType"] for event in events} == {"SOMETHING_NEW"}
    assert all("halfLife" in event for event in events)
    assert fresh_sandbox.get("/devices").json()["content"] == good


def test_a_drip(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "drip", delay=1)
    begun = time.monotonic()
    with fresh_sandbox.call("GET", "/devices", stream=True) as answer:
        assert answer.status_code == 200
        bytes_come = answer.iter_content(1)
        assert next(bytes_come) == b"{"
        assert time.monotonic() - begun < 0.9
        assert b"".join(bytes_come).strip() == b"}"
    assert time.monotonic() - begun >= 1


def test_a_gzip_bomb(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "bomb", size=3_000_000)
    answer = fresh_sandbox.get("/devices")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) < 10_000
    assert len(answer.content) == 3_000_002


def test_a_delay(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "delay", delay=0.3)
    begun = time.monotonic()
    assert fresh_sandbox.get("/devices").json()["content"]
    assert time.monotonic() - begun >= 0.3


def test_a_delayed_fault(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "empty", status=504, delay=0.3)
    begun = time.monotonic()
    assert fresh_sandbox.get("/devices").status_code == 504
    assert time.monotonic() - begun >= 0.3


def test_for_a_number_of_calls(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "empty", status=503, times=2, skip=1)
    assert [fresh_sandbox.get("/devices").status_code for _ in range(5)] == [200, 503, 503, 200, 200]


def test_for_one_method_only(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device", "empty", status=503, method="PUT")
    assert fresh_sandbox.get("/device", deviceId=1).status_code == 200
    assert fresh_sandbox.call("PUT", "/device?deviceId=1", json={"name": "x"}).status_code == 503
    assert fresh_sandbox.get("/device", deviceId=1).json()["name"] != "x"


def test_for_a_path_prefix(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/*", "empty", status=503)
    assert fresh_sandbox.get("/device", deviceId=1).status_code == 200
    assert fresh_sandbox.get("/device/online", deviceId=1).status_code == 503
    fresh_sandbox.fault("*", "empty", status=500)
    assert fresh_sandbox.get("/profile").status_code == 500
    assert fresh_sandbox.grant("client_credentials").status_code == 500


@pytest.mark.parametrize("kind", ["status", "drop", "cut", "empty"])
def test_an_executed_write_with_a_lost_reply(fresh_sandbox: SandboxServer, kind: str) -> None:
    fresh_sandbox.fault("/device", kind, method="PUT", apply=True, times=1)
    try:
        fresh_sandbox.call("PUT", f"/device?deviceId={cases.RICH}", json={"name": "Done in silence"})
    except requests.exceptions.RequestException:
        assert kind in ("drop", "cut")
    assert fresh_sandbox.get("/device", deviceId=cases.RICH).json()["name"] == "Done in silence"


def test_the_token_endpoint(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/oauth2/token", "status", status=500, times=1)
    assert fresh_sandbox.grant("client_credentials").status_code == 500
    assert fresh_sandbox.grant("client_credentials").status_code == 200


def test_faults_are_listed(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "empty", times=3)
    fresh_sandbox.get("/devices")
    listed = fresh_sandbox.control("GET", "faults")
    assert [(fault["path"], fault["kind"], fault["times"]) for fault in listed] == [
        ("/api/v1/organization/devices", "empty", 2)
    ]


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "*", "kind": "nonsense"},
        {"kind": "empty"},
        {"path": 5, "kind": "empty"},
        {"path": "*", "kind": "empty", "nonsense": 1},
        {"path": "*", "kind": "empty", "delay": "long"},
        {"path": "*", "kind": "empty", "times": -1},
        {"path": "*", "kind": "empty", "times": 0},
        {"path": "*", "kind": "bomb", "size": None},
        {"path": "*", "kind": "twist"},
        {"path": "*", "kind": "twist", "twist": "around"},
        {"path": "*", "kind": "json", "headers": {"X": 1}},
        {"path": "*", "kind": "json", "encoding": "klingon"},
    ],
)
def test_invalid_faults_are_refused(fresh_sandbox: SandboxServer, fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"A fault|at least [01]"):
        fresh_sandbox.control("POST", "faults", fault)
    assert fresh_sandbox.control("GET", "faults") == []
