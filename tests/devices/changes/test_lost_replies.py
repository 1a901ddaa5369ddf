"""Whatever becomes of the answer to a change: it is sent once and recorded, and only what was made is said to be."""

from __future__ import annotations

import time
from typing import Any

import pytest

from devices.audit.log import CONFIRMED, REJECTED, entry_state
from devices.audit.models import AuditEntry
from portal.platform import transport
from tests.devices import fleet
from tests.devices.changes.forms import CHANGES, Change, held, writes
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


def settled(platform: SandboxServer) -> None:
    """Wait until the platform is done with all calls, also those that nobody waits for any more."""
    give_up = time.monotonic() + 20
    while any(entry["status"] is None for entry in platform.requests()):
        assert time.monotonic() < give_up
        time.sleep(0.05)


def state(platform: SandboxServer) -> tuple[Any, ...]:
    """What the platform holds of the device that a change may touch."""
    found = held(platform)
    events = platform.get("/device/timeline", deviceId=fleet.RICH, page=0, size=1)
    total = events.json()["totalElements"] if events.status_code == 200 else None
    return found.get("name"), found.get("ownerUserId"), found.get("orgId"), total


@pytest.mark.parametrize(("kind", "more"), LOST, ids=[f"{kind}{' done' * ('apply' in more)}" for kind, more in LOST])
@pytest.mark.parametrize("change", CHANGES, ids=[change.page for change in CHANGES])
def test_it_is_sent_once_recorded_and_said_only_with_proof(
    admin: Person, fresh_sandbox: SandboxServer, settings: Any, change: Change, kind: str, more: dict[str, Any]
) -> None:
    before = state(fresh_sandbox)
    method, path = change.wire
    if kind == "delay":
        settings.PLATFORM_API_TIMEOUTS = settings.PLATFORM_API_TIMEOUTS._replace(read=LATE * 0.75, call=LATE * 0.75)
        transport.cache_clear()
    fresh_sandbox.fault(path, kind, method=method, times=1, **more)
    fresh_sandbox.clear_requests()
    answer = admin.htmx(change.url, change.data) if kind == "cut" else admin.post(change.url, change.data)
    settled(fresh_sandbox)
    sent = writes(fresh_sandbox)
    assert sent == [change.wire], words(answer)
    entry = AuditEntry.objects.get()
    outcome = entry_state(entry)
    changed = state(fresh_sandbox) != before
    assert outcome.has_outcome
    if outcome.outcome == CONFIRMED:
        assert changed
    if outcome.outcome == REJECTED:
        assert not changed
    if not changed:
        assert answer.status_code >= 400
    elif answer.status_code >= 400:
        assert "not known whether this was done" in words(answer)
    assert answer.status_code != 500
