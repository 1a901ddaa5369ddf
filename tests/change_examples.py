"""Every change that people can make, each on a device of its own, for tests that must hold for all of them.

Derived from the registry (`devices.changes.kinds`) and the contract: a new kind is in every one of these tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import requests
from bs4 import BeautifulSoup
from django.urls import reverse

from devices.audit.models import AuditEntry
from devices.changes.kinds import ChangeKind, Opens, kind_of, kinds
from devices.changes.verification import ObservedState, observe
from devices.gateway.client import Gateway
from devices.gateway.transport import Transport
from tests.contract.checker import contract
from tests.portal_server import PortalServer
from tests.servers import SandboxServer


def with_forms() -> list[ChangeKind]:
    """The kinds that a form sends: all but those with one press."""
    return [kind for kind in kinds() if kind.opens is not Opens.REVEAL]


OPERATIONS = tuple(kind.operation for kind in with_forms())


@dataclass
class Change:
    """One change. `page`: where its form is. `call`: the verb and path of the API. `filled`: what is typed."""

    kind: ChangeKind
    device: int
    page: str
    call: tuple[str, str]
    filled: dict[str, str]
    events_before: int = 0
    form: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[int, str]] = field(default_factory=list)

    @property
    def operation(self) -> str:
        return self.kind.operation

    @property
    def path(self) -> str:
        return self.page.split("?")[0]

    @property
    def verifiable(self) -> bool:
        """Whether a read afterwards can tell the outcome."""
        return self.kind.observe is not None

    def made(self, sandbox: SandboxServer) -> bool:
        """Whether the platform made it, as it tells the sandbox's administrator."""
        if self.operation in CHECKS:
            return CHECKS[self.operation](sandbox, self)
        entry = AuditEntry(device_id=self.device, target=self.kind.example.target, after=self.kind.example.after)
        gateway = Gateway(Transport(sandbox.url), lambda rejected: sandbox.token())
        return observe(self.kind.observe, gateway, entry).state is ObservedState.REQUESTED


def base_info(sandbox: SandboxServer, device_id: int) -> dict[str, object]:
    answer = sandbox.get("/device/baseInfo", deviceId=device_id)
    return answer.json() if answer.status_code == 200 else {}


def events(sandbox: SandboxServer, device_id: int) -> int:
    return int(sandbox.get("/device/timeline", deviceId=device_id, page=0, size=1).json()["totalElements"])


def _created(sandbox: SandboxServer, change: Change) -> bool:
    return bool(sandbox.get("/search/devices", query=change.filled["name"]).json()["content"])


CHECKS: dict[str, Callable[[SandboxServer, Change], bool]] = {
    "create_device": _created,
    "remove_owner": lambda sandbox, change: not base_info(sandbox, change.device).get("ownerUserId"),
    "trigger_event": lambda sandbox, change: events(sandbox, change.device) > change.events_before,
    "clear_device": lambda sandbox, change: events(sandbox, change.device) == 0,
    "delete_device": lambda sandbox, change: not base_info(sandbox, change.device),
}
"""How the platform shows it, where the kind's own verification needs more than an entry."""


def changes(sandbox: SandboxServer) -> list[Change]:
    """All of them, each on a device with an owner, or the one that its example names."""
    rows = sandbox.get("/devices", page=0, size=200).json()["content"]
    owners = {row["id"]: row.get("ownerUserId") for row in rows if row["name"].isascii() and row["id"] > 10}
    owned = (device for device, owner in owners.items() if owner not in (None, 12))
    return [_change(sandbox, kind, owned) for kind in with_forms()]


def change_of(sandbox: SandboxServer, operation: str) -> Change:
    return next(change for change in changes(sandbox) if change.operation == operation)


def _change(sandbox: SandboxServer, kind: ChangeKind, owned: Iterator[int]) -> Change:
    example = kind.example
    device = example.device or (next(owned) if kind.about_device else 0)
    args = [device, example.target] if kind.has_target else [device] if kind.about_device else []
    page = reverse(kind.url_name, args=args) + (f"?{example.query}" if example.query else "")
    filled = dict(example.fields)
    if "confirm" in kind.form.base_fields:
        filled["confirm"] = str(base_info(sandbox, device)["name"])
    before = events(sandbox, device) if device else 0
    return Change(kind, device, page, contract().call_of(kind.operation), filled, before)


def open_form(session: requests.Session, host: PortalServer, change: Change) -> None:
    """What the form's page holds, with what is typed into it."""
    page = session.get(host.url + change.page, timeout=30)
    assert page.status_code == 200, (change.operation, page.status_code, page.text[:500])
    for form in BeautifulSoup(page.text, "html.parser").select("form[method=post]"):
        if form.select_one("[name=idempotency_key]"):
            inputs = form.select("input[name], select[name]")
            change.form = {str(each["name"]): str(each.get("value", "")) for each in inputs} | change.filled
            return
    raise AssertionError(f"{change.operation}: no form with an idempotency key on {change.page}")


def arrived(sandbox: SandboxServer, change: Change) -> int:
    """How often its call arrived at the sandbox."""
    path = "/api/v1/organization" + change.call[1]
    return sum((entry["method"], entry["path"]) == (change.call[0], path) for entry in sandbox.requests())


def kind_named(operation: str) -> ChangeKind:
    kind = kind_of(operation)
    assert kind is not None, f"{operation} has no ChangeKind in devices/changes/writes/"
    return kind
