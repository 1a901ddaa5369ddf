"""Changes whose process was held up, and looks by people who can tell less than others: nothing false is settled."""

from __future__ import annotations

import time
from typing import Any

import pytest
import time_machine

from devices.audit import log as audit_log
from devices.audit.log import CONFIRMED, REJECTED, UNKNOWN, ChangeIntent
from devices.audit.models import AuditEntry, AuditPerson
from devices.changes import reconciliation
from devices.changes import service as change_service
from devices.changes.context import ChangeContext
from devices.changes.reconciliation import reconcile
from devices.changes.service import execute
from devices.changes.undo import can_undo
from devices.changes.verification import Observation, ObservedState
from devices.core.permissions import Access
from devices.gateway.errors import TimedOut

pytestmark = pytest.mark.django_db

FACTS = ChangeIntent(operation="rename_device", device_id=1, before="old", after="new")


def person(*permissions: str, user_id: int = 7) -> Access:
    return Access(user_id, "me@example.com", "Me", "Role", frozenset(permissions), 1, "Org", "UTC")


class Silent:
    """A gateway that is only told to forget what it read: nothing here asks it for anything."""

    def forget(self) -> None:
        pass


def desk(access: Access | None = None) -> ChangeContext:
    return ChangeContext(Silent(), access or person("ORG_DEVICES_VIEW"), "r")  # type: ignore[arg-type]


def reads(monkeypatch: pytest.MonkeyPatch, now: ObservedState, found: str = "") -> None:
    for module in (change_service, reconciliation):
        monkeypatch.setattr(module, "observe", lambda *args, **kwargs: Observation(now, found))


def test_a_process_that_was_stopped_before_it_sent_does_not_send_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    intend = audit_log.record_intent
    sent: list[Any] = []
    with time_machine.travel(time.time()) as clock:

        def held_up(*args: Any, **kwargs: Any) -> Any:
            found = intend(*args, **kwargs)
            clock.shift(61)
            return found

        monkeypatch.setattr(audit_log, "record_intent", held_up)
        with pytest.raises(TimedOut) as raised:
            execute(desk(), FACTS, sent.append)
    assert sent == []
    assert not raised.value.sent
    assert audit_log.entry_state(AuditEntry.objects.get()).outcome == REJECTED


def test_what_the_platform_accepted_is_not_told_as_not_made_whatever_a_look_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads(monkeypatch, ObservedState.REQUESTED, "new")

    def slow(gateway: object) -> None:
        entry = AuditEntry.objects.get()
        audit_log.record_outcome(entry, REJECTED, access=person(), request_id="somebody else's look")

    assert execute(desk(), FACTS, slow).unknown


def test_a_look_without_the_timeline_does_not_end_what_others_can_still_prove(monkeypatch: pytest.MonkeyPatch) -> None:
    entry, _first = audit_log.record_intent(
        person(), ChangeIntent(operation="clear_device", device_id=1), request_id="r"
    )
    reads(monkeypatch, ObservedState.INDETERMINATE)
    with time_machine.travel(time.time() + 120):
        assert not reconcile(desk(person("ORG_DEVICES_VIEW")), entry).state.final
        reads(monkeypatch, ObservedState.REQUESTED)
        able = desk(person("ORG_DEVICES_VIEW", "VIEW_TIMELINE"))
        assert reconcile(able, entry).state.outcome == CONFIRMED


def test_a_value_that_is_not_whole_in_the_trail_is_not_offered_back() -> None:
    confirmed = audit_log.EntryState(CONFIRMED, final=True)
    for before, offered in (("old", True), ("x" * 3000, False), ("nul\0", False)):
        facts = ChangeIntent(operation="rename_device", device_id=1, before=before, after="new")
        entry, _first = audit_log.record_intent(person(), facts, request_id="r")
        assert can_undo(entry, confirmed) == offered


def test_who_was_erased_a_moment_ago_is_not_written_back(monkeypatch: pytest.MonkeyPatch) -> None:
    audit_log.update_person(person())
    found = AuditPerson.objects.get_or_create

    def erased_meanwhile(**kwargs: Any) -> Any:
        row = found(**kwargs)
        AuditPerson.objects.update(key="erased", name="", email="")
        return row

    monkeypatch.setattr(AuditPerson.objects, "get_or_create", erased_meanwhile)
    audit_log.update_person(Access(7, "new@example.com", "New name", "Role", frozenset(), 1, "Org", "UTC"))
    assert AuditPerson.objects.get().email == ""


def test_an_event_has_nothing_to_read_so_its_lost_answer_stays_unknown_for_good() -> None:
    entry, _first = audit_log.record_intent(
        person(), ChangeIntent(operation="trigger_event", device_id=1, target="x"), request_id="r"
    )
    with time_machine.travel(time.time() + 120):
        state = reconcile(desk(), entry).state
    assert (state.outcome, state.final) == (UNKNOWN, True)
