"""Why something is open or closed to a person."""

from __future__ import annotations

import pytest

from devices.core.permissions import Access, judge


def person(*permissions: str, user_id: int = 7) -> Access:
    return Access(user_id, "me@example.com", "Me", "Role", frozenset(permissions), 1, "Org", "UTC")


@pytest.mark.parametrize(
    ("held", "operation", "owner_id", "missing"),
    [
        (("ORG_DEVICES_VIEW",), "list_devices", None, ()),
        (("OWN_DEVICES_VIEW",), "list_devices", None, ("ORG_DEVICES_VIEW",)),
        (("OWN_DEVICES_VIEW",), "get_device", 7, ()),
        (("OWN_DEVICES_VIEW",), "get_device", 8, ("ORG_DEVICES_VIEW",)),
        (("OWN_DEVICES_VIEW",), "get_device", 0, ("ORG_DEVICES_VIEW",)),
        (("OWN_DEVICES_VIEW",), "get_device", None, ()),
        ((), "get_device", 7, ("OWN_DEVICES_VIEW",)),
        (("OWN_DEVICES_VIEW", "ORG_DEVICES_EDIT"), "rename_device", 7, ()),
        (("ORG_DEVICES_VIEW",), "rename_device", 8, ("ORG_DEVICES_EDIT",)),
        (("OWN_DEVICES_VIEW",), "rename_device", 8, ("ORG_DEVICES_EDIT", "ORG_DEVICES_VIEW")),
        (("ORG_DEVICES_VIEW", "VIEW_TIMELINE"), "list_timeline", 8, ()),
        (("ORG_DEVICES_VIEW",), "list_logs", 8, ("ORG_DEVICE_VIEW_ACTION_LOG",)),
    ],
)
def test_the_missing_permissions_are_named(
    held: tuple[str, ...], operation: str, owner_id: int | None, missing: tuple[str, ...]
) -> None:
    assert judge(operation, person(*held), owner_id=owner_id).missing == missing


def test_another_users_devices_need_more_than_ones_own() -> None:
    mine = judge("list_devices_by_owner", person("OWN_DEVICES_VIEW"))
    theirs = judge("list_devices_by_owner", person("OWN_DEVICES_VIEW"), other=True)
    assert mine.allowed
    assert theirs.missing == ("ORG_VIEW_USERS", "ORG_DEVICES_VIEW")
    assert "not you" in theirs.why


def test_a_verdict_says_why_this_device_is_different() -> None:
    verdict = judge("get_device", person("OWN_DEVICES_VIEW"), owner_id=9)
    assert "not this device's owner" in verdict.why
