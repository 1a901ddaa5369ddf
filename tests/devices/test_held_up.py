"""Changes whose process was held up, and looks by people who can tell less than others: nothing false is settled."""

from __future__ import annotations

import time
from typing import Any

import pytest
import time_machine

from devices.audit import log as audit_log
from devices.audit.log import CONFIRMED, REJECTED, UNKNOWN, Facts
from devices.audit.models import AuditEntry, AuditPerson
from devices.changes import service as change_service
from devices.changes.reconciliation import look_again
from devices.changes.service import Desk, carry_out
from devices.changes.undo import can_undo
from devices.changes.verification import Now, Reading
from devices.core.permissions import Access
from devices.gateway.errors import TimedOut

pytestmark = pytest.mark.django_db

FACTS = Facts(operation="rename_device", device_id=1, before="old", after="new")


def person(*permissions: str, user_id: int = 7) -> Access:
    return Access(user_id, "me@example.com", "Me", "Role", frozenset(permissions), 1, "Org", "UTC")


class Silent:
    """A gateway that is only told to forget what it read: nothing here asks it for anything."""

    def forget(self) -> None:
        pass


def desk(access: Access | None = None) -> Desk:
    return Desk(Silent(), access or person("ORG_DEVICES_VIEW"), "r")  # type: ignore[arg-type]


def reads(monkeypatch: pytest.MonkeyPatch, now: Now, found: str = "") -> None:
    monkeypatch.setattr(change_service, "look", lambda *args, **kwargs: Reading(now, found))


def test_a_process_that_was_stopped_before_it_sent_does_not_send_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    intend = audit_log.intend
    sent: list[Any] = []
    with time_machine.travel(time.time()) as clock:

        def held_up(*args: Any, **kwargs: Any) -> Any:
            found = intend(*args, **kwargs)
            clock.shift(61)
            return found

        monkeypatch.setattr(audit_log, "intend", held_up)
        with pytest.raises(TimedOut) as raised:
            carry_out(desk(), FACTS, sent.append)
    assert sent == []
    assert not raised.value.sent
    assert audit_log.state_of(AuditEntry.objects.get()).outcome == REJECTED


def test_what_the_platform_accepted_is_not_told_as_not_made_whatever_a_look_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads(monkeypatch, Now.ASKED, "new")

    def slow(gateway: object) -> None:
        entry = AuditEntry.objects.get()
        audit_log.settle(entry, REJECTED, access=person(), request_id="somebody else's look")

    assert carry_out(desk(), FACTS, slow).unknown


def test_a_look_without_the_timeline_does_not_end_what_others_can_still_prove(monkeypatch: pytest.MonkeyPatch) -> None:
    entry, _first = audit_log.intend(person(), Facts(operation="clear_device", device_id=1), request_id="r")
    reads(monkeypatch, Now.SILENT)
    with time_machine.travel(time.time() + 120):
        assert not look_again(desk(person("ORG_DEVICES_VIEW")), entry).state.final
        reads(monkeypatch, Now.ASKED)
        able = desk(person("ORG_DEVICES_VIEW", "VIEW_TIMELINE"))
        assert look_again(able, entry).state.outcome == CONFIRMED


def test_a_value_that_is_not_whole_in_the_trail_is_not_offered_back() -> None:
    confirmed = audit_log.State(CONFIRMED, final=True)
    for before, offered in (("old", True), ("x" * 3000, False), ("nul\0", False)):
        facts = Facts(operation="rename_device", device_id=1, before=before, after="new")
        entry, _first = audit_log.intend(person(), facts, request_id="r")
        assert can_undo(entry, confirmed) == offered


def test_who_was_erased_a_moment_ago_is_not_written_back(monkeypatch: pytest.MonkeyPatch) -> None:
    audit_log.person_of(person())
    found = AuditPerson.objects.get_or_create

    def erased_meanwhile(**kwargs: Any) -> Any:
        row = found(**kwargs)
        AuditPerson.objects.update(key="erased", name="", email="")
        return row

    monkeypatch.setattr(AuditPerson.objects, "get_or_create", erased_meanwhile)
    audit_log.person_of(Access(7, "new@example.com", "New name", "Role", frozenset(), 1, "Org", "UTC"))
    assert AuditPerson.objects.get().email == ""


def test_an_event_has_nothing_to_read_so_its_lost_answer_stays_unknown_for_good() -> None:
    entry, _first = audit_log.intend(
        person(), Facts(operation="trigger_event", device_id=1, target="x"), request_id="r"
    )
    with time_machine.travel(time.time() + 120):
        state = look_again(desk(), entry).state
    assert (state.outcome, state.final) == (UNKNOWN, True)
