"""The state machine of the response cache; `python -m bench.response_cache` runs ten thousand steps of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from devices.gateway import response_cache
from devices.gateway.base_client import BaseClient
from devices.gateway.response_cache import CacheOwner
from tests.devices.gateway.response_cache_stateful import ResponseCacheMachine, Session

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
    """The policy logs much while the platform fails."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def started(machine: type[ResponseCacheMachine] = ResponseCacheMachine) -> ResponseCacheMachine:
    made = machine()
    made.begin(shared=True)
    return made


def test_nobody_gets_a_response_of_another_session_or_a_too_old_one() -> None:
    run_state_machine_as_test(ResponseCacheMachine, settings=FEW)


class Unbumped(ResponseCacheMachine):
    def bump(self, session: Session, directory: bool) -> None: ...


def test_the_machine_finds_a_missing_invalidation() -> None:
    started().view_change_view("ann", 0, 1, 1, "get_base_info", renames=True)
    with pytest.raises(AssertionError, match="before a change"):
        started(Unbumped).view_change_view("ann", 0, 1, 1, "get_base_info", renames=True)


whole = response_cache.ResponseCache.__init__


def without_owner(self: response_cache.ResponseCache, store: Any, owner: CacheOwner, *rest: Any, **more: Any) -> None:
    whole(self, store, CacheOwner(owner.base_url, "", 0, None, ""), *rest, **more)


def test_the_machine_finds_a_key_without_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_cache.ResponseCache, "__init__", without_owner)
    machine = started()
    machine.view("ann", 0, "get_base_info", 2, "plain")
    with pytest.raises(AssertionError, match="a leak"):
        machine.view("ben", 1, "get_base_info", 2, "plain")


def test_the_machine_finds_an_unmarked_stale_response(monkeypatch: pytest.MonkeyPatch) -> None:
    started().view_fail_view("cia", 0, 3, "list_timeline", "unreachable")
    monkeypatch.setattr(BaseClient, "stale", property(lambda self: []))
    with pytest.raises(AssertionError, match="not marked"):
        started().view_fail_view("cia", 0, 3, "list_timeline", "unreachable")
