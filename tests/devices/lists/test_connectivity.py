"""The check whether the devices of a page are connected: its calls, its result, and its failures."""

from __future__ import annotations

import time
from typing import Any

import pytest
import time_machine

from devices.gateway.client import Gateway
from devices.gateway.errors import TimedOut
from devices.gateway.types import Online
from devices.lists import connectivity
from portal.platform import transport
from tests.devices import fleet
from tests.devices.conftest import HTMX, Person, SignIn
from tests.html import one, soup, words
from tests.servers import SandboxServer

ONLINE = "/api/v1/organization/device/online"
CHECK = "/devices/online/"


def calls(platform: SandboxServer) -> int:
    return sum(entry["path"] == ONLINE for entry in platform.requests())


def fields(response: Any, of: str = "") -> dict[str, str]:
    """The fields of a form, by default those that a step brings."""
    return {str(field["name"]): str(field["value"]) for field in soup(response).select(f"{of} input[name]")}


def press(person: Person, address: str = "/devices/", **instead: str) -> str:
    """Send what the button of that list sends without script. The result's address."""
    response = person.post(CHECK, fields(person.get(address), "#check-form") | instead)
    assert response.status_code == 303
    return str(response["Location"])


def start(person: Person, address: str = "/devices/", steps: int = 0) -> dict[str, str]:
    """Start a check with htmx and take some steps. The fields of the next one."""
    form = fields(person.htmx(CHECK, fields(person.get(address), "#check-form")))
    for _step in range(steps):
        form |= fields(person.htmx(CHECK, form))
    return form


def step_of(response: Any) -> Any:
    return one(response, "#check-step")


def states(response: Any) -> dict[int, str]:
    """The text of the status column by device."""
    return {
        int(one(row, "th a")["href"].strip("/").rsplit("/", 1)[1]): one(row, ".col-status").get_text(" ")
        for row in soup(response).select("tbody tr")
    }


def test_a_press_calls_once_for_each_row_and_a_reload_calls_nothing(support: Person, platform: SandboxServer) -> None:
    before = support.get("/devices/")
    assert set(states(before).values()) == {"Not checked"}
    assert "Check these 50" in words(before)
    platform.clear_requests()
    result = press(support)
    for _reload in range(2):
        page = support.get(result)
        found = states(page)
        assert found[fleet.RICH].startswith("Online ")
        assert found[fleet.UNKNOWN_ONLINE].startswith("Unknown ")
        assert found[fleet.HTTP_ONLY] == found[fleet.NEVER_ACTIVATED] == "Never connected"
        assert "status checked" in words(page)
    assert calls(platform) == 50
    fragment = soup(support.get(result, headers=HTMX))
    assert any("50 checked: " in each["data-announce"] for each in fragment.select("[data-announce]"))
    assert [link["href"] for link in soup(page).select("a[rel=next]")] == ["/devices/?page=2"]


def test_the_states_of_a_page_narrow_it(support: Person) -> None:
    page = support.get(press(support))
    links = {link.get_text(" ").split()[0]: link for link in soup(page).select("#list-parts a")}
    offline = states(support.get(str(links["Offline"]["href"])))
    assert {text.split()[0] for text in offline.values()} == {"Offline"}
    assert len(offline) == int(links["Offline"].get_text(" ").split()[-1])
    never = soup(support.get(str(links["Never"]["href"]))).select(".col-status .word")
    assert {cell.get_text(" ").strip() for cell in never} == {"Never connected"}
    assert all(cell.svg for cell in never)
    assert len(states(support.get(str(links["All"]["href"])))) == 50


def test_a_check_has_at_most_a_hundred_devices_whatever_is_sent(support: Person, platform: SandboxServer) -> None:
    press(support, ids=",".join(map(str, [*range(1, 400), *range(1, 400)])))
    assert calls(platform) == connectivity.MAX_DEVICES
    platform.clear_requests()
    press(support, ids="1,1,x,-3,0,9223372036854775808,\x00,²," + "9" * 5000)
    assert calls(platform) == 1


def test_a_failed_call_affects_only_its_row(support: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def get_online(self: Gateway, device_id: int) -> Online:
        if device_id % 5 == 0:
            raise TimedOut(operation="get_online", sent=device_id % 2 == 0)
        return Online(connected=True)

    monkeypatch.setattr(Gateway, "get_online", get_online)
    found = states(support.get(press(support)))
    assert {text for device, text in found.items() if device % 10 == 0} == {"Unknown no answer"}
    assert {text for device, text in found.items() if device % 10 == 5} == {"Not checked"}, "not even sent"
    assert found[1].startswith("Online ")


def test_with_htmx_it_takes_steps_and_checks_no_device_twice(support: Person, platform: SandboxServer) -> None:
    form = fields(support.get("/devices/?size=25&page=2"), "#check-form")
    platform.clear_requests()
    response = support.htmx(CHECK, form)
    assert calls(platform) == 0
    assert step_of(response)["data-announce"] == "Checking 25 devices"
    form, labels, filled, announced = fields(response), [], 0, []
    while step_of(response).has_attr("hx-post"):
        labels.append(step_of(response).label.get_text())
        form |= fields(response)
        response = support.htmx(CHECK, form)
        filled += len(soup(response).select("[hx-swap-oob] .word"))
        announced += [each["data-announce"] for each in soup(response).select("[data-announce]")]
        assert len(labels) < 9
    assert labels == [f"{n} of 25 checked" for n in (0, 8, 16, 24)]
    assert announced == ["16 of 25 checked"]
    assert (calls(platform), filled) == (25, 25)
    result = str(step_of(response)["hx-get"])
    assert result.startswith("/devices/?page=2&size=25&checked=")
    assert "Not checked" not in states(support.get(result)).values()
    support.htmx(CHECK, form)
    assert calls(platform) == 25, "a repeated step checks nothing"


def test_a_stopped_check_keeps_what_has_come(support: Person, platform: SandboxServer) -> None:
    form = start(support, steps=1)
    stopped = support.post(CHECK, form | {"stop": "on"})
    found = list(states(support.get(stopped["Location"])).values())
    assert "Not checked" not in found[:8]
    assert set(found[8:]) == {"Not checked"}
    at_once = support.post(CHECK, start(support) | {"stop": "on"})
    assert at_once["Location"] == "/devices/"
    assert calls(platform) == 8


def test_a_check_of_another_sign_in_leads_to_the_list_without_a_call(sign_in: SignIn, platform: SandboxServer) -> None:
    form = start(sign_in("support"), steps=1)
    platform.clear_requests()
    assert step_of(sign_in("support").htmx(CHECK, form))["hx-get"] == f"/devices/?checked={form['checked']}"
    assert calls(platform) == 0


def test_after_a_failure_the_check_continues_however_late_the_person_presses(
    support: Person, fresh_sandbox: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    form = start(support, "/devices/?size=25", steps=1)
    fresh_sandbox.fault("/device/online", "status", status=429, retry_after=20)
    for _press in range(2):  # refused by the platform, then not even sent
        failed = support.htmx(CHECK, form)
        assert (failed.status_code, 15 <= int(failed["Retry-After"]) <= 20) == (429, True)
        assert one(failed, "#check-step.failed #go-on")
        assert "load" not in step_of(failed)["hx-trigger"]
        assert "too many requests" in step_of(failed)["data-announce"]
        assert fields(failed)["done"] == "8"
    lines = [record.getMessage() for record in caplog.records if record.name == "devices.ui.read_errors"]
    assert len(lines) == 2, "one for each step, not for each row"
    assert f"request {step_of(failed).select_one('.stamp code').get_text()}, POST {CHECK}" in lines[1]
    fresh_sandbox.clear_faults()
    transport.cache_clear()  # the requested wait is over
    count = calls(fresh_sandbox)
    with time_machine.travel(time.time() + 25, tick=True):
        response = support.htmx(CHECK, form)
        assert calls(fresh_sandbox) == count + 8
        while step_of(response).has_attr("hx-post"):
            response = support.htmx(CHECK, form | fields(response))
        found = list(states(support.get(str(step_of(response)["hx-get"]))).values())
    assert calls(fresh_sandbox) == count + 17, "8 of the 25 were checked before"
    assert not {"Not checked", "Unknown no answer"}.intersection(found)


def test_the_calls_of_one_request_have_fifteen_seconds_together(
    support: Person, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[float] = []

    def get_online(self: Gateway, device_id: int) -> Online:
        left.append(self.left())
        return Online(connected=True)

    monkeypatch.setattr(Gateway, "get_online", get_online)
    start(support, steps=1)
    press(support)
    assert len(left) == connectivity.STEP_SIZE + 50
    assert 10 < min(left) <= max(left) <= 15
    monkeypatch.undo()
    monkeypatch.setattr(connectivity, "TIME_LIMIT", 0.0)
    assert set(states(support.get(press(support))).values()) == {"Not checked"}
    assert calls(platform) == 0


def test_missing_devices_are_reported(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/online", "status", status=404, times=1)
    assert "not found" in str(states(support.get(press(support))))


def test_without_the_permission_nothing_is_called(sign_in: SignIn, platform: SandboxServer) -> None:
    answer = sign_in("guest").post("/devices/online/", {"ids": "1,2,3", "next": "/devices/"})
    assert answer.status_code == 403
    assert calls(platform) == 0


def test_a_result_is_shown_only_to_its_sign_in_and_with_its_rows(sign_in: SignIn) -> None:
    support, admin = sign_in("support"), sign_in("admin")
    result = press(support)
    for person, address in ((admin, result), (support, result + "x"), (support, result + "&size=25")):
        page = person.get(address)
        assert page.status_code == 200
        assert set(states(page).values()) == {"Not checked"}, address
        assert "no longer available to you" in words(page)
    other = support.get(result.replace("?", "?page=2&"))
    assert set(states(other).values()) == {"Not checked"}
    for odd in ("%00", ".", "..", "a.b.c", "9" * 600, "%F0%9F%A7%8A"):
        assert support.get(f"/devices/?checked={odd}&show=<b>").status_code == 200


def test_an_old_result_is_in_the_past_tense(support: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectivity.time, "time", lambda: time.time_ns() / 1e9 - 600)
    result = press(support)
    monkeypatch.undo()
    found = set(states(support.get(result)).values())
    assert any(text.startswith("Was online ") for text in found)
    assert not any(text.startswith(("Online", "Offline")) for text in found)


def test_a_list_of_own_devices_can_be_checked_too(owner: Person, platform: SandboxServer) -> None:
    here = owner.get("/devices/", follow=True).wsgi_request.get_full_path()
    result = press(owner, here)
    assert result.startswith("/devices/by-owner/?email=owner%40example.com&checked=")
    assert states(owner.get(result))[fleet.MINE].startswith("Online ")
