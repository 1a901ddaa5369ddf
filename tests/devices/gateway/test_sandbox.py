"""The gateway and the sandbox, two implementations of one document, over real HTTP: what is read and written.

The seed knows device 1 (640 entries in its timeline) and device 3 (of owner@example.com).
"""

from __future__ import annotations

import msgspec
import pytest

from devices.gateway.client import Gateway
from devices.gateway.errors import Unauthorized
from devices.gateway.transport import Transport
from tests.devices.gateway.conftest import As
from tests.servers import SandboxServer

# --- reads ------------------------------------------------------------------------------------------------------------


def test_devices_come_page_by_page(admin: Gateway) -> None:
    first, second = admin.list_devices(size=10), admin.list_devices(page=1, size=10)
    assert len(first.items) == len(second.items) == 10
    assert not {device.id for device in first.items} & {device.id for device in second.items}
    assert first.total == second.total
    assert (first.has_previous, first.has_next, second.has_previous) == (False, True, True)
    assert all(device.name and device.template_id and device.org_id == 1 for device in first.items)


def test_devices_of_another_organization_and_of_those_below(admin: Gateway) -> None:
    own, north = admin.list_devices(), admin.list_devices(org_id=2)
    all_of_them = admin.list_devices(include_sub_orgs=True, size=1000)
    assert {device.org_id for device in north.items} == {2}
    assert {device.org_id for device in all_of_them.items} == {1, 2, 3, 4}
    assert own.total is not None
    assert all_of_them.total is not None
    assert all_of_them.total == len(all_of_them.items) > own.total


def test_a_page_past_the_end_is_empty_and_knows_the_total(admin: Gateway) -> None:
    page = admin.list_devices(page=1000, size=50)
    assert page.items == ()
    assert page.total
    assert (page.first, page.has_next) == (0, False)


def test_search_finds_and_sorts(admin: Gateway) -> None:
    up = admin.search_devices("cold", sort_by="Name", size=200)
    down = admin.search_devices("cold", sort_by="Name", sort_order="DESC", size=200)
    assert len(up.items) > 2
    assert all("cold" in device.name.lower() for device in up.items)
    assert [device.name for device in down.items] == [device.name for device in reversed(up.items)]


def test_a_device_in_full_and_in_brief(admin: Gateway) -> None:
    details, brief = admin.get_device(3), admin.get_base_info(3)
    assert details.name == brief.name == "Kitchen cold room"
    assert details.owner_user_id == 4
    assert brief.lifecycle_status is not None
    assert details.data_stream_values
    assert details.data_stream_values[0].data_stream_alias == "Temperature"
    assert details.meta_field_values == admin.list_metafields(3)


def test_every_device_of_the_seed_can_be_read(admin: Gateway) -> None:
    """Odd names, absent members, every type of metafield: none of it is a BadReply."""
    devices = admin.list_devices(include_sub_orgs=True, size=1000).items
    assert any(device.hardware_info is None for device in devices)
    assert any(device.activated_at is None for device in devices)
    kinds = set()
    for device in devices[:40]:
        details = admin.get_device(device.id)
        assert (details.id, details.name) == (device.id, device.name)
        kinds |= {type(field.value) for field in details.meta_field_values or ()}
    for device in devices[:10]:
        admin.list_logs(device.id)
        admin.list_timeline(device.id)
    assert kinds == {dict, str, type(None)}, "objects, plain text and null"


def test_timeline_is_paged_newest_first_and_filtered(admin: Gateway) -> None:
    page = admin.list_timeline(1, size=100)
    assert page.total is not None
    assert page.total > 500
    assert [event.ts for event in page.items] == sorted((event.ts for event in page.items), reverse=True)
    critical = admin.list_timeline(1, event_type="CRITICAL")
    assert {event.event_type for event in critical.items} == {"CRITICAL"}
    assert critical.total is not None
    assert critical.total < page.total


def test_logs_hold_values_of_all_kinds(admin: Gateway) -> None:
    logs = [entry for page in range(4) for entry in admin.list_logs(1, page=page, size=50).items]
    assert {type(entry.value) for entry in logs} >= {int, float, str, list, type(None)}
    assert all(entry.created_at for entry in logs)


def test_a_total_may_be_missing(fresh_sandbox: SandboxServer, admin: Gateway) -> None:
    fresh_sandbox.switch(total_elements="never")
    assert admin.list_logs(1).total is None
    assert admin.list_logs(1, size=5).has_next
    assert admin.list_devices_by_owner("owner@example.com").total is None
    assert admin.list_devices().total is not None
    fresh_sandbox.switch(total_elements="always")
    assert admin.list_logs(1).total is not None


def test_small_questions_about_a_device(admin: Gateway) -> None:
    assert admin.get_online(3).connected is True
    assert {tag.name for device in (2, 4, 5) for tag in admin.list_tags(device)} == {
        "Rented",
        "Warranty",
        "Do not touch",
    }


def test_devices_of_a_person(gateway_as: As) -> None:
    own = gateway_as("owner").list_devices_by_owner("owner@example.com")
    assert own.items
    assert {device.owner_user_id for device in own.items} == {4}
    admin = gateway_as()
    assert [device.id for device in admin.list_devices_by_owner("owner@example.com").items] == [
        device.id for device in own.items
    ]
    assert [device.id for device in admin.list_devices_by_user("owner@example.com").items] == [
        device.id for device in own.items
    ]
    assert admin.list_devices_by_owner("kofi+plant@example.org").items, "the plus sign arrives as one"
    assert admin.list_devices_by_owner("nobody@example.org").items == ()


def test_recently_activated(admin: Gateway) -> None:
    hour, minute = admin.list_last_activated(minutes=60), admin.list_last_activated(minutes=1)
    assert len(hour) > len(minute)
    assert {admin.get_base_info(entry.id).activated_at for entry in hour} == {entry.activation_time for entry in hour}


def test_people_organizations_and_templates(admin: Gateway) -> None:
    profile = admin.get_user_profile()
    assert (profile.email, profile.role.name, profile.org_name) == ("admin@example.com", "Admin", "Halden Cooling")
    assert "ORG_DEVICES_EDIT" in profile.role.permissions
    assert admin.get_own_organization().name == "Halden Cooling"
    assert admin.get_organization(2).parent_organization_id == 1
    assert [org.name for org in admin.search_organizations("marine").items] == ["Halden North Marine"]
    assert {org.id for org in admin.list_sub_organizations().items} == {2, 3, 4}
    users = admin.list_users()
    assert {user.org_id for user in users.items} == {1}
    assert len(admin.list_users(include_sub_orgs=True).items) > len(users.items)
    assert max(user.id for user in users.items) > 2**32, "user ids are 64 bits wide"
    [ana] = admin.search_users("ana.lund").items
    assert admin.get_user(ana.id).status == "Active"
    assert [user.email for user in admin.search_users("lund", sort_by="Email").items] == [ana.email]
    templates = {template.id: template for template in admin.list_templates().items}
    device = admin.get_base_info(3)
    assert templates[device.template_id].template_ids == ("TMPL2cRm01aQ9",)
    assert "temp_high" in {event.event_code for event in admin.list_template_events(device.template_id)}


# --- writes -----------------------------------------------------------------------------------------------------------


def test_a_name_is_changed(fresh_sandbox: SandboxServer, admin: Gateway) -> None:
    renamed = admin.rename_device(3, "Kjøkken - rom's 3")
    assert (renamed.id, renamed.name) == (3, "Kjøkken - rom's 3")
    assert admin.get_device(3).name == "Kjøkken - rom's 3"


def test_a_metafield_is_set(fresh_sandbox: SandboxServer, admin: Gateway) -> None:
    admin.set_metafield(3, 4, "125")
    values = {field.id: field.value for field in admin.list_metafields(3)}
    assert values[4]["value"] == 125


# --- tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["nested", "flat", "empty"])
def test_a_token_that_ended_upstream_is_replaced_once(body: str, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(unauthorized_body=body)
    old = fresh_sandbox.token()
    fresh_sandbox.expire_tokens()
    rejections: list[str | None] = []

    def token(rejected: str | None) -> str:
        rejections.append(rejected)
        return old if rejected is None else fresh_sandbox.token()

    fresh_sandbox.clear_requests()
    assert Gateway(Transport(fresh_sandbox.url), token).rename_device(3, "Renamed").name == "Renamed"
    assert rejections == [None, old]
    with pytest.raises(Unauthorized):
        Gateway(Transport(fresh_sandbox.url), lambda rejected: "no such token").get_device(3)
    calls = [request["status"] for request in fresh_sandbox.requests() if "/organization/" in request["path"]]
    assert calls == [401, 200, 401, 401]


# --- the credential ---------------------------------------------------------------------------------------------------


def test_no_value_of_the_sandbox_holds_a_credential(fresh_sandbox: SandboxServer, admin: Gateway) -> None:
    devices = admin.list_devices(include_sub_orgs=True, size=1000).items
    credentials = [
        device["token"]
        for device in fresh_sandbox.get("/devices", includeSubOrgDevices="true", size=1000).json()["content"]
    ]
    assert len(credentials) == len(devices) > 200
    assert admin.reveal_token(3) in credentials
    values: list[object] = [
        devices,
        admin.search_devices("cold", size=1000),
        admin.list_devices_by_owner("owner@example.com"),
        admin.list_devices_by_user("owner@example.com"),
        admin.get_device(3),
        admin.get_base_info(3),
        admin.rename_device(3, "New name"),
        admin.list_metafields(3),
        admin.list_timeline(1, size=1000),
        admin.list_logs(1, size=1000),
        admin.list_last_activated(minutes=60),
    ]
    for value in values:
        seen = f"{value!r} {msgspec.to_builtins(value)}"
        assert not [credential for credential in credentials if credential in seen]
    assert fresh_sandbox.get("/device", deviceId=3).json()["token"] == admin.reveal_token(3), "and it was sent"
