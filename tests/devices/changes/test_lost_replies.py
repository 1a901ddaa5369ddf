"""Whatever becomes of the reply to a change: it is sent once and recorded, and only what was made is said to be."""

from __future__ import annotations

import time
from typing import Any

import pytest

from devices.audit.log import CONFIRMED, REJECTED, entry_state
from devices.audit.models import AuditEntry
from portal.platform import transport
from tests.change_examples import OPERATIONS, change_of
from tests.devices.changes.forms import filled, writes
from tests.devices.conftest import Person, words
from tests.servers import SandboxServer

LATE = 2.0
"""Seconds after which the platform answers somebody who waits for three quarters of that."""
LOST: list[tuple[str, dict[str, Any]]] = [
    ("drop", {}),
    ("drop", {"apply": True}),
    ("cut", {}),
    ("cut", {"apply": True}),
    ("html", {"status": 502}),
    ("html", {"status": 502, "apply": True}),
    ("status", {"status": 500}),
    ("status", {"status": 500, "apply": True}),
    ("json", {"body": {"error": {"message": "no"}}}),
    ("delay", {"delay": LATE}),
]


def finish_calls(platform: SandboxServer) -> None:
    """Wait until the platform is done with all calls, also those that nobody waits for any more."""
    give_up = time.monotonic() + 20
    while any(entry["status"] is None for entry in platform.requests()):
        assert time.monotonic() < give_up
        time.sleep(0.05)


@pytest.mark.parametrize(("kind", "more"), LOST, ids=[f"{kind}{' done' * ('apply' in more)}" for kind, more in LOST])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_it_is_sent_once_recorded_and_said_only_with_proof(
    admin: Person, fresh_sandbox: SandboxServer, settings: Any, operation: str, kind: str, more: dict[str, Any]
) -> None:
    change = change_of(fresh_sandbox, operation)
    data = filled(admin.get(change.page)) | change.filled
    method, path = change.call
    if kind == "delay":
        settings.PLATFORM_API_TIMEOUTS = settings.PLATFORM_API_TIMEOUTS._replace(read=LATE * 0.75, call=LATE * 0.75)
        transport.cache_clear()
    fresh_sandbox.fault(path, kind, method=method, times=1, **more)
    fresh_sandbox.clear_requests()
    answer = admin.htmx(change.path, data) if kind == "cut" else admin.post(change.path, data)
    finish_calls(fresh_sandbox)
    assert writes(fresh_sandbox) == [change.call], words(answer)
    state = entry_state(AuditEntry.objects.get())
    made = change.made(fresh_sandbox)
    assert state.has_outcome
    if state.outcome == CONFIRMED:
        assert made
    if state.outcome == REJECTED:
        assert not made
    if not made:
        assert answer.status_code >= 400
    elif answer.status_code >= 400:
        assert "not known whether this was done" in words(answer)
    assert answer.status_code != 500
