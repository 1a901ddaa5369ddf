"""Create, delete, transfer, clear, trigger: the gateway against the sandbox, success and refusals."""

from __future__ import annotations

import pytest

from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, NotFound, RateLimited, Rejected
from tests.devices.gateway.conftest import FOREIGN_ORG, GONE, As, Refusal, is_refused, name_of
from tests.servers import SandboxServer


@pytest.mark.parametrize("status", ["200", "201"])
def test_a_device_is_created_and_deleted(status: str, fresh_sandbox: SandboxServer, admin: Gateway) -> None:
    fresh_sandbox.switch(create_status=status)
    created = admin.create_device("TMPL2cRm01aQ9", "New room", org_id=2, owner_id=26)
    assert (created.name, created.org_id, created.owner_user_id) == ("New room", 2, 26)
    assert admin.reveal_token(created.id) not in repr(created)
    assert admin.get_device(created.id).template_id == 11
    admin.delete_device(created.id)
    with pytest.raises(NotFound):
        admin.get_device(created.id)


def test_a_device_is_transferred(fresh_sandbox: SandboxServer, admin: Gateway) -> None:
    admin.transfer_to_owner(3, 4_294_967_301)
    assert admin.get_base_info(3).owner_user_id == 4_294_967_301
    admin.remove_owner(3)
    assert not admin.get_base_info(3).owner_user_id
    admin.transfer_to_organization(3, 3)
    assert admin.get_base_info(3).org_id == 3


def test_an_event_is_triggered_and_data_cleared(fresh_sandbox: SandboxServer, admin: Gateway) -> None:
    admin.trigger_event(3, "temp_high", "by hand")
    newest = admin.list_timeline(3).items[0]
    assert (newest.event_type, newest.description) == ("CRITICAL", "by hand")
    admin.clear_device(3)
    assert admin.list_timeline(3).items == ()
    assert admin.get_base_info(3).id == 3


def test_too_many_events_are_rate_limited(fresh_sandbox: SandboxServer, admin: Gateway) -> None:
    fresh_sandbox.switch(event_gap=3600, retry_after=30)
    admin.trigger_event(3, "temp_high")
    with pytest.raises(RateLimited) as caught:
        admin.trigger_event(3, "temp_high")
    assert caught.value.retry_after == 30


REFUSED: list[Refusal] = [
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


@pytest.mark.parametrize("refusal", REFUSED, ids=name_of)
def test_a_refused_change_is_typed_and_has_the_api_s_message(refusal: Refusal, gateway_as: As) -> None:
    is_refused(refusal, gateway_as)
