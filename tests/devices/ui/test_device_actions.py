"""The actions on a device's overview: all are listed, and a disabled one gives its reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.devices import fleet
from tests.devices.changes.forms import CHANGES
from tests.devices.conftest import Person, SignIn
from tests.html import one, soup, text
from tests.servers import SandboxServer

NAMES = ["rename", *(change.page for change in CHANGES), "reveal-token"]
INSTALLERS = 10
DIALOGS = {"rename", "remove-owner", "trigger-event"}


def blocked(page: Any) -> dict[str, str]:
    """The actions that cannot be pressed, each with the reason beside it."""
    found = {}
    for button in soup(page).select("#actions [aria-disabled=true]"):
        why = one(page, f"#{button['aria-describedby']}")
        found[str(button["id"]).removeprefix("choose-")] = text(why)
    return found


def open_ones(page: Any, device: int) -> set[str]:
    """The actions that lead somewhere, by the address they lead to."""
    panel = one(page, "#actions")
    links = [str(a["href"]) for a in panel.select("a.button")] + [str(f["action"]) for f in panel.select("form")]
    return {link.removeprefix(f"/devices/{device}/").rstrip("/") for link in links}


def test_an_admin_has_every_action(admin: Person) -> None:
    for page in (admin.get(f"/devices/{fleet.RICH}/"), admin.htmx(f"/devices/{fleet.RICH}/")):
        assert open_ones(page, fleet.RICH) == set(NAMES)
        assert blocked(page) == {}


def test_short_forms_open_in_a_dialog_and_others_on_a_page(admin: Person) -> None:
    page = admin.get(f"/devices/{fleet.RICH}/")
    for name in NAMES:
        control = one(page, f"#choose-{name}")
        if name != "reveal-token":
            assert (control.get("hx-target") == "#dialog") is (name in DIALOGS)


def test_each_disabled_action_names_the_missing_permissions(viewer: Person) -> None:
    page = viewer.get(f"/devices/{fleet.RICH}/")
    needs = {
        "rename": ["ORG_DEVICES_EDIT"],
        "remove-owner": ["ORG_DEVICES_EDIT"],
        "trigger-event": ["ORG_DEVICES_CONTROL"],
        "transfer-to-owner": ["TRANSFER_DEVICE"],
        "transfer-to-organization": ["TRANSFER_DEVICE", "ORG_VIEW"],
        "clear": ["ORG_DEVICE_DATA_DELETE"],
        "delete": ["ORG_DEVICES_DELETE"],
    }
    reasons = blocked(page)
    assert set(reasons) == set(needs)
    for name, permissions in needs.items():
        for permission in permissions:
            assert permission in reasons[name]
    assert open_ones(page, fleet.RICH) == {"reveal-token"}
    assert soup(page).select_one(f"#choose-delete-why a[href='/devices/{fleet.RICH}/delete/']")


def test_support_may_change_but_not_destroy(support: Person) -> None:
    assert set(blocked(support.get(f"/devices/{fleet.RICH}/"))) == {"trigger-event", "clear", "delete"}


def test_remove_owner_is_disabled_without_an_owner(admin: Person, viewer: Person) -> None:
    for person in (admin, viewer):
        page = person.get(f"/devices/{fleet.NO_OWNER}/")
        assert blocked(page)["remove-owner"] == "This device has no owner to remove."
        assert not soup(page).select("#choose-remove-owner-why a")


def test_an_owner_without_access_to_users_cannot_transfer_to_others(sign_in: SignIn) -> None:
    page = sign_in("installer").get(f"/devices/{INSTALLERS}/")
    reasons = blocked(page)
    assert "ORG_VIEW_USERS" in reasons["transfer-to-owner"]
    assert "its new owner would be somebody else" in reasons["transfer-to-owner"]
    assert "ORG_VIEW" in reasons["transfer-to-organization"]
    assert {"rename", "remove-owner", "trigger-event", "reveal-token"} <= open_ones(page, INSTALLERS)


def test_the_heading_links_to_the_actions_from_every_tab(viewer: Person) -> None:
    for tab in ("", "timeline/", "metafields/"):
        page = viewer.get(f"/devices/{fleet.RICH}/{tab}")
        assert soup(page).select_one(f".head a[href='/devices/{fleet.RICH}/#actions']")


@pytest.mark.parametrize(
    ("person", "device"),
    [
        *(("admin", fleet.RICH), ("support", fleet.NO_OWNER), ("viewer", fleet.RICH)),
        *(("owner", fleet.MINE), ("owner", fleet.RICH), ("installer", INSTALLERS)),
    ],
)
def test_every_action_is_listed_and_its_page_agrees(
    sign_in: SignIn, platform: SandboxServer, person: str, device: int
) -> None:
    somebody = sign_in(person)
    page = somebody.get(f"/devices/{device}/")
    if (person, device) == ("owner", fleet.RICH):
        assert page.status_code == 403
        return
    closed, opened = set(blocked(page)), open_ones(page, device)
    assert closed | opened == set(NAMES)
    assert not closed & opened
    for name in opened:
        assert somebody.get(f"/devices/{device}/{name}/").status_code == 200
