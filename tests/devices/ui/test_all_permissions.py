"""Roles x actions x devices: the API allows what the portal offers to a person, and refuses what it disables.

The portal's pages are compared with the sandbox, called directly with that person's own token.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse

from devices.audit.log import ChangeIntent
from devices.changes.kinds import ChangeKind, Place, kinds
from devices.gateway.client import Gateway
from devices.gateway.errors import GatewayError
from devices.gateway.transport import Transport
from tests.devices import fleet
from tests.devices.conftest import Person, SignIn
from tests.devices.device_page import tabs
from tests.html import one, soup
from tests.servers import SandboxServer

ROLES = ("admin", "support", "viewer", "owner", "installer", "guest", "north")
NORTHS, DEPOTS, INSTALLERS = 101, 102, 10
DEVICES = {
    "of ana": fleet.RICH,
    "of owner@": fleet.MINE,
    "of installer@": INSTALLERS,
    "of nobody": fleet.NO_OWNER,
    "in a sub-organization": NORTHS,
    "in another sub-organization": DEPOTS,
    "of another company": fleet.OUT_OF_REACH,
}

Call = Callable[[SandboxServer, str, int], int]


def get(path: str) -> Call:
    return lambda platform, role, device: platform.get(path, role, deviceId=device).status_code


def post(path: str, **body: object) -> Call:
    return lambda platform, role, device: (
        platform.call("POST", path, role, json={"deviceId": device, **body}).status_code
    )


def example_of(kind: ChangeKind) -> Call:
    """The kind's own call, with its example."""

    def call(platform: SandboxServer, role: str, device: int) -> int:
        gateway = Gateway(Transport(platform.url), lambda rejected: platform.token(role))
        target, after = kind.example.target, kind.example.after
        try:
            kind.send(gateway, ChangeIntent(operation=kind.operation, device_id=device, target=target, after=after))
        except GatewayError as error:
            return error.api_status or 500
        return 200

    return call


def me(platform: SandboxServer, role: str) -> int:
    user_id: int = platform.get("/user/profile", role).json()["id"]
    return user_id


ANA = 11


def transfer(platform: SandboxServer, role: str, device: int) -> int:
    """To oneself, or to somebody else where one is the owner already."""
    mine = me(platform, role)
    owner = platform.get("/device/baseInfo", "admin", deviceId=device).json().get("ownerUserId")
    return post("/device/transfer/to-owner", newOwnerUserId=ANA if owner == mine else mine)(platform, role, device)


def trigger(platform: SandboxServer, role: str, device: int) -> int:
    template = platform.get("/device/baseInfo", "admin", deviceId=device).json().get("templateId")
    events = platform.get("/template/events", "admin", templateId=template).json() if template else []
    code = next((event["eventCode"] for event in events if event.get("eventCode")), "none")
    return post("/device/trigger-event", eventCode=code)(platform, role, device)


def move(platform: SandboxServer, role: str, device: int) -> int:
    """To wherever the device is not: the same organization is refused for a reason of its own."""
    here = platform.get("/device/baseInfo", "admin", deviceId=device).json().get("orgId")
    reach = platform.get("/sub-organizations", role)
    orgs = [org["id"] for org in reach.json()["content"]] if reach.status_code == 200 else []
    orgs.append(platform.get("/profile", role).json()["id"])
    there = next((org for org in orgs if org != here), 1)
    return post("/device/transfer/to-organization", newOrgId=there)(platform, role, device)


SPECIAL = {"trigger_event": trigger, "transfer_to_owner": transfer, "transfer_to_organization": move}
"""What depends on the device and on who asks."""
ACTIONS = {
    kind.name: SPECIAL.get(kind.operation) or example_of(kind) for kind in kinds() if Place.ACTIONS in kind.shown
}
ELSEWHERE = [kind for kind in kinds() if Place.ACTIONS not in kind.shown and kind.about_device]
"""Changes that are offered beside what they are about."""
TABS: dict[str, Call] = {tab.rstrip("/"): get(call) for tab, call in tabs.CALLS.items() if tab}


def allowed(status: int) -> bool:
    """400 is about the input, which somebody without the right is not even asked for."""
    return status not in (403, 404)


def offered(person: Person, device: int) -> dict[str, tuple[bool, str]] | None:
    """Each action and tab: whether the page offers it, and the words beside it. None where there is no page."""
    page = person.get(f"/devices/{device}/")
    if page.status_code in (403, 404):
        return None
    assert page.status_code == 200
    tree = soup(page)
    found: dict[str, tuple[bool, str]] = {}
    for name in ACTIONS:
        control = one(page, f"#choose-{name}")
        why = tree.select_one(f"#choose-{name}-why")
        found[name] = (control.get("aria-disabled") != "true", why.get_text(" ", strip=True) if why else "")
    for name in TABS:
        tab = one(page, f'.tabs a[href="/devices/{device}/{name}/"]')
        found[name] = (tab.select_one('[aria-label="Locked:"]') is None, "")
    return found


@pytest.mark.parametrize("where", DEVICES)
@pytest.mark.parametrize("role", ROLES)
def test_offered_actions_are_allowed_and_disabled_ones_refused(
    sign_in: SignIn, fresh_sandbox: SandboxServer, role: str, where: str
) -> None:
    device = DEVICES[where]
    offers = offered(sign_in(role), device)
    wrong = []
    for name, call in (ACTIONS | TABS).items():
        status = call(fresh_sandbox, role, device)
        if name in ACTIONS and status in (200, 204):
            fresh_sandbox.reset()
        if offers is None:
            if allowed(status):
                wrong.append(f"{name}: there is no page, and the API answers {status}")
            continue
        open_here, why = offers[name]
        if open_here and not allowed(status):
            wrong.append(f"{name}: offered, and the API answers {status}")
        if not open_here and allowed(status) and "no owner" not in why:
            wrong.append(f"{name}: blocked ({why}), and the API answers {status}")
        if not open_here and name in ACTIONS and not why:
            wrong.append(f"{name}: blocked without a reason")
    assert wrong == []


LISTS: dict[str, tuple[str, Callable[[SandboxServer, str], int]]] = {
    "/devices/": ("Devices", lambda platform, role: platform.get("/devices", role).status_code),
    "/devices/recent/": ("Recent", lambda platform, role: platform.get("/device/last-activated", role).status_code),
}


@pytest.mark.parametrize("role", ROLES)
def test_no_link_of_the_bar_is_refused(sign_in: SignIn, platform: SandboxServer, role: str) -> None:
    person = sign_in(role)
    landing = person.get("/", follow=True)
    if role == "guest":
        assert landing.status_code == 403, "a role without any right to see devices is told so"
        return
    assert landing.status_code == 200
    links = [str(link["href"]) for link in soup(landing).select(".bar-nav a")]
    assert links
    for link in links:
        assert person.get(link).status_code == 200, link
    for path, (_, call) in LISTS.items():
        assert (path in links) == (call(platform, role) == 200), path


@pytest.mark.parametrize("role", ROLES)
def test_new_device_is_offered_to_those_who_may_create_one(
    sign_in: SignIn, fresh_sandbox: SandboxServer, role: str
) -> None:
    person = sign_in(role)
    page = person.get("/devices/new/")
    template = fresh_sandbox.get("/templates", "admin").json()["content"][0]["templateIds"][0]
    made = fresh_sandbox.call("POST", "/device/create", role, json={"templateId": template, "name": "Renamed"})
    assert (page.status_code == 200) == allowed(made.status_code), (page.status_code, made.status_code)


@pytest.mark.parametrize("kind", ELSEWHERE, ids=lambda kind: kind.name)
@pytest.mark.parametrize("role", ROLES)
def test_changes_offered_elsewhere_are_allowed_to_the_same_people(
    sign_in: SignIn, fresh_sandbox: SandboxServer, role: str, kind: ChangeKind
) -> None:
    """The form opens for those whom the API allows the change, and a denial names the permission."""
    device = kind.example.device or fleet.RICH
    args = [device, kind.example.target] if kind.example.target else [device]
    page = sign_in(role).get(reverse(kind.url_name, args=args))
    status = example_of(kind)(fresh_sandbox, role, device)
    assert (page.status_code == 200) == allowed(status), (page.status_code, status)
    if page.status_code == 403:
        assert soup(page).select("main code"), "the permission that is missing"


@pytest.mark.parametrize("where", ["of ana", "of owner@", "of installer@"])
@pytest.mark.parametrize("role", ROLES)
def test_metafields_are_editable_for_those_who_may_set_them(
    sign_in: SignIn, fresh_sandbox: SandboxServer, role: str, where: str
) -> None:
    device = DEVICES[where]
    page = sign_in(role).get(f"/devices/{device}/metafields/")
    fields = fresh_sandbox.get("/device/metafield", "admin", deviceId=device).json()
    text = next(f for f in fields if (f.get("value") or {}).get("type") == "Text")
    body = {"deviceId": device, "metaFieldId": text["id"], "newValue": "changed"}
    status = fresh_sandbox.call("POST", "/device/metafield", role, json=body).status_code
    assert bool(soup(page).select("a.action")) == allowed(status), status
