"""A form that makes something is carried out once: who comes second gets the first one's outcome."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from devices import once
from devices.gateway.errors import Rejected, TimedOut, Unreachable
from devices.models import FormSending
from devices.once import DONE, KEEP, RUNNING, UNKNOWN, Outcome, Sending
from devices.permissions import Access

FORM = {"name": "Boiler room 3", "owner": 11}

pytestmark = pytest.mark.django_db


def person(scope: str = "one") -> Access:
    return Access(7, "me@example.com", "Me", "Role", frozenset(), 1, "Org", "UTC", scope)


def sending(
    form_id: str = "form", contents: dict[str, object] | None = None, scope: str = "one", form: str = "create"
) -> Sending:
    return Sending(person(scope), form, form_id, FORM if contents is None else contents)


def test_the_first_is_carried_out_and_the_second_gets_what_it_made() -> None:
    assert sending().earlier() is None
    sending().done(301, seen=False)
    assert sending().earlier() == Outcome(DONE, 301, False)


def test_the_note_is_no_matter_of_a_cache_that_each_process_has_for_itself() -> None:
    assert sending().earlier() is None
    sending().done(301)
    cache.clear()
    assert sending().earlier() == Outcome(DONE, 301)


def test_after_a_refusal_the_same_may_be_sent_again() -> None:
    for error in (Rejected(operation="create_device"), Unreachable(operation="create_device", sent=False)):
        assert sending().earlier() is None
        assert not sending().failed(error)
    assert sending().earlier() is None


def test_a_lost_answer_is_remembered_as_such() -> None:
    assert sending().earlier() is None
    assert sending().failed(TimedOut(operation="create_device", sent=True))
    assert sending().earlier() == Outcome(UNKNOWN)


@pytest.mark.parametrize(
    "other",
    [
        sending("another page of the form"),
        sending(contents=FORM | {"name": "Boiler room 4"}),
        sending(scope="two"),
        sending(form="trigger"),
        sending(""),
    ],
    ids=["another page", "another name", "another person", "another form", "no form id"],
)
def test_what_differs_is_another_sending(other: Sending) -> None:
    assert sending().earlier() is None
    assert other.earlier() is None


def test_without_a_form_id_nothing_is_held_back() -> None:
    assert sending("").earlier() is None
    assert sending("").earlier() is None


def test_notes_are_forgotten_after_a_while_and_leave_no_rows() -> None:
    assert sending().earlier() is None
    assert sending("another").earlier() is None
    with time_machine.travel(timezone.now() + timedelta(seconds=KEEP + 1), tick=True):
        assert sending().earlier() is None
    assert FormSending.objects.count() == 1


def test_a_first_one_that_never_ends_is_said_to_be_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "WAIT", 0.0)
    assert sending().earlier() is None
    assert sending().earlier() == Outcome(RUNNING)


@pytest.mark.django_db(transaction=True)
def test_the_second_waits_for_the_first_to_end() -> None:
    assert sending().earlier() is None
    outcomes: list[object] = []

    def press() -> None:
        outcomes.append(sending().earlier())
        connection.close()

    waiting = threading.Thread(target=press)
    waiting.start()
    assert outcomes == [], "it has to wait"
    sending().done(301)
    waiting.join(timeout=20)
    assert outcomes == [Outcome(DONE, 301)]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_carried_out() -> None:
    gate, lock = threading.Barrier(16, timeout=20), threading.Lock()
    outcomes: list[Outcome | None] = []

    def press() -> None:
        mine = sending()
        gate.wait()
        earlier = mine.earlier()
        if earlier is None:
            mine.done(301)
        connection.close()
        with lock:
            outcomes.append(earlier)

    presses = [threading.Thread(target=press) for _ in range(16)]
    for each in presses:
        each.start()
    for each in presses:
        each.join(timeout=20)
    assert outcomes.count(None) == 1
    assert outcomes.count(Outcome(DONE, 301)) == 15
