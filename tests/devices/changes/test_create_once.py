"""A new device is asked for once, and nobody is told more of its fate than is known."""

from __future__ import annotations

import time
from typing import Any

import pytest
import time_machine

from devices.audit.log import UNKNOWN, ChangeIntent, record_intent, record_outcome
from devices.core.permissions import Access
from tests.devices.changes.new_device import NEW, created, errors, filled, the_device
from tests.devices.conftest import Person, SignIn, soup, words
from tests.servers import SandboxServer

# --- sent once --------------------------------------------------------------------------------------------------------


def test_the_same_form_sent_twice_makes_one_device(admin: Person, fresh_sandbox: SandboxServer) -> None:
    first = admin.post(NEW, filled())
    second = admin.post(NEW, filled())
    assert second.status_code == 303
    assert second["Location"] == first["Location"]
    assert "was created. Read back at" in words(admin.get(second["Location"]))
    assert created(fresh_sandbox) == 1


def test_another_name_or_another_page_of_the_form_makes_another_device(
    admin: Person, fresh_sandbox: SandboxServer
) -> None:
    places = {
        admin.post(NEW, filled(**changes))["Location"]
        for changes in ({}, {"name": "Boiler 301"}, {"idempotency_key": "g"})
    }
    assert len(places) == 3


def test_a_refused_form_can_be_sent_again(admin: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/create", "status", status=400, times=1)
    assert admin.post(NEW, filled()).status_code == 422
    assert admin.post(NEW, filled()).status_code == 303


# --- the answer that never came ---------------------------------------------------------------------------------------


LOST = [
    ("drop", {}, 503),
    ("status", {"status": 500}, 502),
    ("html", {"status": 502}, 502),
    ("cut", {}, 502),
    ("empty", {"status": 201}, 502),
]


@pytest.mark.parametrize(("kind", "more", "status"), LOST)
def test_a_device_whose_answer_was_lost_is_found_by_its_name(
    admin: Person, fresh_sandbox: SandboxServer, kind: str, more: dict[str, Any], status: int
) -> None:
    fresh_sandbox.fault("/device/create", kind, apply=True, **more)
    answer = admin.post(NEW, filled())
    assert the_device(fresh_sandbox, answer)["name"] == "Boiler room 300"
    assert "reply was lost, but the change reads back" in words(admin.get(answer["Location"]))
    assert admin.post(NEW, filled())["Location"] == answer["Location"]
    assert created(fresh_sandbox) == 1


@pytest.mark.parametrize(("kind", "more", "status"), LOST)
def test_a_lost_answer_that_nothing_is_found_of_is_unknown_and_never_repeated(
    admin: Person, fresh_sandbox: SandboxServer, kind: str, more: dict[str, Any], status: int
) -> None:
    fresh_sandbox.fault("/device/create", kind, times=1, **more)
    answer = admin.post(NEW, filled())
    assert answer.status_code == status
    assert "not known whether this was done" in words(answer)
    assert "Boiler room 300" in words(answer)
    assert not soup(answer).select("main form, main button")
    assert "not known" in words(admin.post(NEW, filled())), "the search may not know it yet"
    another = admin.post(NEW, filled(idempotency_key="another page of the form"))
    assert another.status_code == 409
    assert "got no reply, and its outcome is not known yet" in errors(another)["name"]
    assert created(fresh_sandbox) == 1


def test_a_device_that_turns_up_later_is_told_to_whoever_asks_for_its_name_and_they_decide(
    admin: Person, support: Person, fresh_sandbox: SandboxServer
) -> None:
    fresh_sandbox.fault("/device/create", "drop", apply=True, times=1)
    fresh_sandbox.fault("/search/devices", "status", skip=1, times=1)
    assert "not known" in words(admin.post(NEW, filled()))
    other = admin.post(NEW, filled(idempotency_key="another page of the form"))
    assert other.status_code == 409
    assert "got no reply but succeeded (ID 301). No second device was created." in errors(other)["name"]
    assert the_device(fresh_sandbox, admin.post(NEW, filled(idempotency_key="once more")))["id"] == 302


def test_a_device_is_the_outcome_of_one_lost_answer_only(admin: Person, fresh_sandbox: SandboxServer) -> None:
    entries = []
    for idempotency_key, applied in (("f", True), ("g", False)):
        facts = ChangeIntent(operation="create_device", after="Boiler room 300", before="")
        access = Access(1, "admin@example.com", "", "", frozenset(), 1, "", "UTC")
        entry, _first = record_intent(access, facts, request_id="r", idempotency_key=idempotency_key)
        record_outcome(entry, UNKNOWN, access=access, request_id="r", final=False, api_result="lost")
        entries.append(entry)
        if applied:
            fresh_sandbox.call(
                "POST", "/device/create", json={"templateId": "TMPL2cRm01aQ9", "name": "Boiler room 300"}
            ).raise_for_status()
    for entry in entries:
        assert "Outcome unknown" in words(admin.get(f"/audit/{entry.pk}/"))


def test_a_minute_later_its_absence_is_proof_and_it_can_be_made(admin: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/create", "drop", times=1)
    entry = soup(admin.post(NEW, filled())).select_one("main a.primary")
    assert entry is not None
    with time_machine.travel(time.time() + 61, tick=True):
        assert "Not made" in words(admin.get(str(entry["href"])))
        assert the_device(fresh_sandbox, admin.post(NEW, filled()))["name"] == "Boiler room 300"


def test_a_device_of_that_name_that_was_there_before_is_not_taken_for_the_new_one(
    admin: Person, fresh_sandbox: SandboxServer
) -> None:
    admin.post(NEW, filled(idempotency_key="before"))
    fresh_sandbox.fault("/device/create", "drop", times=1)
    assert "not known whether this was done" in words(admin.post(NEW, filled()))


def test_who_cannot_search_finds_it_among_their_own(sign_in: SignIn, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/create", "drop", apply=True)
    answer = sign_in("installer").post(NEW, filled())
    assert the_device(fresh_sandbox, answer)["name"] == "Boiler room 300"


def test_an_answer_that_takes_too_long_is_lost(admin: Person, fresh_sandbox: SandboxServer, settings: Any) -> None:
    from portal.platform import transport

    settings.PLATFORM_API_TIMEOUTS = settings.PLATFORM_API_TIMEOUTS._replace(read=0.3, call=0.3)
    transport.cache_clear()
    # Never carried out: made after this test, the device would be found by another.
    fresh_sandbox.fault("/device/create", "drop", delay=3, times=1)
    answer = admin.htmx(NEW, filled())
    assert answer.status_code == 504
    assert b"<html" not in answer.content
    assert "The platform did not answer in time." in words(answer)
    assert "not known whether this was done" in words(answer)


def test_what_was_not_sent_was_not_made_and_the_form_is_kept(admin: Person, platform_down: Any) -> None:
    admin.get(NEW)
    with platform_down():
        for ask in (admin.post, admin.htmx):
            answer = ask(NEW, filled(owner="me"))
            assert answer.status_code == 503
            assert "The platform cannot be reached. Nothing was created." in words(answer)
            assert soup(answer).select_one("#id_name")["value"] == "Boiler room 300"  # type: ignore[index]
            assert soup(answer).select_one("#id_owner")["value"] == "me"  # type: ignore[index]


def test_an_owner_who_cannot_be_looked_up_just_now_costs_nothing_that_was_typed(
    admin: Person, platform: SandboxServer, platform_down: Any
) -> None:
    admin.get(NEW)
    with platform_down():
        answer = admin.htmx(NEW, filled(owner="ana.lund@example.org"))
    assert answer.status_code == 422
    assert "could not be looked up. The platform cannot be reached." in errors(answer)["owner"]
    assert soup(answer).select_one("#id_name")["value"] == "Boiler room 300"  # type: ignore[index]


def test_all_mistakes_are_told_at_once(admin: Person, platform: SandboxServer) -> None:
    answer = admin.post(NEW, filled(template_code="", name="#", org_id="5", owner="nobody@example.net"))
    assert list(errors(answer)) == ["template_code", "name", "org_id", "owner"]


def test_too_many_requests_keep_the_form_and_say_how_long(admin: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/create", "status", status=429, retry_after=7)
    answer = admin.post(NEW, filled())
    assert answer.status_code == 429
    assert answer["Retry-After"] == "7"
    assert "Nothing was created" in words(answer)
    assert soup(answer).select_one("#id_name")["value"] == "Boiler room 300"  # type: ignore[index]


def test_pressed_again_by_somebody_who_cannot_see_it_it_leads_to_the_list_and_says_created(
    sign_in: SignIn, fresh_sandbox: SandboxServer
) -> None:
    fresh_sandbox.switch(create_owner="none")
    installer = sign_in("installer")
    for _press in range(2):
        answer = installer.post(NEW, filled(), follow=True)
        assert answer.status_code == 200
        assert "Created Boiler room 300" in words(answer)
        assert soup(answer).h1.get_text() == "My devices"  # type: ignore[union-attr]
    assert created(fresh_sandbox) == 1
