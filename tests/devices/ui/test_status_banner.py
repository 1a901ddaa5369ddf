"""What pages say of the platform: old answers with their age, waits that count down, nothing open to change."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from bs4 import Tag

from devices.core import requests
from devices.core.formatting import Clock
from devices.gateway.client import Gateway
from devices.gateway.resilience.policy import PlatformStatus
from devices.gateway.response_cache import Stale
from tests.devices import fleet
from tests.devices.audit import entries
from tests.devices.conftest import Person, soup, words
from tests.devices.device_page import tabs
from tests.servers import SandboxServer

DEVICE = f"/devices/{fleet.RICH}/"
Stand = Callable[..., None]


@pytest.fixture
def condition(monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Makes the platform stand so, as far as the portal knows."""

    def stand(**seconds: float) -> None:
        monkeypatch.setattr(Gateway, "platform_status", lambda self: PlatformStatus(**seconds))

    return stand


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes answers of these operations old ones, read an hour ago; gives the words for that time."""

    def make(*operations: str) -> str:
        read_at = time.time() - 3600
        begin = Gateway.__init__

        def with_old(self: Gateway, *args: Any, **kwargs: Any) -> None:
            begin(self, *args, **kwargs)
            self.stale.extend(Stale(operation, read_at) for operation in operations)

        monkeypatch.setattr(Gateway, "__init__", with_old)
        return Clock("Europe/Oslo", time.time()).at(read_at)

    return make


def banner(response: Any) -> Tag:
    found = soup(response).select_one("#platform-banner")
    assert found is not None
    return found


def said(tag: Tag) -> str:
    return " ".join(tag.get_text(" ").split())


def test_while_all_is_well_no_page_speaks_of_it(support: Person) -> None:
    assert not said(banner(support.get(DEVICE)))
    assert "platform-banner" not in support.htmx(DEVICE).content.decode()


def test_an_old_device_tells_its_age_and_offers_no_change(support: Person, old: Any) -> None:
    stamp = old("get_device", "get_online")
    page = support.get(DEVICE)
    assert page.status_code == 200
    assert f"As of {stamp} – the platform cannot be reached." in said(banner(page))
    tree = soup(page)
    assert tree.select_one("[data-old~=panel][data-old~=heading]")
    assert "Was online" in said(tree.select_one("#online") or pytest.fail("no state"))
    assert f"read {stamp}" in words(page)
    for action in tree.select(".choices li, .head .actions"):
        assert not action.select("form, a[hx-get]"), action
    reason = tree.select_one("#platform-banner #platform-banner-text")
    assert reason is not None
    assert "nothing can be changed from this page" in said(reason)
    assert words(page).count("nothing can be changed") == 1, "once, for all of them"
    closed = {button["id"]: button["aria-describedby"] for button in tree.select("#actions [aria-disabled=true]")}
    lacking = {name for name, by in closed.items() if by != "platform-banner-text"}
    assert lacking == {"choose-trigger-event", "choose-clear", "choose-delete"}, "a permission is named in its place"
    assert len(closed) == len(tree.select("#actions .choices > li"))


def test_with_the_platform_gone_the_last_answers_stand_with_their_age(
    support: Person, fresh_sandbox: SandboxServer
) -> None:
    seen = {path: support.get(path) for path in ("/devices/", DEVICE, DEVICE + "logs/")}
    fresh_sandbox.fault("*", "drop")
    for path, before in seen.items():
        page = support.get(path)
        assert page.status_code == 200, path
        top = banner(page)
        assert re.search(r"As of \d\d:\d\d:\d\d UTC\+[12] – the platform cannot be reached\.", said(top)), path
        assert soup(page).h1 == soup(before).h1
        assert soup(page).select_one("#results table, #panel table")
        assert not soup(page).select_one(
            'a#action-rename, a[href="/devices/new/"], main a.button[href*="transfer"], #actions form'
        )
    fresh_sandbox.clear_faults()


def test_an_old_tab_leaves_a_device_that_was_just_read_open_to_changes(support: Person, old: Any) -> None:
    stamp = old("list_timeline")
    page = support.get(DEVICE + "timeline/")
    assert f"As of {stamp}" in said(banner(page))
    assert soup(page).select_one("[data-old=panel]")
    assert soup(page).select_one("a#action-rename[hx-get]")


@pytest.mark.parametrize("tab", tabs.EVERY)
def test_all_stamps_of_a_page_are_of_one_clock(support: Person, monkeypatch: pytest.MonkeyPatch, tab: str) -> None:
    hurried = itertools.count(time.time(), 7)
    monkeypatch.setattr(requests, "wall", lambda: next(hurried))
    stamps = re.findall(r"(?:read|checked|on [^,]*,) (\d\d:\d\d:\d\d UTC[+−]?[\d:]*)", words(support.get(DEVICE + tab)))
    assert len(stamps) >= 3, "the state, the panel, and the foot of a printed page"
    assert len(set(stamps)) == 1


def test_old_names_are_no_news(support: Person, old: Any) -> None:
    old("list_users", "list_templates")
    assert not said(banner(support.get(DEVICE)))


def test_an_old_list_tells_its_age_and_offers_no_new_device(admin: Person, old: Any) -> None:
    assert soup(admin.get("/devices/")).select_one('a[href="/devices/new/"]')
    stamp = old("list_devices")
    page = admin.get("/devices/")
    assert f"As of {stamp}" in said(banner(page))
    assert f"read {stamp}" in words(page)
    assert not soup(page).select_one('a[href="/devices/new/"]')
    assert not soup(page).select_one('[data-path="rename/"]')


def test_a_piece_for_htmx_brings_the_banner_of_its_page_along(support: Person, old: Any) -> None:
    stamp = old("list_logs")
    beside = banner(support.htmx(DEVICE + "logs/?page=2", **{"HX-Current-URL": f"https://testserver{DEVICE}"}))
    assert beside["hx-swap-oob"] == "true"
    assert beside.select_one(f'[data-retry] a[href="{DEVICE}"]'), "the page, not the piece"
    assert f"As of {stamp}" in said(beside)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "status", "status": 429, "retry_after": 20}, r"asks us to wait"),
        ({"kind": "drop"}, r"is not answering|has not been answering|cannot be reached"),
    ],
    ids=["429", "no answer"],
)
def test_a_page_gives_the_reason_once_and_its_places_refer_to_it(
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
        assert len(re.findall(reason, words(page))) == 1 + (rows is not None and bool(re.search(reason, said(rows)))), (
            path
        )
        assert re.search(reason, said(banner(page))), path
        slot = soup(page).select_one(".failed")
        assert slot is not None
        assert "Not read, for the reason at the top of the page." in said(slot)
        assert slot.select_one("a[id^=try-again]")
        assert slot.select_one("code"), "the request's number"
    piece = support.htmx(DEVICE + "logs/")
    assert len(re.findall(reason, words(piece))) == 1
    assert re.search(reason, str(soup(piece).select_one("[data-announce]"))), "aloud the place says why"
    dialog = soup(support.htmx(DEVICE + "rename/")).select_one(".dialog-content")
    assert dialog is not None
    assert len(re.findall(reason, said(dialog))) == 1, "no banner can be seen from there"
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
def test_a_wait_counts_down_and_says_without_script_until_when(
    support: Person, condition: Stand, stands: dict[str, float], sentence: str
) -> None:
    condition(**stands)
    page = support.get(DEVICE)
    top = banner(page)
    assert sentence in said(top)
    ends = re.findall(r"(?:wait until|again at) (\d\d:\d\d:\d\d)", words(page))
    assert len(ends) >= 2
    assert len(set(ends)) == 1, "every place of the page names the same end"
    count = top.select_one("[data-countdown]")
    assert count is not None
    assert count["data-countdown"] == "23"
    assert "You can try again at" in said(count)
    assert count.select_one(".script-only[aria-hidden=true] progress"), "nobody is told every second"
    assert top.select_one(f'[data-retry] a[href="{DEVICE}"]')
    assert not soup(page).select_one("a#action-rename[hx-get]")


@pytest.mark.parametrize(("stands", "status"), [({"backoff": 22.4}, 429), ({"reads_retry_after": 22.4}, 503)])
def test_an_undo_that_is_refused_now_says_when_to_come_again(
    admin: Person, condition: Stand, stands: dict[str, float], status: int
) -> None:
    entry = entries.entry(before="Cold room 14", after="Cold room 15")
    condition(**stands)
    for send in (admin.post, admin.htmx):
        answer = send(f"/audit/{entry.pk}/undo/", {"idempotency_key": "1"})
        assert (answer.status_code, answer.get("Retry-After")) == (status, "23")
        assert "Nothing was changed." in words(answer)
    assert "Retry-After" not in admin.get(f"/audit/{entry.pk}/undo/"), "the page itself is there"


def test_a_form_is_kept_and_nothing_sent_while_no_change_is_sent_on(
    support: Person, fresh_sandbox: SandboxServer, condition: Stand
) -> None:
    form = soup(support.get(DEVICE + "rename/")).select_one("main form[action$='rename/']")
    assert form is not None
    fields = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[name]")}
    fresh_sandbox.clear_requests()
    condition(writes_retry_after=8.0)
    ours = {"Sec-Fetch-Site": "same-origin"}
    answer = support.post(DEVICE + "rename/", fields | {"name": "Kept for later"}, headers=ours)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "8"
    assert "Nothing was changed." in words(answer)
    assert fresh_sandbox.requests() == []
    condition()
    again = soup(support.get(DEVICE + "rename/")).select_one("main input[name=name]")
    assert again is not None
    assert again["value"] == "Kept for later"


@pytest.mark.parametrize("path", ["/audit/", "/audit/?mine=on", "/preferences/", "/about/"])
def test_what_is_the_portals_own_needs_no_platform(admin: Person, platform_down: Any, path: str) -> None:
    with platform_down():
        assert admin.get(path).status_code == 200


def test_a_device_sent_twice_is_shown_once_and_that_is_said(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/devices", "twist", twist="twice")
    page = support.get("/devices/?size=20")
    rows = [link["href"] for link in soup(page).select("th.col-name a")]
    assert len(rows) == len(set(rows)) > 0
    assert "more than once" in words(page)
