"""A panel of a device's page fails alone: it shows the error and a retry, the rest of the page stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from devices.gateway.timeouts import Timeouts
from portal.platform import transport
from tests.devices import fleet
from tests.devices.conftest import Person
from tests.devices.device_page import tabs
from tests.html import one, soup, text, words
from tests.servers import SandboxServer

DEVICE = f"/devices/{fleet.RICH}/"
NAME = "Cold room 14 - door's sensor"
TITLES = tabs.LABELS | {"": "Values"}
FAULTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "500": ({"kind": "status"}, 502, "The platform reported an internal error."),
    "html": ({"kind": "html", "status": 200}, 502, "The platform's answer could not be read."),
    "cut": ({"kind": "cut"}, 502, "The platform's answer could not be read."),
    "slow": ({"kind": "delay", "delay": 3.5}, 504, "The platform did not answer in time."),
}


@pytest.fixture
def impatient(platform: SandboxServer, settings: Any) -> Iterator[None]:
    """A portal that waits two seconds at most."""
    settings.PLATFORM_API_TIMEOUTS = Timeouts(connect=2.0, read=2.0, call=2.0, page=10.0)
    transport.cache_clear()
    yield
    transport.cache_clear()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("tab", "fault"), [*((tab, "500") for tab in tabs.CALLS), ("tags/", "html"), ("logs/", "cut"), ("", "slow")]
)
def test_a_failed_tab_leaves_the_rest_of_the_page(
    support: Person, fresh_sandbox: SandboxServer, tab: str, fault: str
) -> None:
    kind, status, sentence = FAULTS[fault]
    path, title = tabs.CALLS[tab], TITLES[tab]
    fresh_sandbox.fault(path, **kind)
    page = support.get(DEVICE + tab)
    assert page.status_code == status
    tree = soup(page)
    assert one(page, "h1").get_text() == NAME
    assert "ana.lund@example.org" in one(tree, ".facts").get_text()
    assert tree.select_one(".tabs [aria-current]")
    assert tree.select_one("#online .word")
    assert tree.select_one("#action-rename"), "what can be done can still be done"
    for panel in (one(page, "#panel"), soup(support.htmx(DEVICE + tab))):
        for part in (title, sentence, "Request"):
            assert part in text(panel)
        again = one(panel, "#try-again")
        assert (again["href"], again["hx-get"], again["hx-target"]) == (DEVICE + tab, DEVICE + tab, "#panel")
        assert "upstream" not in text(panel)
    assert support.htmx(DEVICE + tab).status_code == status
    fresh_sandbox.clear_faults()
    healed = support.htmx(DEVICE + tab)
    assert healed.status_code == 200
    assert sentence not in words(healed)


def test_without_base_info_try_again_loads_the_whole_page(support: Person, fresh_sandbox: SandboxServer) -> None:
    """Otherwise the values would return below a heading with only the id."""
    fresh_sandbox.fault("/device*", "status")
    again = one(support.get(DEVICE), "#panel #try-again")
    assert again["href"] == DEVICE
    assert "hx-get" not in again.attrs


def test_without_values_the_base_info_gives_connection_and_actions(
    support: Person, fresh_sandbox: SandboxServer
) -> None:
    fresh_sandbox.fault("/device", "status")
    for ask in (support.get, support.htmx):
        tree = soup(ask(DEVICE))
        assert tree.select_one("#actions #choose-rename")
        assert "Firmware updated" in tree.get_text()


def test_without_base_info_a_tab_is_shown_under_the_id(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/baseInfo", "status")
    page = support.get(DEVICE + "timeline/")
    assert page.status_code == 200, "the tab itself was read"
    tree = soup(page)
    assert one(page, "h1").get_text() == "Device 1"
    assert tree.select(".table-events tbody tr")
    assert "could not be read, so nothing can be changed" in words(page)
    assert len(tree.select(".tabs a")) == len(tabs.EVERY)
    assert not tree.select("#action-rename")


@pytest.mark.parametrize("path", ["/device/online", "/users", "/templates"])
def test_failed_side_reads_do_not_change_the_status(support: Person, fresh_sandbox: SandboxServer, path: str) -> None:
    fresh_sandbox.fault(path, "status")
    page = support.get(DEVICE + "tags/")
    assert page.status_code == 200
    assert soup(page).h1


def test_the_reads_of_a_page_run_in_parallel(support: Person, fresh_sandbox: SandboxServer) -> None:
    """One after the other these three would take three seconds."""
    for path in ("/device/timeline", "/device/baseInfo", "/device/online"):
        fresh_sandbox.fault(path, "delay", delay=1)
    assert support.get(DEVICE + "timeline/").status_code == 200
    begun = [entry["started"] for entry in fresh_sandbox.requests() if entry["path"].endswith(("line", "baseInfo"))]
    assert max(begun) - min(begun) < 900


def test_a_failed_token_refresh_does_not_end_the_session(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.expire_tokens()
    fresh_sandbox.fault("/oauth2/token", "status")
    page = support.get(DEVICE + "tags/")
    assert page.status_code == 502
    assert "The platform reported an internal error." in words(page)
    fresh_sandbox.clear_faults()
    assert support.get(DEVICE + "tags/").status_code == 200
