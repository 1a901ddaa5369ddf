"""A form that makes something is carried out once: who comes second gets the first one's outcome."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.core.cache import cache

from devices import once
from devices.once import RUNNING, UNKNOWN, Sending
from devices.permissions import Access

FORM = {"name": "Boiler room 3", "owner": 11}


def person(scope: str = "one") -> Access:
    return Access(7, "me@example.com", "Me", "Role", frozenset(), 1, "Org", "UTC", scope)


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def sending(form_id: str = "form", contents: dict[str, object] | None = None, scope: str = "one") -> Sending:
    return Sending(person(scope), form_id, FORM if contents is None else contents)


def test_the_first_is_carried_out_and_the_second_gets_what_it_made() -> None:
    assert sending().earlier() is None
    sending().made(301)
    assert sending().earlier() == 301


def test_after_a_refusal_the_same_may_be_sent_again() -> None:
    assert sending().earlier() is None
    sending().refused()
    assert sending().earlier() is None


def test_a_lost_answer_is_remembered_as_such() -> None:
    assert sending().earlier() is None
    sending().lost()
    assert sending().earlier() == UNKNOWN


@pytest.mark.parametrize(
    "other",
    [
        sending("another page of the form"),
        sending(contents=FORM | {"name": "Boiler room 4"}),
        sending(scope="two"),
        sending(""),
    ],
    ids=["another page", "another name", "another person", "no form id"],
)
def test_what_differs_is_another_sending(other: Sending) -> None:
    assert sending().earlier() is None
    assert other.earlier() is None


def test_without_a_form_id_nothing_is_held_back() -> None:
    assert sending("").earlier() is None
    assert sending("").earlier() is None


def test_the_second_waits_for_the_first_to_end() -> None:
    first = sending()
    assert first.earlier() is None
    outcomes: list[object] = []
    waiting = threading.Thread(target=lambda: outcomes.append(sending().earlier()))
    waiting.start()
    assert outcomes == [], "it has to wait"
    first.made(301)
    waiting.join(timeout=20)
    assert outcomes == [301]


def test_of_many_at_once_one_is_carried_out() -> None:
    gate, lock = threading.Barrier(16, timeout=20), threading.Lock()
    outcomes: list[object] = []

    def press() -> None:
        mine = sending()
        gate.wait()
        earlier = mine.earlier()
        if earlier is None:
            mine.made(301)
        with lock:
            outcomes.append(earlier)

    presses = [threading.Thread(target=press) for _ in range(16)]
    for each in presses:
        each.start()
    for each in presses:
        each.join(timeout=20)
    assert sorted(map(str, outcomes)) == ["301"] * 15 + ["None"]


def test_a_first_one_that_never_ends_is_said_to_be_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "WAIT", 0.0)
    assert sending().earlier() is None
    assert sending().earlier() == RUNNING
