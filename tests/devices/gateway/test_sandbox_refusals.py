"""What the sandbox refuses, and its faults: a typed error each, from one call. Only calls within the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from devices.gateway.client import Gateway
from devices.gateway.errors import (
    BadReply,
    Forbidden,
    GatewayError,
    NotFound,
    RateLimited,
    Redirected,
    Rejected,
    ServerFault,
    TimedOut,
    Unreachable,
)
from devices.gateway.timeouts import Timeouts
from devices.gateway.transport import Transport
from tests.devices.gateway.conftest import As
from tests.servers import SandboxServer

GONE = 2_000_000_000
FOREIGN_ORG = 5
"""Of another company: not visible to anybody."""

Refusal = tuple[type[GatewayError], str, str, Callable[[Gateway], object]]
"""The error, the operation, the person, the call."""

REFUSED: list[Refusal] = [
    (Rejected, "set_metafield", "admin", lambda g: g.set_metafield(3, 4, "many")),
    (Rejected, "search_devices", "admin", lambda g: g.search_devices("x", sort_by="Colour")),
    (NotFound, "list_devices", "admin", lambda g: g.list_devices(org_id=FOREIGN_ORG)),
    (NotFound, "get_device", "admin", lambda g: g.get_device(GONE)),
    (NotFound, "get_base_info", "admin", lambda g: g.get_base_info(GONE)),
    (NotFound, "get_online", "admin", lambda g: g.get_online(GONE)),
    (NotFound, "list_tags", "admin", lambda g: g.list_tags(GONE)),
    (NotFound, "list_timeline", "admin", lambda g: g.list_timeline(GONE)),
    (NotFound, "list_logs", "admin", lambda g: g.list_logs(GONE)),
    (NotFound, "list_metafields", "admin", lambda g: g.list_metafields(GONE)),
    (NotFound, "reveal_token", "admin", lambda g: g.reveal_token(GONE)),
    (NotFound, "rename_device", "admin", lambda g: g.rename_device(GONE, "New")),
    (NotFound, "set_metafield", "admin", lambda g: g.set_metafield(GONE, 3, "x")),
    (NotFound, "set_metafield", "admin", lambda g: g.set_metafield(3, 999, "x")),
    (NotFound, "list_last_activated", "admin", lambda g: g.list_last_activated(org_id=FOREIGN_ORG)),
    (NotFound, "get_organization", "admin", lambda g: g.get_organization(FOREIGN_ORG)),
    (NotFound, "get_user", "admin", lambda g: g.get_user(999_999)),
    (NotFound, "list_templates", "admin", lambda g: g.list_templates(org_id=FOREIGN_ORG)),
    (NotFound, "list_template_events", "admin", lambda g: g.list_template_events(9_999)),
    (Forbidden, "list_devices", "owner", lambda g: g.list_devices()),
    (Forbidden, "search_devices", "owner", lambda g: g.search_devices("cold")),
    (Forbidden, "get_device", "owner", lambda g: g.get_device(1)),
    (Forbidden, "get_base_info", "owner", lambda g: g.get_base_info(1)),
    (Forbidden, "get_online", "owner", lambda g: g.get_online(1)),
    (Forbidden, "list_metafields", "owner", lambda g: g.list_metafields(1)),
    (Forbidden, "reveal_token", "owner", lambda g: g.reveal_token(1)),
    (Forbidden, "list_tags", "viewer", lambda g: g.list_tags(1)),
    (Forbidden, "list_timeline", "owner", lambda g: g.list_timeline(3)),
    (Forbidden, "list_logs", "viewer", lambda g: g.list_logs(1)),
    (Forbidden, "rename_device", "viewer", lambda g: g.rename_device(3, "New")),
    (Forbidden, "set_metafield", "viewer", lambda g: g.set_metafield(3, 3, "x")),
    (Forbidden, "list_devices_by_owner", "viewer", lambda g: g.list_devices_by_owner("owner@example.com")),
    (Forbidden, "list_devices_by_user", "viewer", lambda g: g.list_devices_by_user("owner@example.com")),
    (Forbidden, "list_last_activated", "owner", lambda g: g.list_last_activated()),
    (Forbidden, "list_users", "viewer", lambda g: g.list_users()),
    (Forbidden, "search_users", "viewer", lambda g: g.search_users("ana")),
    (Forbidden, "get_user", "viewer", lambda g: g.get_user(11)),
    (Forbidden, "list_templates", "owner", lambda g: g.list_templates()),
    (Forbidden, "list_template_events", "owner", lambda g: g.list_template_events(11)),
    (Forbidden, "get_organization", "viewer", lambda g: g.get_organization(2)),
    (Forbidden, "search_organizations", "viewer", lambda g: g.search_organizations("north")),
    (Forbidden, "list_sub_organizations", "viewer", lambda g: g.list_sub_organizations()),
    (Forbidden, "get_user_profile", "client", lambda g: g.get_user_profile()),
    (Rejected, "transfer_to_owner", "admin", lambda g: g.transfer_to_owner(3, 4)),
    (Rejected, "transfer_to_organization", "admin", lambda g: g.transfer_to_organization(3, 1)),
    (NotFound, "create_device", "admin", lambda g: g.create_device("TMPLnone", "New")),
    (NotFound, "delete_device", "admin", lambda g: g.delete_device(GONE)),
    (NotFound, "transfer_to_owner", "admin", lambda g: g.transfer_to_owner(3, 999_999)),
    (NotFound, "transfer_to_organization", "admin", lambda g: g.transfer_to_organization(3, FOREIGN_ORG)),
    (NotFound, "remove_owner", "admin", lambda g: g.remove_owner(GONE)),
    (NotFound, "clear_device", "admin", lambda g: g.clear_device(GONE)),
    (NotFound, "trigger_event", "admin", lambda g: g.trigger_event(3, "no_such_event")),
    (Forbidden, "create_device", "support", lambda g: g.create_device("TMPL2cRm01aQ9", "New")),
    (Forbidden, "delete_device", "support", lambda g: g.delete_device(3)),
    (Forbidden, "transfer_to_owner", "viewer", lambda g: g.transfer_to_owner(3, 11)),
    (Forbidden, "transfer_to_organization", "viewer", lambda g: g.transfer_to_organization(3, 2)),
    (Forbidden, "remove_owner", "viewer", lambda g: g.remove_owner(3)),
    (Forbidden, "clear_device", "support", lambda g: g.clear_device(3)),
    (Forbidden, "trigger_event", "support", lambda g: g.trigger_event(3, "temp_high")),
]


def is_refused(refusal: Refusal, gateway_as: As) -> None:
    """The call fails as expected, with everything a person and a log need."""
    kind, operation, user, call = refusal
    with pytest.raises(GatewayError) as caught:
        call(gateway_as(user))
    error = caught.value
    assert type(error) is kind
    assert (error.operation, error.request_id) == (operation, "c0ffee")
    assert error.api_status == {Rejected: 400, NotFound: 404, Forbidden: 403}[kind]
    assert error.api_message


def name_of(refusal: Refusal) -> str:
    kind, operation, user, _ = refusal
    return f"{kind.__name__}-{operation}-{user}"


@pytest.mark.parametrize("refusal", REFUSED, ids=name_of)
def test_a_refusal_is_typed_and_has_the_api_s_message(refusal: Refusal, gateway_as: As) -> None:
    is_refused(refusal, gateway_as)


def test_a_refused_name_is_a_rejection(fresh_sandbox: SandboxServer, gateway_as: As) -> None:
    fresh_sandbox.switch(name_letters="ascii")
    is_refused((Rejected, "rename_device", "admin", lambda g: g.rename_device(3, "Kjøkken")), gateway_as)


def test_an_empty_refusal_is_one_too(fresh_sandbox: SandboxServer, gateway_as: As) -> None:
    fresh_sandbox.switch(forbidden_body="empty")
    with pytest.raises(Forbidden) as caught:
        gateway_as("viewer").rename_device(3, "New")
    assert caught.value.api_message == ""


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "status": 500}, ServerFault),
        ({"kind": "status", "status": 429, "retry_after": 7}, RateLimited),
        ({"kind": "empty"}, BadReply),
        ({"kind": "html"}, ServerFault),
        ({"kind": "html", "status": 200}, BadReply),
        ({"kind": "json", "body": {"id": "31"}}, BadReply),
        ({"kind": "redirect", "location": "https://fra1.example/"}, Redirected),
        ({"kind": "cut"}, BadReply),
        ({"kind": "drop"}, Unreachable),
        ({"kind": "drip"}, TimedOut),
        ({"kind": "bomb"}, BadReply),
        ({"kind": "delay", "delay": 0.8}, TimedOut),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value.__name__,
)
def test_a_fault_is_a_typed_error_and_the_call_is_made_once(
    fault: dict[str, Any], kind: type[GatewayError], fresh_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = Transport(fresh_sandbox.url)
    gateway = Gateway(transport, lambda rejected: fresh_sandbox.token())
    gateway.get_base_info(3)
    fresh_sandbox.fault("/device", **fault)
    fresh_sandbox.clear_requests()
    if kind is TimedOut:  # short only here: a busy machine may be slow elsewhere
        monkeypatch.setattr(transport, "timeouts", Timeouts(read=0.3, call=0.5))
    with pytest.raises(GatewayError) as caught:
        gateway.get_device(3)
    monkeypatch.undo()
    assert type(caught.value) is kind
    fresh_sandbox.clear_faults()
    assert gateway.get_device(3).id == 3, "the next call is a good one"
