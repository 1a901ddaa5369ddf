"""Kept answers under everything at once; ten thousand steps of it are run by `python -m bench.response_cache`."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from devices.gateway import response_cache
from devices.gateway.base_client import BaseClient
from tests.devices.gateway.response_cache_stateful import Kept, Session

FEW = settings(
    max_examples=10,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The policy has much to say of a platform that fails all the time."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def begun(machine: type[Kept] = Kept) -> Kept:
    made = machine()
    made.begin(shared=True)
    return made


def test_nobody_is_given_what_is_not_theirs_or_too_old() -> None:
    run_state_machine_as_test(Kept, settings=FEW)


class Unbumped(Kept):
    def bump(self, session: Session, words: bool) -> None: ...


def test_the_machine_sees_a_count_that_is_not_kept() -> None:
    begun().look_change_look("ann", 0, 1, 1, "get_base_info", renames=True)
    with pytest.raises(AssertionError, match="before a change"):
        begun(Unbumped).look_change_look("ann", 0, 1, 1, "get_base_info", renames=True)


def test_the_machine_sees_a_key_without_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = begun()
    machine.look("ann", 0, "get_base_info", 2, "plain")
    machine.look("ben", 1, "get_base_info", 2, "plain")
    nobody = {"person": "", "user_id": 0, "org_id": None, "session": ""}
    whole = response_cache.ResponseCache._key

    def careless(self: response_cache.ResponseCache, *args: object) -> object:
        self._owner = self._owner._replace(**nobody)  # type: ignore[arg-type]
        self._group = "answer"
        return whole(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(response_cache.ResponseCache, "_key", careless)
    machine = begun()
    machine.look("ann", 0, "get_base_info", 2, "plain")
    with pytest.raises(AssertionError, match="a leak"):
        machine.look("ben", 1, "get_base_info", 2, "plain")


def test_the_machine_sees_an_old_answer_without_a_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    begun().look_fail_look("cia", 0, 3, "list_timeline", "unreachable")
    monkeypatch.setattr(BaseClient, "stale", property(lambda self: []))
    with pytest.raises(AssertionError, match="not marked"):
        begun().look_fail_look("cia", 0, 3, "list_timeline", "unreachable")
