"""Setting, refusing and restoring switches."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.switches import SWITCHES
from tests.servers import SandboxServer


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"nonsense": 1}, "There is no switch 'nonsense'."),
        ({"create_status": "202"}, "create_status is one of 201, 200."),
        ({"refresh_tokens": "maybe"}, "refresh_tokens is on or off."),
        ({"timeline_delay": -1}, "timeline_delay is a number of at least 0."),
        ({"timeline_delay": "nan"}, "timeline_delay is a number of at least 0."),
        # All or none.
        ({"create_status": "200", "nonsense": 1}, "There is no switch 'nonsense'."),
    ],
)
def test_wrong_values_are_reported(fresh_sandbox: SandboxServer, values: dict[str, Any], words: str) -> None:
    before = fresh_sandbox.control("GET", "switches")
    with pytest.raises(ValueError) as raised:
        fresh_sandbox.switch(**values)
    assert str(raised.value) == words
    assert fresh_sandbox.control("GET", "switches") == before


def test_switches_are_restored_to_the_command_line(fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(create_status=200, timeline_delay=9)
    fresh_sandbox.control("DELETE", "switches")
    now = fresh_sandbox.control("GET", "switches")
    assert (now["create_status"], now["timeline_delay"]) == ("201", 0)  # the tests' server starts with 0
    assert set(now) == set(SWITCHES)
