"""Two people, every address, each with the ids of the other: nothing of the other's is shown, nothing is changed."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from devices.receipts.models import ReceiptDraft
from tests.devices import fleet
from tests.portal.addresses import ALL, HTMX, KNOWN, Address, make_draft, make_entry, make_receipt
from tests.portal.conftest import Browser, words
from tests.servers import SandboxServer

SignedIn = Callable[..., Browser]
NEIGHBOUR = "brightwater@example.net"
"""Administrator of another company on the same platform."""


class Pair(NamedTuple):
    """`who` asks for `devices`, which `whose` may see and `who` may not."""

    who: str
    whose: str
    devices: tuple[int, ...]


PAIRS = [
    Pair("admin", NEIGHBOUR, (104, 111)),
    Pair(NEIGHBOUR, "admin", (fleet.RICH, fleet.NO_OWNER, 101)),
    Pair("owner", "installer", (10, 24)),
    Pair("installer", "owner", (fleet.MINE, 14)),
    Pair("owner", "admin", (fleet.RICH, fleet.NO_OWNER)),
    Pair("north", "admin", (fleet.RICH, 102)),
    Pair("guest", "admin", (fleet.RICH,)),
]
each_pair = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.who}-{pair.whose}")
OWNERS = {
    fleet.RICH: ("Ana Lund", "ana.lund@example.org"),
    fleet.MINE: ("Olav Berg", "owner@example.com"),
    10: ("Ines Mora", "installer@example.com"),
    101: ("Siri Hauge", "siri.hauge@example.org"),
    102: ("Jana Schulz", "jana.schulz@example.org"),
    104: ("Ted Small", "tenant@example.net"),
    111: ("Ted Small", "tenant@example.net"),
}
NOTHING_OF_THE_DEVICE = {"devices:device-online", "devices:device-reveal-token"}
"""Fragments that are there for any id: "could not ask", and a masked token. They are held against the canaries."""
DELETED = "devices:device-delete"
"""What is not there counts as deleted already: the form leads back to the list, and the page says so."""
COVERED = {"device_id", "metafield_id", "entry_id", "draft_id"}
OF_AN_ENTRY = [address for address in KNOWN if address.arguments == ("entry_id",)]
OF_A_DRAFT = [address for address in KNOWN if "draft_id" in address.arguments]
OF_A_DEVICE = [address for address in KNOWN if "device_id" in address.arguments]
OPEN = [address for address in KNOWN if not address.arguments and address.name not in {"sign-in", "sign-out"}]


def held(platform: SandboxServer, user: str, device: int) -> dict[str, Any]:
    answer = platform.get("/device", user, deviceId=device)
    assert answer.status_code == 200, f"{user} may see {device}"
    found: dict[str, Any] = answer.json()
    return found


def canaries(device: dict[str, Any]) -> set[str]:
    """What gives a device away: not its id, which whoever asks knows already."""
    found = {str(device[name]) for name in ("name", "token", "ip") if device.get(name)}
    return found | set(OWNERS.get(device["id"], ()))


def body(response: Any) -> str:
    """The whole answer, also of one that is sent in pieces, which can be taken once only."""
    if not hasattr(response, "walked"):
        response.walked = response.getvalue().decode()
    return str(response.walked)


def shown(response: Any, of: set[str]) -> set[str]:
    """Those of the canaries that stand in the answer, escaped or not, or in its headers."""
    said = body(response) + str(response.headers) + response.cookies.output()
    said += html.unescape(said)
    return {canary for canary in of if canary in said}


def writes_let(platform: SandboxServer) -> list[tuple[str, str, int]]:
    return [
        (entry["method"], entry["path"], entry["status"])
        for entry in platform.requests()
        if entry["method"] != "GET" and entry["path"].startswith("/api/") and entry["status"] < 400
    ]


def test_whatever_an_address_names_has_its_case_here() -> None:
    named = {argument for address in ALL for argument in address.arguments}
    assert named == COVERED, "add a case with the ids of somebody else for the new arguments, and name them in COVERED"


@each_pair
def test_no_address_of_somebody_elses_device_shows_or_changes_it(
    signed_in: SignedIn, platform: SandboxServer, pair: Pair
) -> None:
    """After its owner has looked at it: what they were shown is in no cache that others read."""
    other, person = signed_in(pair.whose), signed_in(pair.who)
    for device in pair.devices:
        before = held(platform, pair.whose, device)
        fields = platform.get("/device/metafield", pair.whose, deviceId=device).json()
        secret = canaries(before)
        assert len(secret) >= 2
        assert other.get(f"/devices/{device}/").status_code == 200
        ids: dict[str, int | str] = {"device_id": device, "metafield_id": fields[0]["id"] if fields else 1}
        for address in OF_A_DEVICE:
            other.get(address.path(**ids))
            platform.clear_requests()
            for headers in ({}, HTMX):
                look = person.get(address.path(**ids), headers=headers)
                empty = headers and address.name in NOTHING_OF_THE_DEVICE
                assert look.status_code in ({200, 403, 404} if empty else {403, 404}), address.name
                assert shown(look, secret) == set(), address.name
                form = {"name": "Walked by", "owner": "4", "org_id": "1", "code": "door_open", "value": "1"}
                form |= {"confirm": before["name"], "reason": "walk"}
                sent = person.post(address.path(**ids), form, headers=headers)
                gone = {sent.get("Location"), sent.get("HX-Redirect")} & {"/devices/"}
                assert sent.status_code in {403, 404, 405} or (gone and address.name == DELETED), address.name
                assert shown(sent, secret - {before["name"]}) == set(), address.name
            assert writes_let(platform) == [], address.name
        assert held(platform, pair.whose, device) == before


def queries_for(device: dict[str, Any]) -> list[dict[str, str]]:
    """Whatever of it can be asked for by name, first all together, then each alone."""
    email = OWNERS.get(device["id"], ("", "tenant@example.net"))[1]
    together = {"q": device["name"], "org": str(device["orgId"]), "email": email, "sub_orgs": "on", "minutes": "60"}
    return [together, {"q": str(device["id"])}, {"org": together["org"]}, {"email": email}]


@each_pair
def test_no_list_search_or_picker_shows_it(signed_in: SignedIn, platform: SandboxServer, pair: Pair) -> None:
    """Whatever of the other's is asked for by name: device, owner, organization. Each answer is held against all the
    devices of the pair; an address that reads nothing of its query is asked for each device's once, and for all
    together."""
    signed_in(pair.whose).get("/devices/")
    person = signed_in(pair.who)
    held_by_other = [held(platform, pair.whose, device) for device in pair.devices]

    def look(address: Address, query: dict[str, str], headers: dict[str, str]) -> bool:
        """Whether anything of the query was read."""
        response = person.get(address.path(), query, headers=headers)
        for device in held_by_other:
            assert f"/devices/{device['id']}/" not in body(response), (address.name, query)
            assert shown(response, canaries(device) - set(query.values())) == set(), (address.name, query)
        return "GET" in vars(response.wsgi_request)

    for address in OPEN:
        done: list[dict[str, str]] = []
        for headers in ({}, HTMX):
            look(address, {}, headers)
        for device in held_by_other:
            together, *alone = queries_for(device)
            read = [look(address, together, headers) for headers in ({}, HTMX)]
            for query in alone if any(read) else ():
                if query not in done:
                    done.append(query)
                    for headers in ({}, HTMX):
                        look(address, query, headers)


@pytest.mark.parametrize(
    ("who", "whose", "device"),
    [("admin", NEIGHBOUR, 104), (NEIGHBOUR, "admin", fleet.NO_OWNER), ("support", "admin", fleet.NO_OWNER)],
    ids=["admin-neighbour", "neighbour-admin", "support-admin"],
)
def test_no_address_of_somebody_elses_change_shows_or_undoes_it(
    signed_in: SignedIn, platform: SandboxServer, who: str, whose: str, device: int
) -> None:
    """The trail is read by its own organization, with the right to do so, and by whoever made the change."""
    other, person = signed_in(whose), signed_in(who)
    entry, receipt = make_entry(other, device), make_receipt(other, device)
    secret = {"Walked by before", whose if "@" in whose else f"{whose}@example.com"}
    before = held(platform, whose, device)
    assert OF_AN_ENTRY
    for address in OF_AN_ENTRY:
        path = address.path(entry_id=receipt if address.name == "audit:receipt" else entry)
        assert other.get(path).status_code in {200, 405}, address.name
        for headers in ({}, HTMX):
            for response in (person.get(path, headers=headers), person.post(path, {}, headers=headers)):
                assert response.status_code in {403, 404, 405}, address.name
                assert shown(response, secret) == set(), address.name
    assert held(platform, whose, device) == before


def test_nobody_else_goes_on_with_a_receipt_that_somebody_has_begun(
    signed_in: SignedIn, platform: SandboxServer
) -> None:
    """Not even somebody with every right: it holds what the person read and typed, and ends with their press."""
    person = signed_in("admin")
    draft = ReceiptDraft.objects.get(pk=make_draft(person))
    draft.form_data = draft.form_data.replace("HC-1", "HC-canary")
    draft.person_key = "user:2"
    draft.save()
    assert OF_A_DRAFT
    for address in OF_A_DRAFT:
        path = address.path(draft_id=draft.pk)
        for headers in ({}, HTMX):
            for response in (person.get(path, headers=headers), person.post(path, {}, headers=headers)):
                assert response.status_code in {403, 404, 405}, address.name
                assert shown(response, {"HC-canary"}) == set(), address.name
    assert writes_let(platform) == []
    assert ReceiptDraft.objects.filter(pk=draft.pk).exists()


def test_the_walk_sees_what_is_shown(signed_in: SignedIn, platform: SandboxServer) -> None:
    """Whoever may see the device finds each of its canaries that pages show: so the looks above are not blind."""
    device = held(platform, "admin", fleet.RICH)
    person, address = signed_in("admin"), f"/devices/{fleet.RICH}/"
    page, revealed = person.get(address), person.post(f"{address}reveal-token/")
    assert shown(page, canaries(device)) >= {device["name"], "ana.lund@example.org"}, words(page)
    assert shown(revealed, canaries(device)) >= {device["token"]}
