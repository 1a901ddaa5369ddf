"""A new device is asked for once, and nobody is told more of its fate than is known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.devices.conftest import Person, SignIn, soup, words
from tests.devices.new_device import NEW, created, errors, filled
from tests.servers import SandboxServer

# --- sent once --------------------------------------------------------------------------------------------------------


def test_the_same_form_sent_twice_makes_one_device(admin: Person, fresh_sandbox: SandboxServer) -> None:
    first = admin.post(NEW, filled())
    second = admin.post(NEW, filled())
    assert second.status_code == 303
    assert second["Location"] == first["Location"]
    assert "Created Boiler room 300" in words(admin.get(second["Location"]))
    assert created(fresh_sandbox) == 1


def test_another_name_or_another_page_of_the_form_makes_another_device(
    admin: Person, fresh_sandbox: SandboxServer
) -> None:
    places = {
        admin.post(NEW, filled(**changes))["Location"] for changes in ({}, {"name": "Boiler 301"}, {"form_id": "g"})
    }
    assert len(places) == 3


def test_a_refused_form_can_be_sent_again(admin: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/create", "status", status=400, times=1)
    assert admin.post(NEW, filled()).status_code == 422
    assert admin.post(NEW, filled()).status_code == 303


# --- the answer that never came ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "more", "status"),
    [
        ("drop", {}, 503),
        ("status", {"status": 500}, 502),
        ("html", {"status": 502}, 502),
        ("cut", {}, 502),
        ("empty", {"status": 201}, 502),
    ],
)
@pytest.mark.parametrize("made", [True, False])
def test_a_lost_answer_is_said_to_be_unknown_and_never_repeated(
    admin: Person, fresh_sandbox: SandboxServer, kind: str, more: dict[str, Any], status: int, made: bool
) -> None:
    fresh_sandbox.fault("/device/create", kind, apply=made, **more)
    answer = admin.post(NEW, filled())
    assert answer.status_code == status
    assert "not known whether Boiler room 300 was created" in words(answer)
    assert created(fresh_sandbox) == 1
    look = soup(answer).select_one("main a.button")
    assert look is not None
    assert look["href"] == "/devices/?q=Boiler+room+300"
    assert not soup(answer).select("main form, main button")
    fresh_sandbox.clear_faults()
    again = admin.post(NEW, filled())
    assert "not known" in words(again), "pressed again, the answer stays"
    assert created(fresh_sandbox) == 1
    assert (
        "Boiler room 300" in [link.get_text() for link in soup(admin.get(str(look["href"]))).select("th a")]
    ) == made


def test_an_answer_that_takes_too_long_is_lost(admin: Person, fresh_sandbox: SandboxServer, settings: Any) -> None:
    from portal.platform import transport

    settings.PLATFORM_API_TIMEOUTS = settings.PLATFORM_API_TIMEOUTS._replace(read=0.3)
    transport.cache_clear()
    fresh_sandbox.fault("/device/create", "delay", delay=3)
    answer = admin.htmx(NEW, filled())
    assert answer.status_code == 504
    assert b"<html" not in answer.content
    assert "The platform did not answer in time." in words(answer)
    assert "not known whether" in words(answer)


def test_who_cannot_search_looks_through_their_own(sign_in: SignIn, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/create", "drop")
    answer = sign_in("installer").post(NEW, filled())
    assert soup(answer).select_one("main a.button")["href"].startswith("/devices/by-owner/")  # type: ignore[union-attr]


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
