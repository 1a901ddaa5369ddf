"""Transfers and the removing of an owner under the trail: sent once, proven, written down, never over unseen ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.db import connection

from devices.audit.log import entry_state
from devices.audit.models import AuditEntry
from devices.changes.models import DeviceLock
from portal.platform import transport
from tests.devices import fleet
from tests.devices.changes.forms import ANA, JONAS, NAME, filled, held, lines, writes
from tests.devices.conftest import Person, SignIn, soup, words
from tests.servers import SandboxServer

MEI = 13
HOSTILE = '<img src=x onerror="alert(1)">\u202e"; DROP \U0001f512'

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


class Move(NamedTuple):
    """`form`: the address of the page that is sent; `wire`: method and path of the call; before, after: ids as digits.

    `names`: what people read for them. `meanwhile`: what somebody else does, and `told` whom it names.
    """

    operation: str
    form: str
    wire: tuple[str, str]
    before: str
    after: str
    names: tuple[str, str]
    meanwhile: tuple[str, dict[str, int]]
    told: str
    now: str

    @property
    def url(self) -> str:
        return f"/devices/{fleet.RICH}/{self.form.partition('?')[0]}"

    @property
    def page(self) -> str:
        return f"/devices/{fleet.RICH}/{self.form}"

    def holder(self, platform: SandboxServer) -> str:
        field = "orgId" if self.operation == "transfer_to_organization" else "ownerUserId"
        return str(held(platform).get(field) or "")


TO_MEI = ("/device/transfer/to-owner", {"deviceId": fleet.RICH, "newOwnerUserId": MEI})
TO_DEPOT = ("/device/transfer/to-organization", {"deviceId": fleet.RICH, "newOrgId": 3})
MOVES = [
    Move(
        "transfer_to_owner",
        f"transfer-to-owner/?owner={JONAS}",
        ("POST", "/device/transfer/to-owner"),
        str(ANA),
        str(JONAS),
        ("ana.lund@example.org", "jonas.aas@example.org"),
        TO_MEI,
        "it is “mei.tan@example.org” now. You entered “Jonas Aas”.",
        str(MEI),
    ),
    Move(
        "transfer_to_organization",
        "transfer-to-organization/?org_id=2",
        ("POST", "/device/transfer/to-organization"),
        "1",
        "2",
        ("Halden Cooling", "Halden North"),
        TO_DEPOT,
        "it is “Halden Depot” now. You entered “Halden North”.",
        "3",
    ),
    Move(
        "remove_owner",
        "remove-owner/",
        ("DELETE", "/device/owner"),
        str(ANA),
        "",
        ("ana.lund@example.org", "nobody"),
        TO_MEI,
        "it is “mei.tan@example.org” now.",
        str(MEI),
    ),
]
each_move = pytest.mark.parametrize("move", MOVES, ids=lambda move: move.operation)


def opened(person: Person, move: Move, **more: str) -> dict[str, str]:
    """What the page would send."""
    sent = filled(person.get(move.page))
    assert sent["idempotency_key"]
    assert sent["expected_version"]
    return sent | more


def sent(platform: SandboxServer, move: Move) -> int:
    return writes(platform).count(move.wire)


def outcome() -> tuple[str, bool]:
    state = entry_state(AuditEntry.objects.get())
    return state.outcome, state.final


@each_move
def test_it_is_written_down_with_everything_that_is_known_of_it(
    support: Person, platform: SandboxServer, caplog: pytest.LogCaptureFixture, move: Move
) -> None:
    caplog.set_level("INFO")
    answer = support.post(move.url, opened(support, move, reason="HC-20418"))
    assert answer.status_code == 303
    entry = AuditEntry.objects.get()
    assert (entry.operation, entry.device_id, entry.device_name) == (move.operation, fleet.RICH, NAME)
    assert (entry.before, entry.after, entry.org_id, entry.reason) == (move.before, move.after, 1, "HC-20418")
    assert (entry.person.key, entry.person.email, entry.person_org_id) == ("user:2", "support@example.com", 1)
    state = entry_state(entry)
    assert (state.outcome, state.final, state.api_result, state.evidence) == (
        "confirmed",
        True,
        "accepted",
        "read_back",
    )
    assert state.observed_value == move.after == move.holder(platform)
    (line,) = lines(caplog)
    assert f'before="{move.before}"' in line
    assert 'reason="HC-20418"' in line
    notice = soup(support.get(answer["Location"])).select_one("#flash")
    assert notice is not None
    said = " ".join(notice.get_text(" ").split())
    assert f"{move.names[0]} → {move.names[1]}" in said
    assert (f"Transferred to {move.names[1]}." in said) is (move.operation != "remove_owner")
    undo = notice.select_one("form[method=post]")
    assert (undo is None) is (move.operation == "transfer_to_organization"), "the API has no way back from that"


@each_move
@pytest.mark.parametrize("kind", ["cut", "drop"])
def test_a_lost_answer_is_read_back_as_made(support: Person, platform: SandboxServer, move: Move, kind: str) -> None:
    form = opened(support, move)
    method, path = move.wire
    platform.fault(path, kind, method=method, apply=True)
    first, second = support.post(move.url, form), support.post(move.url, form)
    assert first.status_code == second.status_code == 303
    assert first["Location"] == second["Location"]
    assert "reply was lost, but the change reads back" in words(support.get(first["Location"]))
    assert sent(platform, move) == 1
    assert outcome() == ("confirmed", True)


@each_move
def test_a_lost_answer_that_reads_as_before_keeps_what_was_typed(
    support: Person, platform: SandboxServer, move: Move
) -> None:
    form = opened(support, move, reason="HC-7")
    method, path = move.wire
    platform.fault(path, "drop", method=method)
    answer = support.post(move.url, form)
    platform.clear_faults()
    assert answer.status_code == 503
    assert "The device is as it was, so nothing was changed." in words(answer)
    again = filled(answer)
    assert again["reason"] == "HC-7"
    assert again["idempotency_key"] != form["idempotency_key"]
    assert outcome() == ("rejected", True)
    assert support.post(move.url, again).status_code == 303
    assert sent(platform, move) == 2
    assert move.holder(platform) == move.after


@each_move
def test_a_time_out_is_not_taken_for_nothing_changed(
    support: Person, platform: SandboxServer, settings: Any, move: Move
) -> None:
    form = opened(support, move)
    settings.PLATFORM_API_TIMEOUTS = settings.PLATFORM_API_TIMEOUTS._replace(read=0.3, call=0.3)
    transport.cache_clear()
    method, path = move.wire
    platform.fault(path, "drop", method=method, delay=1.0)
    first = support.post(move.url, form)
    assert first.status_code == 504
    for answer in (first, support.post(move.url, form)):
        assert "It is not known whether this was done" in words(answer)
        assert f"{move.names[0]} → {move.names[1]}" in words(answer)
        assert not soup(answer).select("main form[method=post]")
    assert sent(platform, move) == 1
    assert outcome() == ("unknown", False)


@each_move
def test_a_lost_answer_that_cannot_be_read_back_is_settled_by_the_next_look(
    support: Person, platform: SandboxServer, move: Move
) -> None:
    form = opened(support, move)
    method, path = move.wire
    platform.fault(path, "cut", method=method, apply=True)
    platform.fault("/device/baseInfo", "status", status=500, skip=1)
    answer = support.post(move.url, form)
    assert answer.status_code >= 500
    assert "the device could not be read back" in words(answer)
    assert not soup(answer).select("main form[method=post]")
    platform.clear_faults()
    look = soup(answer).select_one("main a.primary")
    assert look is not None
    assert "Confirmed" in words(support.get(str(look["href"])))
    assert sent(platform, move) == 1
    assert outcome() == ("confirmed", True)


@each_move
def test_accepted_but_reading_otherwise_is_no_success(support: Person, platform: SandboxServer, move: Move) -> None:
    method, path = move.wire
    platform.fault(path, "empty", status=204, method=method)
    answer = support.post(move.url, opened(support, move))
    assert answer.status_code == 202
    assert "Accepted, but not confirmed" in words(answer)
    assert f"it held: {move.names[0]}." in words(answer)
    assert not soup(answer).select("main form[method=post], main .success, main .good")
    assert outcome() == ("unknown", False)
    assert sent(platform, move) == 1


@each_move
def test_sent_twice_it_is_made_once_and_told_alike(support: Person, platform: SandboxServer, move: Move) -> None:
    form = opened(support, move)
    first, second = support.post(move.url, form), support.post(move.url, form)
    assert first.status_code == second.status_code == 303
    assert first["Location"] == second["Location"]
    assert sent(platform, move) == 1


def test_sent_twice_by_who_lost_sight_of_it_both_lead_to_their_list(sign_in: SignIn, platform: SandboxServer) -> None:
    installer = sign_in("installer")
    url = "/devices/10/remove-owner/"
    form = filled(installer.get(url))
    first, second = installer.post(url, form), installer.post(url, form)
    assert first.status_code == second.status_code == 303
    assert first["Location"] == second["Location"]
    assert "You can no longer see the device, so the portal cannot" in words(installer.get(first["Location"]))
    assert writes(platform) == [("DELETE", "/device/owner")]


@each_move
def test_who_opened_the_page_before_somebody_elses_change_sees_both_and_chooses(
    support: Person, platform: SandboxServer, move: Move
) -> None:
    form = opened(support, move, reason="HC-7")
    path, body = move.meanwhile
    assert platform.call("POST", path, json=body).status_code < 300
    platform.clear_requests()
    answer = support.post(move.url, form)
    assert answer.status_code == 409
    assert move.told in words(answer)
    assert sent(platform, move) == 0
    assert not AuditEntry.objects.exists()
    again = filled(answer)
    assert again["reason"] == "HC-7"
    assert support.post(move.url, again).status_code == 303
    assert move.holder(platform) == move.after
    assert AuditEntry.objects.get().before == move.now


def test_an_owner_whom_somebody_else_removed_cannot_be_removed_again(
    support: Person, admin: Person, platform: SandboxServer
) -> None:
    move = MOVES[2]
    form = opened(support, move)
    admin.post(move.url, opened(admin, move))
    answer = support.htmx(move.url, form)
    assert answer.status_code == 422
    assert "This device has no owner to remove." in words(answer)
    assert sent(platform, move) == 1


@each_move
def test_hostile_text_is_text(support: Person, platform: SandboxServer, move: Move) -> None:
    name = platform.get("/device/baseInfo", "admin", deviceId=fleet.RICH).json()
    platform.fault("/device/baseInfo", "json", body=name | {"name": HOSTILE})
    platform.fault(move.wire[1], "empty", status=204, method=move.wire[0])
    answer = support.post(move.url, opened(support, move, reason=HOSTILE))
    entry = AuditEntry.objects.get()
    assert (entry.reason, entry.device_name) == (HOSTILE, HOSTILE)
    for page in (answer, support.get(f"/audit/{entry.pk}/"), support.get(f"/devices/{fleet.RICH}/?change={entry.pk}")):
        assert not soup(page).select("main img")
        assert "\u202e" not in page.content.decode()
    assert '<img src=x onerror="alert(1)">' in words(answer)


@each_move
def test_while_another_change_is_under_way_nothing_is_sent(
    support: Person, platform: SandboxServer, monkeypatch: pytest.MonkeyPatch, move: Move
) -> None:
    form = opened(support, move, reason="HC-7")
    DeviceLock.objects.create(device_id=fleet.RICH, holder="somebody", until=2**40)
    monkeypatch.setattr("devices.changes.device_lock.time.monotonic", iter(range(0, 10**6, 100)).__next__)
    answer = support.post(move.url, form)
    assert answer.status_code == 409
    assert "Another change of this device is under way." in words(answer)
    assert filled(answer)["reason"] == "HC-7"
    assert sent(platform, move) == 0


def test_a_change_that_the_page_names_is_told_only_on_its_own_devices_pages(support: Person) -> None:
    support.post(MOVES[0].url, opened(support, MOVES[0]))
    entry = AuditEntry.objects.get()
    assert "Transferred to" not in words(support.get(f"/devices/{fleet.NO_OWNER}/?change={entry.pk}"))
    assert "Transferred to" in words(support.get(f"/devices/{fleet.RICH}/?change={entry.pk}"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 2), (1, 1), (2, 2)])
def test_of_two_people_at_once_one_wins_and_the_other_is_told(
    sign_in: SignIn, platform: SandboxServer, first: int, second: int
) -> None:
    people = [(sign_in("support"), MOVES[first]), (sign_in("admin"), MOVES[second])]
    forms = [opened(person, move) for person, move in people]
    if first == second and first < 2:  # to somebody else, or elsewhere
        forms[1] |= {"owner": str(MEI)} if first == 0 else {"org_id": "3"}
    platform.clear_requests()
    for method, path in {move.wire for _person, move in people}:
        platform.fault(path, "delay", method=method, delay=0.3)
    answers: dict[int, Any] = {}

    def send(number: int) -> Callable[[], None]:
        def run() -> None:
            person, move = people[number]
            try:
                answers[number] = person.post(move.url, forms[number])
            finally:
                connection.close()

        return run

    threads = [threading.Thread(target=send(number)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won, lost = sorted(answers, key=lambda number: answers[number].status_code)
    assert answers[won].status_code == 303
    assert answers[lost].status_code in (409, 422)
    assert "Somebody changed this since you opened the form" in words(answers[lost]) or "no owner to remove" in words(
        answers[lost]
    )
    assert len([call for call in writes(platform) if call[0] != "GET"]) == 1
    assert AuditEntry.objects.count() == 1
