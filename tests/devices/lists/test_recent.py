"""Recently activated devices: is the customer's device up? The page asks again by itself and keeps what it has."""

from __future__ import annotations

import time
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.urls import reverse

from devices.audit.models import AuditEntry
from portal.platform import transport
from tests.devices.conftest import Person, SignIn
from tests.html import one, soup, words
from tests.servers import SandboxServer

LIST = "/device/last-activated"
NAME = "/device/baseInfo"
ROOT = "/api/v1/organization"
MARINE = 4
"""An organization in which nothing was activated lately."""


@pytest.fixture
def lately(fresh_sandbox: SandboxServer) -> SandboxServer:
    """Put back just now, so that 40 seconds ago, and about 3, 4, 9, 17... minutes ago a device was activated."""
    fresh_sandbox.reset()
    fresh_sandbox.clear_requests()
    return fresh_sandbox


def ids(response: Any) -> list[int]:
    return [int(cell.get_text()) for cell in soup(response).select("tbody .col-id")]


def names(response: Any) -> list[str]:
    return [link.get_text() for link in soup(response).select("tbody th a")]


def region(response: Any) -> Any:
    return one(response, "#results")


def call_count(platform: SandboxServer, path: str) -> int:
    return sum(entry["path"] == ROOT + path for entry in platform.requests())


# --- what one gets ----------------------------------------------------------------------------------------------------


def test_the_last_five_minutes_newest_first_with_names_and_ages(support: Person, lately: SandboxServer) -> None:
    page = support.get("/devices/recent/")
    assert page.status_code == 200
    assert ids(page) == [12, 20, 35]
    assert "Hot water tank 13" in names(page)
    assert "3 devices activated in Halden Cooling in the last 5 min" in words(page)
    row = soup(page).select("tbody tr")[0]
    assert one(row, ".col-activated .age").get_text().endswith(" s")
    assert one(row, ".col-owner").get_text() == "ana.lund@example.org"
    assert one(row, ".col-template").get_text() == "Boiler Gateway"
    assert one(row, "a")["href"] == "/devices/12/"


@pytest.mark.parametrize(("minutes", "count"), [(1, 1), (15, 4), (60, 9)])
def test_the_period_can_be_chosen(support: Person, lately: SandboxServer, minutes: int, count: int) -> None:
    assert len(ids(support.get(f"/devices/recent/?minutes={minutes}"))) == count


def test_another_organization_can_be_chosen(support: Person, lately: SandboxServer) -> None:
    assert ids(support.get("/devices/recent/?org=2")) == [101]


def test_no_activation_offers_the_longest_period(support: Person, platform: SandboxServer) -> None:
    page = support.get(f"/devices/recent/?org={MARINE}")
    assert "None in the last 5 minutes" in words(page)
    wider = one(page, ".empty a.button")
    assert wider["href"] == f"/devices/recent/?minutes=60&org={MARINE}"
    longest = support.get(str(wider["href"]))
    assert "None in the last 60 minutes" in words(longest)
    assert not soup(longest).select(".empty a.button")


# --- names ------------------------------------------------------------------------------------------------------------


def test_names_are_cached_for_a_minute_and_for_each_person(
    support: Person, sign_in: SignIn, lately: SandboxServer
) -> None:
    support.get("/devices/recent/")
    support.htmx("/devices/recent/")
    assert (call_count(lately, LIST), call_count(lately, NAME)) == (2, 3)
    with time_machine.travel(time.time() + 61, tick=True):
        support.htmx("/devices/recent/")
    assert call_count(lately, NAME) == 6, "a renamed device is seen after a minute"
    viewer = sign_in("viewer")
    lately.clear_requests()
    viewer.get("/devices/recent/")
    assert call_count(lately, NAME) == 3, "nobody is shown names that another person read"


@pytest.mark.parametrize("htmx", [False, True])
def test_a_rename_and_its_undo_show_at_once_in_every_browser(
    support: Person, sign_in: SignIn, lately: SandboxServer, htmx: bool
) -> None:
    elsewhere = sign_in("support")

    def shown() -> list[str]:
        found = names(support.htmx("/devices/recent/"))
        assert names(elsewhere.get("/devices/recent/")) == found
        return [name for name in found if name in ("Hot water tank 13", "Hot water tank 14")]

    assert shown() == ["Hot water tank 13"]
    change = {"name": "Hot water tank 14"}
    answer = (support.htmx if htmx else support.post)("/devices/12/rename/", change)
    assert answer.status_code == (200 if htmx else 303)
    assert shown() == ["Hot water tank 14"]
    undo = reverse("audit:undo", args=[AuditEntry.objects.latest("pk").pk])
    assert support.post(undo, {"idempotency_key": "1"}).status_code == 303
    assert shown() == ["Hot water tank 13"]
    lately.clear_requests()
    assert shown() == ["Hot water tank 13"]
    assert call_count(lately, NAME) == 0, "and is kept again"


def test_a_device_that_cannot_be_read_shows_its_id_and_why(support: Person, lately: SandboxServer) -> None:
    lately.fault(NAME, "status", status=500, times=1)
    page = support.get("/devices/recent/")
    assert page.status_code == 200
    assert sorted(ids(page)) == [12, 20, 35]
    assert sum(name.startswith("Device ") for name in names(page)) == 1
    assert words(page).count("The platform reported an internal error.") == 1


def test_a_token_that_expires_meanwhile_is_refreshed_once(support: Person, lately: SandboxServer) -> None:
    lately.fault(NAME, "status", status=401, times=3)
    page = support.get("/devices/recent/")
    assert page.status_code == 200
    assert "Hot water tank 13" in names(page)
    assert not any(name.startswith("Device ") for name in names(page))


# --- asking again -----------------------------------------------------------------------------------------------------


def test_the_page_refreshes_every_thirty_seconds(support: Person, lately: SandboxServer) -> None:
    first = region(support.get("/devices/recent/?minutes=15"))
    assert first["hx-trigger"] == "every 30s"
    assert first["hx-target"] == "#results"
    again = support.htmx(first["hx-get"])
    assert b"<html" not in again.content
    assert region(again)["hx-trigger"] == "every 30s", "and goes on"
    assert ids(again)[:3] == [12, 20, 35]
    assert "15 min" in words(again)


def test_it_can_be_paused_and_resumed(support: Person, lately: SandboxServer) -> None:
    pause = one(support.get("/devices/recent/?minutes=15"), "#pause")
    assert pause["href"] == "/devices/recent/?minutes=15&paused=on"
    paused = support.get(str(pause["href"]))
    assert region(paused).get("hx-trigger") is None
    assert "paused" in words(paused)
    resume = one(paused, "#pause")
    assert resume["href"] == "/devices/recent/?minutes=15"
    assert one(paused, "#read-again")["href"].endswith("paused=on")


def test_new_activations_are_marked_and_announced(support: Person, lately: SandboxServer) -> None:
    first = region(support.get("/devices/recent/"))
    assert first.get("data-announce") is None, "nothing is new on arrival"
    assert region(support.htmx(first["hx-get"])).get("data-announce") is None, "and silence when nothing came"
    seen = int(first["hx-get"].rsplit("seen=", 1)[1].removesuffix("&poll=on"))
    later = support.htmx(f"/devices/recent/?seen={seen - 1}")
    assert region(later)["data-announce"] == "1 new activation: Hot water tank 13"
    assert [tag.get_text() for tag in soup(later).select("tbody .tag")] == ["New"]


def test_the_first_device_after_an_empty_list_is_new(support: Person, lately: SandboxServer) -> None:
    empty = region(support.get(f"/devices/recent/?org={MARINE}"))
    came = support.htmx(empty["hx-get"].replace(f"org={MARINE}", "org=2"))
    assert "1 new activation" in region(came)["data-announce"]


def test_when_a_refresh_fails_the_last_response_stays_with_its_age(support: Person, lately: SandboxServer) -> None:
    first = support.get("/devices/recent/")
    lately.fault(LIST, "status", status=500)
    with time_machine.travel(time.time() + 65, tick=True):
        stale = support.htmx(region(first)["hx-get"])
        assert stale.status_code == 200
        assert ids(stale) == ids(first)
        assert "The platform reported an internal error. This is the last answer, read 1 min ago." in words(stale)
        assert region(stale)["hx-trigger"] == "every 30s"
        assert region(stale)["data-announce"]
        again = support.htmx(region(stale)["hx-get"])
        assert region(again).get("data-announce") is None, "said once, not at each refresh"
        assert ids(support.get("/devices/recent/")) == ids(first), "without script, by reload, the same"
    lately.clear_faults()
    assert "last answer" not in words(support.htmx(region(stale)["hx-get"]))


def test_without_a_last_response_a_failure_is_an_error(support: Person, lately: SandboxServer) -> None:
    support.get("/devices/recent/")
    lately.fault(LIST, "status", status=500)
    for ask in (support.get, support.htmx):
        page = ask("/devices/recent/?minutes=15")
        assert page.status_code == 502
        assert "Try again" in words(page)


@pytest.mark.parametrize("status", [403, 404, 429, 500, 400])
@pytest.mark.parametrize("known", [True, False])
def test_after_any_failed_refresh_the_region_refreshes_again(
    support: Person, lately: SandboxServer, status: int, known: bool
) -> None:
    first = support.get("/devices/recent/")
    poll = str(region(first)["hx-get"])
    button = str(one(first, "#read-again")["hx-get"])
    if not known:
        cache.clear()
    lately.fault(LIST, "status", status=status)
    for path in (poll, button):
        answer = support.htmx(path)
        assert answer.status_code == 200
        assert region(answer)["hx-trigger"] == "every 30s"
        assert region(answer)["data-announce"]
        assert one(answer, "#results .notice, #results .failed")
        assert ids(answer) == (ids(first) if known and status not in (403, 404) else []), (
            "nothing in place of a refusal"
        )
        assert "None in the last" not in words(answer)
        assert "0 devices" not in words(answer)
    lately.clear_faults()
    transport.cache_clear()  # and the wait that was asked for is over
    healed = support.htmx(str(region(answer)["hx-get"]))
    assert ids(healed) == ids(first)
    assert not soup(healed).select("#results .notice")
    assert not soup(healed).select("tbody .tag"), "nothing came meanwhile"


def test_nobody_gets_another_persons_last_response(support: Person, sign_in: SignIn, lately: SandboxServer) -> None:
    support.get("/devices/recent/")
    lately.fault(LIST, "status", status=500)
    assert sign_in("viewer").get("/devices/recent/").status_code == 502


# --- who may, and what people type ------------------------------------------------------------------------------------


def test_it_needs_the_view_of_the_organization(owner: Person, platform: SandboxServer) -> None:
    for ask in (owner.get, owner.htmx):
        page = ask("/devices/recent/")
        assert page.status_code == 403
        assert "ORG_DEVICES_VIEW" in words(page)
    assert platform.requests() == []


@pytest.mark.parametrize("minutes", ["0", "61", "abc", "9" * 10_000])
def test_minutes_out_of_range_fall_back_to_five_and_say_so(
    support: Person, lately: SandboxServer, minutes: str
) -> None:
    for ask in (support.get, support.htmx):
        page = ask(f"/devices/recent/?minutes={minutes}")
        assert page.status_code == 200
        assert "Minutes go from 1 to 60. These are the last 5." in words(page)
        assert ids(page) == [12, 20, 35]


@pytest.mark.parametrize("query", ["seen=-1", "seen=abc", "seen=9223372036854775808", "seen=%00", "stale=x", "paused="])
def test_invalid_parameters_of_a_refresh_do_not_break_it(support: Person, platform: SandboxServer, query: str) -> None:
    assert support.htmx("/devices/recent/?" + query).status_code == 200


def test_a_doubled_period_counts_once(support: Person, lately: SandboxServer) -> None:
    assert "in the last 60 min" in words(support.get("/devices/recent/?minutes=15&minutes=60"))


def test_an_invalid_organization_is_a_warning_a_foreign_one_a_404(support: Person, platform: SandboxServer) -> None:
    assert "not an organization" in words(support.get("/devices/recent/?org=x"))
    assert support.get("/devices/recent/?org=2000000000").status_code == 404


def test_signed_out_redirects_to_sign_in_and_ends_the_refresh(platform: SandboxServer) -> None:
    assert Person().get("/devices/recent/", secure=True).status_code == 302
    poll = Person().htmx("/devices/recent/?seen=1")
    assert poll.status_code == 401
    assert poll["HX-Retarget"] == "#session-banner"


def test_it_takes_no_post(support: Person) -> None:
    assert support.post("/devices/recent/").status_code == 405
