"""To another organization: from and to first, what may be lost, and what reads back."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from tests.devices import fleet
from tests.devices.changes.forms import end, filled, held, writes
from tests.devices.conftest import Person, soup, words
from tests.servers import SandboxServer

ORGANIZATION = f"/devices/{fleet.RICH}/transfer-to-organization/"

pytestmark = pytest.mark.usefixtures("fresh_sandbox")


def test_the_organization_is_shown_beside_the_present_one_with_what_may_be_lost(
    support: Person, platform: SandboxServer
) -> None:
    page = support.get(ORGANIZATION, {"org_id": "2"})
    assert "Halden Cooling" in end(page, "from")
    assert "Halden North" in end(page, "to")
    assert "It may lose its owner, ana.lund@example.org, and leave your view." in words(page)
    assert soup(page).select_one("form[method=post] input[name=org_id]")["value"] == "2"  # type: ignore[index]
    assert writes(platform) == []


def test_a_transfer_to_an_organization_tells_what_reads_back(support: Person, platform: SandboxServer) -> None:
    answer = support.post(ORGANIZATION, {"org_id": "2"})
    assert answer.status_code == 303
    said = words(support.get(answer["Location"]))
    assert "Transferred to Halden North. Read back at " in said
    assert "Halden Cooling → Halden North" in said
    assert "Now: owner nobody, organization Halden North." in said
    assert held(platform)["orgId"] == 2
    assert not held(platform).get("ownerUserId")


def test_an_organization_that_is_not_known_by_name_is_looked_up(support: Person, platform: SandboxServer) -> None:
    platform.fault("/sub-organizations", "status", status=500)
    cache.clear()
    assert "Halden Depot" in end(support.get(ORGANIZATION, {"org_id": "3"}), "to")


def test_an_organization_that_cannot_be_read_counts_as_typed(support: Person, platform: SandboxServer) -> None:
    for path in ("/sub-organizations", "/api/v1/organization"):
        platform.fault(path, "status", status=500)
    cache.clear()
    assert "Organization 3" in end(support.get(ORGANIZATION, {"org_id": "3"}), "to")
    assert support.post(ORGANIZATION, {"org_id": "3"}).status_code == 303
    assert held(platform)["orgId"] == 3


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Choose an organization, or enter its ID."),
        ("Halden North", "Enter the organization’s ID: a number."),
        ("2.5", "Enter the organization’s ID: a number."),
        ("0", "No organization has that ID"),
        ("-1", "No organization has that ID"),
        ("2147483648", "No organization has that ID"),
        ("2147483647", "There is no organization 2147483647 within your reach."),
        ("5", "There is no organization 5 within your reach."),
        ("1", "The device is in this organization already: there is nothing to do."),
    ],
)
def test_where_the_device_cannot_go_is_told_beside_the_field(
    support: Person, platform: SandboxServer, typed: str, sentence: str
) -> None:
    for answer in (support.get(ORGANIZATION, {"org_id": typed}), support.post(ORGANIZATION, {"org_id": typed})):
        assert answer.status_code == 422
        error = soup(answer).select_one(".field .error")
        assert error is not None
        assert sentence in error.get_text()
        field = soup(answer).select_one("input[name=org_id], select[name=org_id]")
        assert field is not None
        assert field["aria-invalid"] == "true"
        assert field.get("value", "") == typed
    assert writes(platform) == []


def test_known_organizations_are_offered_by_name_and_others_can_be_typed(support: Person) -> None:
    page = support.get(ORGANIZATION)
    options = {str(option["value"]): option.get_text() for option in soup(page).select("select[name=org_id] option")}
    assert options == {
        "": "Choose an organization",
        "3": "Halden Depot",
        "2": "Halden North",
        "4": "Halden North Marine",
    }
    typed = support.get(str(soup(page).find("a", string="It is not in this list")["href"]))  # type: ignore[index]
    field = soup(typed).select_one("input[name=org_id]")
    assert field is not None
    assert field["hx-get"] == "/devices/pick/organization/"


def test_an_organization_the_platform_does_not_find_is_told(support: Person, platform: SandboxServer) -> None:
    platform.fault("/device/transfer/to-organization", "status", status=404)
    answer = support.post(ORGANIZATION, {"org_id": "2"})
    assert answer.status_code == 422
    assert "The platform does not find this organization." in end(answer, "to")


def test_a_device_that_left_with_its_organization_leads_to_the_list(support: Person, platform: SandboxServer) -> None:
    platform.fault("/device/baseInfo", "status", status=404, skip=1)
    answer = support.post(ORGANIZATION, {"org_id": "2"})
    assert answer["Location"].startswith("/devices/?change=")
    shown = words(support.get(answer["Location"]))
    assert "Transferred to Halden North. The platform accepted it. You can no longer see the device" in shown
    assert "Halden Cooling → Halden North" in shown


def test_an_organization_changed_meanwhile_stops_the_transfer(support: Person, platform: SandboxServer) -> None:
    sent = filled(support.get(ORGANIZATION, {"org_id": "3"}))
    platform.call("POST", "/device/transfer/to-organization", json={"deviceId": fleet.RICH, "newOrgId": 2})
    platform.clear_requests()
    answer = support.post(ORGANIZATION, sent | {"reason": "HC-7"})
    assert answer.status_code == 409
    assert "it is “Halden North” now. You entered “Halden Depot”." in words(answer)
    assert "Halden North" in end(answer, "from")
    again = filled(answer)
    assert again["reason"] == "HC-7"
    assert writes(platform) == []
    assert support.post(ORGANIZATION, again).status_code == 303
    assert held(platform)["orgId"] == 3


def test_a_limit_at_the_look_up_keeps_what_was_chosen_and_typed(support: Person, platform: SandboxServer) -> None:
    platform.fault("/sub-organizations", "status", status=500)
    platform.fault("/api/v1/organization", "status", status=429, retry_after=17)
    cache.clear()
    answer = support.post(ORGANIZATION, {"org_id": "3", "reason": "HC-7"})
    assert answer.status_code == 429
    assert answer["Retry-After"] == "17"
    assert soup(answer).select_one("form[method=post] input[name=org_id]")["value"] == "3"  # type: ignore[index]
    assert soup(answer).select_one("input[name=reason]")["value"] == "HC-7"  # type: ignore[index]
    assert writes(platform) == []
