"""Two people, every URL, each with the ids of the other: nothing of the other's is shown, nothing is changed."""

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
    """`who` requests `devices`, which `whose` may see and `who` may not."""

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
"""Fragments that exist for any id: "could not ask", and a masked token. They are checked for canaries."""
DELETED = "devices:device-delete"
"""A missing device counts as deleted already: the form redirects to the list, which says so."""
COVERED = {"device_id", "target", "entry_id", "draft_id"}
OF_AN_ENTRY = [address for address in KNOWN if address.arguments == ("entry_id",)]
OF_A_DRAFT = [address for address in KNOWN if "draft_id" in address.arguments]
OF_A_DEVICE = [address for address in KNOWN if "device_id" in address.arguments]
OPEN = [address for address in KNOWN if not address.arguments and address.name not in {"sign-in", "sign-out"}]


def device_as_seen_by(platform: SandboxServer, user: str, device: int) -> dict[str, Any]:
    answer = platform.get("/device", user, deviceId=device)
    assert answer.status_code == 200, f"{user} may see {device}"
    found: dict[str, Any] = answer.json()
    return found


def canaries(device: dict[str, Any]) -> set[str]:
    """Texts that identify a device; not its id, which the request holds."""
    found = {str(device[name]) for name in ("name", "token", "ip") if device.get(name)}
    return found | set(OWNERS.get(device["id"], ()))


def body(response: Any) -> str:
    """The whole body; a streamed one can be read only once, so it is stored on the response."""
    if not hasattr(response, "full_body"):
        response.full_body = response.getvalue().decode()
    return str(response.full_body)


def leaked(response: Any, of: set[str]) -> set[str]:
    """The canaries in the response, escaped or not, or in its headers."""
    text = body(response) + str(response.headers) + response.cookies.output()
    text += html.unescape(text)
    return {canary for canary in of if canary in text}


def accepted_writes(platform: SandboxServer) -> list[tuple[str, str, int]]:
    return [
        (entry["method"], entry["path"], entry["status"])
        for entry in platform.requests()
        if entry["method"] != "GET" and entry["path"].startswith("/api/") and entry["status"] < 400
    ]


def test_every_url_argument_is_covered() -> None:
    named = {argument for address in ALL for argument in address.arguments}
    assert named == COVERED, "add a case with the ids of somebody else for the new arguments, and name them in COVERED"


@each_pair
def test_no_url_of_a_foreign_device_shows_or_changes_it(
    signed_in: SignedIn, platform: SandboxServer, pair: Pair
) -> None:
    """After its owner has opened it: their responses are in no cache that others read."""
    other, person = signed_in(pair.whose), signed_in(pair.who)
    for device in pair.devices:
        before = device_as_seen_by(platform, pair.whose, device)
        fields = platform.get("/device/metafield", pair.whose, deviceId=device).json()
        secret = canaries(before)
        assert len(secret) >= 2
        assert other.get(f"/devices/{device}/").status_code == 200
        ids: dict[str, int | str] = {"device_id": device, "target": fields[0]["id"] if fields else 1}
        for address in OF_A_DEVICE:
            other.get(address.path(**ids))
            platform.clear_requests()
            for headers in ({}, HTMX):
                viewed = person.get(address.path(**ids), headers=headers)
                empty = headers and address.name in NOTHING_OF_THE_DEVICE
                assert viewed.status_code in ({200, 403, 404} if empty else {403, 404}), address.name
                assert leaked(viewed, secret) == set(), address.name
                form = {"name": "All URLs", "owner": "4", "org_id": "1", "code": "door_open", "value": "1"}
                form |= {"confirm": before["name"], "reason": "all URLs"}
                sent = person.post(address.path(**ids), form, headers=headers)
                gone = {sent.get("Location"), sent.get("HX-Redirect")} & {"/devices/"}
                assert sent.status_code in {403, 404, 405} or (gone and address.name == DELETED), address.name
                assert leaked(sent, secret - {before["name"]}) == set(), address.name
            assert accepted_writes(platform) == [], address.name
        assert device_as_seen_by(platform, pair.whose, device) == before


def queries_for(device: dict[str, Any]) -> list[dict[str, str]]:
    """Queries that name the device, its owner or its organization: first all together, then each alone."""
    email = OWNERS.get(device["id"], ("", "tenant@example.net"))[1]
    together = {"q": device["name"], "org": str(device["orgId"]), "email": email, "sub_orgs": "on", "minutes": "60"}
    return [together, {"q": str(device["id"])}, {"org": together["org"]}, {"email": email}]


@each_pair
def test_no_list_search_or_picker_shows_it(signed_in: SignedIn, platform: SandboxServer, pair: Pair) -> None:
    """Each response is checked for all devices of the pair. A URL that reads no query gets only the combined ones."""
    signed_in(pair.whose).get("/devices/")
    person = signed_in(pair.who)
    foreign = [device_as_seen_by(platform, pair.whose, device) for device in pair.devices]

    def request(address: Address, query: dict[str, str], headers: dict[str, str]) -> bool:
        """Whether the view read the query."""
        response = person.get(address.path(), query, headers=headers)
        for device in foreign:
            assert f"/devices/{device['id']}/" not in body(response), (address.name, query)
            assert leaked(response, canaries(device) - set(query.values())) == set(), (address.name, query)
        return "GET" in vars(response.wsgi_request)

    for address in OPEN:
        done: list[dict[str, str]] = []
        for headers in ({}, HTMX):
            request(address, {}, headers)
        for device in foreign:
            together, *alone = queries_for(device)
            read = [request(address, together, headers) for headers in ({}, HTMX)]
            for query in alone if any(read) else ():
                if query not in done:
                    done.append(query)
                    for headers in ({}, HTMX):
                        request(address, query, headers)


@pytest.mark.parametrize(
    ("who", "whose", "device"),
    [("admin", NEIGHBOUR, 104), (NEIGHBOUR, "admin", fleet.NO_OWNER), ("support", "admin", fleet.NO_OWNER)],
    ids=["admin-neighbour", "neighbour-admin", "support-admin"],
)
def test_no_url_of_a_foreign_change_shows_or_undoes_it(
    signed_in: SignedIn, platform: SandboxServer, who: str, whose: str, device: int
) -> None:
    """The audit is read by its own organization, with the permission, and by the person who made the change."""
    other, person = signed_in(whose), signed_in(who)
    entry, receipt = make_entry(other, device), make_receipt(other, device)
    secret = {"All URLs before", whose if "@" in whose else f"{whose}@example.com"}
    before = device_as_seen_by(platform, whose, device)
    assert OF_AN_ENTRY
    for address in OF_AN_ENTRY:
        path = address.path(entry_id=receipt if address.name == "audit:receipt" else entry)
        assert other.get(path).status_code in {200, 405}, address.name
        for headers in ({}, HTMX):
            for response in (person.get(path, headers=headers), person.post(path, {}, headers=headers)):
                assert response.status_code in {403, 404, 405}, address.name
                assert leaked(response, secret) == set(), address.name
    assert device_as_seen_by(platform, whose, device) == before


def test_nobody_else_continues_a_receipt_draft(signed_in: SignedIn, platform: SandboxServer) -> None:
    """Not even an administrator: it holds what the person read and typed, and ends with their confirmation."""
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
                assert leaked(response, {"HC-canary"}) == set(), address.name
    assert accepted_writes(platform) == []
    assert ReceiptDraft.objects.filter(pk=draft.pk).exists()


def test_the_canaries_are_found_where_they_are_shown(signed_in: SignedIn, platform: SandboxServer) -> None:
    """A person who may see the device finds its canaries, so the searches above are not blind."""
    device = device_as_seen_by(platform, "admin", fleet.RICH)
    person, address = signed_in("admin"), f"/devices/{fleet.RICH}/"
    page, revealed = person.get(address), person.post(f"{address}reveal-token/")
    assert leaked(page, canaries(device)) >= {device["name"], "ana.lund@example.org"}, words(page)
    assert leaked(revealed, canaries(device)) >= {device["token"]}
