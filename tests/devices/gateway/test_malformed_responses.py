"""Responses that are wrong or harmful although they may be well-formed: each is a typed error that shows nothing of
them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devices.gateway.client import Gateway
from devices.gateway.errors import BadReply
from tests.devices.gateway.calls import CASES, DEVICE
from tests.devices.gateway.conftest import Api

BY_NAME = {case.name: case for case in CASES}
READ = BY_NAME["get_device"]
SECRET = "upstream-7 is resting"


def page_of(*ids: int, **more: Any) -> bytes:
    return json.dumps({"content": [DEVICE | {"id": n} for n in ids], "totalElements": 401} | more).encode()


def with_value(value: str) -> bytes:
    """A device whose one value is this JSON."""
    rest = json.dumps({name: found for name, found in READ.answer.items() if name != "dataStreamValues"})
    return f'{rest[:-1]}, "dataStreamValues": [{{"dataStreamId": 1, "value": {value}}}]}}'.encode()


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"error": {"message": SECRET}}).encode(),
        f"<html><h1>{SECRET}</h1></html>".encode(),
        READ.answer_bytes.decode().encode("utf-16"),
        READ.answer_bytes.replace(b"Boiler", "Böiler".encode("latin-1")),
        with_value("NaN"),
        with_value("1e999"),
        with_value("1" * 5000),
        with_value("[" * 200 + "]" * 200),
        with_value('{"a":' * 200 + "1" + "}" * 200),
        READ.answer_bytes.replace(b'"id": 31', b'"id": 32', 1),
        READ.answer_bytes.replace(b'"id": 31', b'"id": -31', 1),
    ],
    ids=["error", "html", "utf-16", "latin-1", "nan", "infinite", "huge", "deep-list", "deep-object", "other", "minus"],
)
def test_a_wrong_device_is_a_bad_reply_that_does_not_show_its_body(body: bytes, api: Api, gateway: Gateway) -> None:
    assert body != READ.answer_bytes
    api.answers(READ, body=body)
    with pytest.raises(BadReply) as caught:
        gateway.get_device(31)
    assert SECRET not in f"{caught.value!r} {caught.value} {vars(caught.value)}"


def test_a_byte_order_mark_is_accepted(api: Api, gateway: Gateway) -> None:
    api.answers(READ, body=READ.answer_bytes.decode().encode("utf-8-sig"))
    assert gateway.get_device(31).id == 31


def test_an_error_is_not_read_as_an_offline_device(api: Api, gateway: Gateway) -> None:
    api.answers(BY_NAME["get_online"], body=json.dumps({"error": {"message": SECRET}}).encode())
    with pytest.raises(BadReply):
        gateway.get_online(31)


def test_a_repeated_device_is_listed_once_and_counted(api: Api, gateway: Gateway) -> None:
    api.answers(BY_NAME["list_devices"], body=page_of(7, 8, 7, 7, totalElements=None))
    page = gateway.list_devices(size=4)
    assert [device.id for device in page.items] == [7, 8]
    assert page.repeated == 2
    assert (page.first, page.last, page.has_next) == (1, 4, True), "the pages count as the platform does"


@pytest.mark.parametrize("total", [0, 2, -5])
def test_an_impossible_total_is_none(total: int, api: Api, gateway: Gateway) -> None:
    api.answers(BY_NAME["list_devices"], body=page_of(7, 8, 9, totalElements=total))
    assert gateway.list_devices(size=50).total is None


def test_a_page_larger_than_requested_is_given_whole(api: Api, gateway: Gateway) -> None:
    api.answers(BY_NAME["list_devices"], body=page_of(*range(1, 31)))
    page = gateway.list_devices(size=10)
    assert (len(page.items), page.last, page.has_next) == (30, 30, True)
