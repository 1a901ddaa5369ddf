"""The banner about the platform: old data with its age, waits that count down, disabled changes."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from devices.core import requests
from devices.core.formatting import Clock
from devices.gateway.client import Gateway
from devices.gateway.resilience.policy import PlatformStatus
from devices.gateway.response_cache import Stale
from tests.devices import fleet
from tests.devices.audit import entries
from tests.devices.conftest import Person
from tests.html import one, soup, text, words
from tests.servers import SandboxServer

DEVICE = f"/devices/{fleet.RICH}/"
SetStatus = Callable[..., None]


@pytest.fixture
def set_status(monkeypatch: pytest.MonkeyPatch) -> SetStatus:
    """Sets the platform's status as the portal knows it."""

    def change(**seconds: float) -> None:
        monkeypatch.setattr(Gateway, "platform_status", lambda self: PlatformStatus(**seconds))

    return change


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes the data of these operations an hour old; gives that time in words."""

    def make(*operations: str) -> str:
        read_at = time.time() - 3600
        begin = Gateway.__init__

        def with_stale(self: Gateway, *args: Any, **kwargs: Any) -> None:
            begin(self, *args, **kwargs)
            self.stale.extend(Stale(operation, read_at) for operation in operations)

        monkeypatch.setattr(Gateway, "__init__", with_stale)
        return Clock("Europe/Oslo", time.time()).at(read_at)

    return make


def banner(response: Any) -> str:
    return text(one(response, "#platform-banner"))


def test_no_banner_while_the_platform_answers(support: Person) -> None:
    assert not banner(support.get(DEVICE))
    assert "platform-banner" not in support.htmx(DEVICE).content.decode()


def test_old_device_data_shows_its_age_and_disables_changes(support: Person, stale: Any) -> None:
    stamp = stale("get_device", "get_online")
    page = support.get(DEVICE)
    assert page.status_code == 200
    assert f"As of {stamp} – the platform cannot be reached." in banner(page)
    tree = soup(page)
    assert tree.select_one("[data-old~=panel][data-old~=heading]")
    assert "Was online" in text(one(page, "#online"))
    assert f"read {stamp}" in words(page)
    for action in tree.select(".choices li, .head .actions"):
        assert not action.select("form, a[hx-get]"), action
    reason = one(tree, "#platform-banner #platform-banner-text")
    assert "Changes are disabled on this page." in text(reason)
    assert words(page).count("Changes are disabled") == 1, "once for all actions"
    closed = {button["id"]: button["aria-describedby"] for button in tree.select("#actions [aria-disabled=true]")}
    lacking = {name for name, by in closed.items() if by != "platform-banner-text"}
    assert lacking == {"choose-trigger-event", "choose-clear", "choose-delete"}, "a permission is named in its place"
    assert len(closed) == len(tree.select("#actions .choices > li"))


def test_an_unreachable_platform_shows_the_last_data_with_its_age(
    support: Person, fresh_sandbox: SandboxServer
) -> None:
    seen = {path: support.get(path) for path in ("/devices/", DEVICE, DEVICE + "logs/")}
    fresh_sandbox.fault("*", "drop")
    for path, before in seen.items():
        page = support.get(path)
        assert page.status_code == 200, path
        assert re.search(r"As of \d\d:\d\d:\d\d UTC\+[12] – the platform cannot be reached\.", banner(page)), path
        assert soup(page).h1 == soup(before).h1
        assert soup(page).select_one("#results table, #panel table")
        assert not soup(page).select_one(
            'a#action-rename, a[href="/devices/new/"], main a.button[href*="transfer"], #actions form'
        )
    fresh_sandbox.clear_faults()


def test_an_old_tab_does_not_disable_changes(support: Person, stale: Any) -> None:
    stamp = stale("list_timeline")
    page = support.get(DEVICE + "timeline/")
    assert f"As of {stamp}" in banner(page)
    assert soup(page).select_one("[data-old=panel]")
    assert soup(page).select_one("a#action-rename[hx-get]")


@pytest.mark.parametrize("tab", ["", "timeline/", "changes/"])
def test_all_stamps_of_a_page_use_one_clock(support: Person, monkeypatch: pytest.MonkeyPatch, tab: str) -> None:
    hurried = itertools.count(time.time(), 7)
    monkeypatch.setattr(requests, "wall_clock", lambda: next(hurried))
    stamps = re.findall(r"(?:read|checked|on [^,]*,) (\d\d:\d\d:\d\d UTC[+−]?[\d:]*)", words(support.get(DEVICE + tab)))
    assert len(stamps) >= 3, "the state, the panel, and the foot of a printed page"
    assert len(set(stamps)) == 1


def test_old_names_need_no_banner(support: Person, stale: Any) -> None:
    stale("list_users", "list_templates")
    assert not banner(support.get(DEVICE))


def test_an_old_list_shows_its_age_and_disables_new_devices(admin: Person, stale: Any) -> None:
    assert soup(admin.get("/devices/")).select_one('a[href="/devices/new/"]')
    stamp = stale("list_devices")
    page = admin.get("/devices/")
    assert f"As of {stamp}" in banner(page)
    assert f"read {stamp}" in words(page)
    assert not soup(page).select_one('a[href="/devices/new/"]')
    assert not soup(page).select_one('[data-path="rename/"]')


def test_a_fragment_updates_the_banner_of_its_page(support: Person, stale: Any) -> None:
    stamp = stale("list_logs")
    fragment = support.htmx(DEVICE + "logs/?page=2", **{"HX-Current-URL": f"https://testserver{DEVICE}"})
    assert one(fragment, "#platform-banner[hx-swap-oob=true] [data-retry] a")["href"] == DEVICE, "not the fragment's"
    assert f"As of {stamp}" in banner(fragment)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "status", "status": 429, "retry_after": 20}, r"asks us to wait"),
        ({"kind": "drop"}, r"is not answering|has not been answering|cannot be reached"),
    ],
    ids=["429", "no answer"],
)
def test_the_banner_gives_the_reason_once_and_panels_refer_to_it(
    support: Person, fresh_sandbox: SandboxServer, fault: dict[str, Any], reason: str
) -> None:
    fresh_sandbox.fault("*", **fault)
    for _call in range(6):  # until the breaker is open too
        support.get(DEVICE + "tags/")
    for path in (
        DEVICE,
        DEVICE + "logs/",
        "/devices/?q=room",
        "/devices/recent/",
        "/devices/by-owner/?email=a@b.example",
    ):
        page = support.get(path)
        assert page.status_code in (429, 503), path
        rows = soup(page).select_one("#row-menu")  # closed until somebody asks what can be done with a row
        in_menu = len(re.findall(reason, text(rows))) if rows else 0
        assert len(re.findall(reason, words(page))) == 1 + in_menu, path
        assert re.search(reason, banner(page)), path
        slot = one(page, ".failed")
        assert "Not read, for the reason at the top of the page." in text(slot)
        assert slot.select_one("a[id^=try-again]")
        assert slot.select_one("code"), "the request's number"
    piece = support.htmx(DEVICE + "logs/")
    assert len(re.findall(reason, words(piece))) == 1
    assert re.search(reason, str(soup(piece).select_one("[data-announce]"))), "aloud the place says why"
    dialog = one(support.htmx(DEVICE + "rename/"), ".dialog-content")
    assert len(re.findall(reason, text(dialog))) == 1, "no banner can be seen from there"
    fresh_sandbox.clear_faults()


@pytest.mark.parametrize(
    ("stands", "sentence"),
    [
        ({"backoff": 22.4}, "The platform asks us to wait: too many requests."),
        ({"reads_retry_after": 22.4}, "The platform is not answering."),
        ({"tokens_retry_after": 22.4}, "The platform is not answering."),
        ({"writes_retry_after": 22.4}, "The platform is not taking changes."),
    ],
)
def test_a_wait_counts_down_and_states_its_end(
    support: Person, set_status: SetStatus, stands: dict[str, float], sentence: str
) -> None:
    set_status(**stands)
    page = support.get(DEVICE)
    assert sentence in banner(page)
    ends = re.findall(r"(?:wait until|again at) (\d\d:\d\d:\d\d)", words(page))
    assert len(ends) >= 2
    assert len(set(ends)) == 1, "every place of the page names the same end"
    count = one(page, "#platform-banner [data-countdown]")
    assert count["data-countdown"] == "23"
    assert "You can try again at" in text(count)
    assert count.select_one(".script-only[aria-hidden=true] progress"), "nobody is told every second"
    assert one(page, "#platform-banner [data-retry] a")["href"] == DEVICE
    assert not soup(page).select_one("a#action-rename[hx-get]")


@pytest.mark.parametrize(("stands", "status"), [({"backoff": 22.4}, 429), ({"reads_retry_after": 22.4}, 503)])
def test_an_undo_refused_during_a_wait_has_retry_after(
    admin: Person, set_status: SetStatus, stands: dict[str, float], status: int
) -> None:
    entry = entries.entry(before="Cold room 14", after="Cold room 15")
    set_status(**stands)
    for send in (admin.post, admin.htmx):
        answer = send(f"/audit/{entry.pk}/undo/", {"idempotency_key": "1"})
        assert (answer.status_code, answer.get("Retry-After")) == (status, "23")
        assert "Nothing was changed." in words(answer)
    assert "Retry-After" not in admin.get(f"/audit/{entry.pk}/undo/"), "the page itself is there"


def test_a_form_submitted_while_changes_are_disabled_is_saved_and_not_sent(
    support: Person, fresh_sandbox: SandboxServer, set_status: SetStatus
) -> None:
    form = one(support.get(DEVICE + "rename/"), "main form[action$='rename/']")
    fields = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[name]")}
    fresh_sandbox.clear_requests()
    set_status(writes_retry_after=8.0)
    ours = {"Sec-Fetch-Site": "same-origin"}
    answer = support.post(DEVICE + "rename/", fields | {"name": "Kept for later"}, headers=ours)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "8"
    assert "Nothing was changed." in words(answer)
    assert fresh_sandbox.requests() == []
    set_status()
    again = one(support.get(DEVICE + "rename/"), "main input[name=name]")
    assert again["value"] == "Kept for later"


def test_the_portals_own_pages_need_no_platform(admin: Person, platform_down: Any) -> None:
    with platform_down():
        for path in ("/audit/", "/audit/?mine=on", "/preferences/", "/about/"):
            assert admin.get(path).status_code == 200, path


def test_the_status_is_read_once_a_request(support: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that ends while the page is made does not take away the banner that disabled its actions."""
    statuses = iter([PlatformStatus(backoff=0.1), PlatformStatus()])
    monkeypatch.setattr(Gateway, "platform_status", lambda self: next(statuses))
    page = support.get(DEVICE)
    assert "asks us to wait" in banner(page)
    assert not soup(page).select("#actions form, a#action-rename[hx-get]")
    assert list(statuses) == [PlatformStatus()]


def test_a_device_sent_twice_is_shown_once_with_a_notice(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "twist", twist="twice")
    page = support.get("/devices/?size=20")
    rows = [link["href"] for link in soup(page).select("th.col-name a")]
    assert len(rows) == len(set(rows)) > 0
    assert "more than once" in words(page)
