"""Create, delete, transfer, clear, trigger: the gateway against the sandbox."""

from __future__ import annotations

import pytest

from devices.gateway.client import Gateway
from devices.gateway.errors import NotFound, RateLimited
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
