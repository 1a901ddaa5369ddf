"""The button that asks whether the devices of a page are connected: what it costs, what it shows, what it survives."""

from __future__ import annotations

import threading
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
from tests.devices.conftest import HTMX, Person, SignIn, soup, words
from tests.servers import SandboxServer

ONLINE = "/api/v1/organization/device/online"


def asked(platform: SandboxServer) -> int:
    return sum(entry["path"] == ONLINE for entry in platform.requests())


def press(person: Person, address: str = "/devices/", **instead: str) -> Any:
    """What the button of that list sends; the answer is the list's address."""
    form = soup(person.get(address)).select_one("#check-form")
    assert form is not None
    fields = {str(field["name"]): str(field["value"]) for field in form.select("input[name]")} | instead
    answer = person.post(str(form["action"]), fields)
    assert answer.status_code == 303
    return answer["Location"]


def states(response: Any) -> dict[int, str]:
    """The words of the status column by device."""
    return {
        int(row.select_one("th a")["href"].strip("/").rsplit("/", 1)[1]): row.select_one(".col-status").get_text(" ")
        for row in soup(response).select("tbody tr")
    }


def test_a_press_asks_once_for_each_row_and_a_reload_asks_nothing(support: Person, platform: SandboxServer) -> None:
    before = support.get("/devices/")
    assert set(states(before).values()) == {"Not checked"}
    assert "Check these 50" in words(before)
    platform.clear_requests()
    there = press(support)
    assert asked(platform) == 50
    for _reload in range(2):
        page = support.get(there)
        found = states(page)
        assert found[fleet.RICH].startswith("Online ")
        assert found[fleet.UNKNOWN_ONLINE].startswith("Unknown ")
        assert found[fleet.HTTP_ONLY] == "Never connected", "it only speaks HTTP"
        assert found[fleet.NEVER_ACTIVATED] == "Never connected"
        assert "status checked" in words(page)
    assert asked(platform) == 50
    said = soup(support.get(there, headers=HTMX)).select_one("[data-announce]")
    assert said is not None
    assert "50 checked: " in said["data-announce"]
    assert soup(support.get(there)).select_one("a[rel=next]")["href"] == "/devices/?page=2"  # type: ignore[index]


def test_the_states_of_a_page_narrow_it(support: Person) -> None:
    there = press(support)
    page = support.get(there)
    parts = {part.get_text(" ").split()[0]: part for part in soup(page).select("#list-parts a")}
    offline = support.get(str(parts["Offline"]["href"]))
    assert {text.split()[0] for text in states(offline).values()} == {"Offline"}
    assert len(states(offline)) == int(parts["Offline"].get_text(" ").split()[-1])
    never = soup(support.get(str(parts["Never"]["href"]))).select(".col-status .word")
    assert {cell.get_text(" ").strip() for cell in never} == {"Never connected"}
    assert all(cell.svg for cell in never)
    assert len(states(support.get(str(parts["All"]["href"])))) == 50


def test_no_more_than_a_page_is_asked_for_whatever_is_sent(support: Person, platform: SandboxServer) -> None:
    many = ",".join(map(str, [*range(1, 400), *range(1, 400)]))
    press(support, ids=many)
    assert asked(platform) == connectivity.MAX_DEVICES
    platform.clear_requests()
    press(support, ids="1,1,x,-3,0,99999999999,\x00,²," + "9" * 5000)
    assert asked(platform) == 1


def test_at_most_eight_calls_at_once_and_what_fails_costs_its_row_alone(
    support: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def get_online(self: Gateway, device_id: int) -> Online:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.005)
        with lock:
            now -= 1
        if device_id % 5 == 0:
            raise TimedOut(operation="get_online", sent=device_id % 2 == 0)
        return Online(connected=True)

    monkeypatch.setattr(Gateway, "get_online", get_online)
    page = support.get(press(support))
    found = states(page)
    assert 2 <= most <= 8
    ten = next(device for device in found if device % 10 == 0)
    five = next(device for device in found if device % 10 == 5)
    assert found[ten] == "Unknown no answer"
    assert found[five] == "Not checked", "it was not even sent"
    assert found[1].startswith("Online ")


def fields_of(answer: Any) -> dict[str, str]:
    return {str(field["name"]): str(field["value"]) for field in soup(answer).select("input[name]")}


def test_with_htmx_it_goes_step_by_step_and_no_device_is_asked_twice(
    support: Person, platform: SandboxServer, fresh_sandbox: SandboxServer
) -> None:
    form = fields_of_form(support.get("/devices/?size=25&page=2"))
    platform.clear_requests()
    answer = support.htmx("/devices/online/", form)
    assert asked(platform) == 0
    assert soup(answer).select_one("#check-step")["data-announce"] == "Checking 25 devices"  # type: ignore[index]
    form, told, filled, said = fields_of(answer), [], 0, []
    while step := soup(answer).select_one("#check-step[hx-post]"):
        told.append(step.label.get_text())  # type: ignore[union-attr]
        form |= fields_of(answer)
        answer = support.htmx("/devices/online/", form)
        filled += len(soup(answer).select("[hx-swap-oob] .word"))
        said += [each["data-announce"] for each in soup(answer).select("[data-announce]")]
        assert len(told) < 9
    assert told == [f"{n} of 25 checked" for n in (0, 8, 16, 24)]
    assert said == ["16 of 25 checked"]
    assert (asked(platform), filled) == (25, 25)
    last = soup(answer).select_one("#check-step")
    assert last is not None
    there = str(last["hx-get"])
    assert there.startswith("/devices/?page=2&size=25&checked=")
    assert "Not checked" not in states(support.get(there)).values()
    assert asked(platform) == 25

    # Stopped after a step, what came is kept; of another sign-in, nothing is believed and nothing asked.
    form = fields_of_form(support.get("/devices/"))
    form |= fields_of(support.htmx("/devices/online/", form))
    form |= fields_of(support.htmx("/devices/online/", form))
    stopped = support.post("/devices/online/", form | {"stop": "on"})
    found = list(states(support.get(stopped["Location"])).values())
    assert "Not checked" not in found[:8]
    assert set(found[8:]) == {"Not checked"}
    count = asked(platform)
    forged = support.htmx("/devices/online/", form | {"so_far": form["so_far"] + "x"})
    assert "hx-get" in soup(forged).select_one("#check-step").attrs  # type: ignore[union-attr]
    assert asked(platform) == count

    # A step that cannot be sent says so, keeps what came, and does not go on by itself.
    fresh_sandbox.fault("/device/online", "status", status=429, retry_after=20)
    failed = support.htmx("/devices/online/", form)
    step = soup(failed).select_one("#check-step.failed")
    assert step is not None
    assert failed.status_code == 429
    assert "load" not in step["hx-trigger"]
    assert fields_of(failed)["so_far"] == form["so_far"]
    assert "too many requests" in step["data-announce"]


def fields_of_form(page: Any) -> dict[str, str]:
    return {str(field["name"]): str(field["value"]) for field in soup(page).select("#check-form input[name]")}


def test_after_a_failure_the_check_goes_on_however_late_the_person_presses(
    support: Person, fresh_sandbox: SandboxServer
) -> None:
    form = fields_of_form(support.get("/devices/?size=25"))
    form |= fields_of(support.htmx("/devices/online/", form))
    form |= fields_of(support.htmx("/devices/online/", form))
    fresh_sandbox.fault("/device/online", "status", status=429, retry_after=20)
    for _press in range(2):  # refused by the platform, then not even sent
        failed = support.htmx("/devices/online/", form)
        assert soup(failed).select_one("#check-step.failed #go-on")
        form |= fields_of(failed)
    fresh_sandbox.clear_faults()
    transport.cache_clear()  # the wait that was asked for is over
    count = asked(fresh_sandbox)
    with time_machine.travel(time.time() + 25, tick=True):
        answer = support.htmx("/devices/online/", form)
        assert asked(fresh_sandbox) == count + 8
        while step := soup(answer).select_one("#check-step[hx-post]"):
            answer = support.htmx("/devices/online/", form | fields_of(answer))
        step = soup(answer).select_one("#check-step")
        found = list(states(support.get(str(step["hx-get"]))).values())  # type: ignore[index]
    assert asked(fresh_sandbox) == count + 17, "8 of the 25 were asked for before"
    assert not {"Not checked", "Unknown no answer"}.intersection(found)


def test_the_calls_of_one_request_have_fifteen_seconds_together(
    support: Person, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[float] = []

    def get_online(self: Gateway, device_id: int) -> Online:
        left.append(self.left())
        return Online(connected=True)

    monkeypatch.setattr(Gateway, "get_online", get_online)
    form = fields_of_form(support.get("/devices/"))
    form |= fields_of(support.htmx("/devices/online/", form))
    support.htmx("/devices/online/", form)
    press(support)
    assert len(left) == connectivity.STEP_SIZE + 50
    assert 10 < min(left) <= max(left) <= 15
    monkeypatch.undo()
    monkeypatch.setattr(connectivity, "PATIENCE", 0.0)
    assert set(states(support.get(press(support))).values()) == {"Not checked"}
    assert asked(platform) == 0


def test_a_step_that_fails_is_logged_with_its_number_and_passes_the_wait_on(
    support: Person, fresh_sandbox: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    form = fields_of_form(support.get("/devices/?size=25"))
    form |= fields_of(support.htmx("/devices/online/", form))
    fresh_sandbox.fault("/device/online", "status", status=429, retry_after=20)
    failed = support.htmx("/devices/online/", form)
    assert failed.status_code == 429
    assert 15 <= int(failed["Retry-After"]) <= 20
    number = soup(failed).select_one("#check-step .stamp code")
    assert number is not None
    lines = [record.getMessage() for record in caplog.records if record.name == "devices.ui.read_errors"]
    assert len(lines) == 1, "one for the step, not one for each row"
    assert f"request {number.get_text()}, POST /devices/online/" in lines[0]


def test_devices_that_are_gone_are_said_to_be(support: Person, fresh_sandbox: SandboxServer) -> None:
    ids = f"{fleet.RICH},{fleet.NO_OWNER}"
    form = soup(support.get("/devices/"))
    assert form.select_one("#check-form")
    fresh_sandbox.fault("/device/online", "status", status=404, times=1)
    assert "not found" in str(sorted(states(support.get(press(support, ids=ids))).values()))


def test_who_may_see_no_device_spends_no_call(sign_in: SignIn, platform: SandboxServer) -> None:
    answer = sign_in("guest").post("/devices/online/", {"ids": "1,2,3", "next": "/devices/"})
    assert answer.status_code == 403
    assert asked(platform) == 0


def test_states_are_believed_only_of_the_own_asking_and_the_same_rows(sign_in: SignIn) -> None:
    support, admin = sign_in("support"), sign_in("admin")
    there = press(support)
    forged = there.replace(".1", ".2", 1)
    for person, address in ((admin, there), (support, forged), (support, there + "x"), (support, there + "&size=25")):
        page = person.get(address)
        assert page.status_code == 200
        assert set(states(page).values()) == {"Not checked"}, address
        assert "asked by somebody else" in words(page)
    other = support.get(there.replace("?", "?page=2&"))
    assert set(states(other).values()) == {"Not checked"}
    for odd in ("%00", ".", "..", "a.b.c", "9" * 600, "1.9.x", "%F0%9F%A7%8A.1.x"):
        assert support.get(f"/devices/?checked={odd}&show=<b>").status_code == 200


def test_an_old_answer_tells_only_what_was(support: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connectivity.time, "time", lambda: time.time_ns() / 1e9 - 600)
    there = press(support)
    monkeypatch.undo()
    found = set(states(support.get(there)).values())
    assert any(text.startswith("Was online ") for text in found)
    assert not any(text.startswith(("Online", "Offline")) for text in found)


def test_ones_own_devices_can_be_asked_for_too(owner: Person, platform: SandboxServer) -> None:
    here = owner.get("/devices/", follow=True).wsgi_request.get_full_path()
    there = press(owner, here)
    assert there.startswith("/devices/by-owner/?email=owner%40example.com&checked=")
    assert states(owner.get(there))[fleet.MINE].startswith("Online ")
