"""SIGN_IN=service: calls use the organization's token, so the portal enforces each person's groups."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connections

from devices.core.permissions import ORGANIZATION_WIDE, OWN_VIEW, RULES, Access
from devices.core.requests import Denied
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError
from devices.gateway.required_permissions import PermissionRule
from devices.gateway.resilience.policy import Priority
from portal.auth import grants, session_admin
from portal.auth.models import ApiGrant
from portal.auth.sso import service
from portal.platform import transport
from tests.devices import fleet
from tests.devices.gateway.calls import CASES, Case
from tests.portal.addresses import KNOWN
from tests.portal.auth.sso.idp import Person, nobody
from tests.portal.auth.sso.settings import Proxied, by_header
from tests.portal.conftest import calls, words
from tests.servers import SandboxServer

GROUPS = {
    "all": ORGANIZATION_WIDE,
    "lookers": frozenset({"ORG_DEVICES_VIEW"}),
    "boss": frozenset({"PORTAL_AUDIT"}),
}
WRITES = ("POST", "PUT", "DELETE")


@pytest.fixture(autouse=True)
def _service(settings: Any, platform: SandboxServer) -> None:
    by_header(settings, SIGN_IN="service", ACCESS_GROUPS=GROUPS)


def entered(groups: str = "all", user: str = "zoe@example.com") -> Proxied:
    browser = Proxied(user, groups)
    assert browser.get("/sign-in/")["Location"] == "/devices/"
    return browser


def sent(platform: SandboxServer) -> list[tuple[str, str]]:
    return [(entry["method"], entry["path"]) for entry in platform.requests()]


# --- every operation --------------------------------------------------------------------------------------------------


def zoe(*permissions: str) -> Access:
    return Access(0, "zoe@example.com", "Zoe", "all", frozenset(permissions), 1, "Halden", "UTC")


def guarded(*permissions: str) -> Gateway:
    return Gateway(transport(), lambda _: "token", guard=service.permission_guard(zoe(*permissions), "r"))


def needed(rule: PermissionRule) -> set[str]:
    return {*rule.names, *rule.other, *(("ORG_DEVICES_VIEW",) if rule.visible else ())}


RULED = [case for case in CASES if case.name in RULES]


def test_every_operation_is_tried() -> None:
    assert {case.name for case in RULED} == set(RULES)
    unruled = {name for name in vars(Gateway) if not name.startswith("_")} - set(RULES)
    assert unruled == {"get_user_profile", *service.ALWAYS_ALLOWED}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_without_permissions_nothing_is_sent(case: Case, platform: SandboxServer) -> None:
    if case.name in service.ALWAYS_ALLOWED:
        return
    for gateway in (
        guarded(),
        guarded(OWN_VIEW),
        guarded().within(5),
        guarded().with_priority(Priority.JOB).for_threads(),
    ):
        with pytest.raises(Forbidden):
            case.call(gateway)
    assert platform.requests() == []


@pytest.mark.parametrize("case", RULED, ids=lambda case: case.name)
def test_each_permission_that_an_operation_asks_for_is_needed(case: Case, platform: SandboxServer) -> None:
    all_of_them = needed(RULES[case.name])
    for missing in all_of_them:
        with pytest.raises(Denied) as refused:
            case.call(guarded(*(ORGANIZATION_WIDE - {missing}), OWN_VIEW))
        assert refused.value.verdict.missing == (missing,)
    assert platform.requests() == []
    with pytest.raises(GatewayError):  # it went out, with a token that nobody knows
        case.call(guarded(*all_of_them))
    assert len(platform.requests()) == 2, "once, and again after the 401"


def test_creating_a_device_for_nobody_needs_no_look_at_users(platform: SandboxServer) -> None:
    gateway = guarded("ORG_DEVICES_CREATE")
    with pytest.raises(Forbidden):
        gateway.create_device("TMPL1", "x", owner_id=11)
    assert platform.requests() == []
    with pytest.raises(GatewayError):
        gateway.create_device("TMPL1", "x")
    assert platform.requests()


def test_who_is_nobody_to_the_platform_owns_nothing_without_an_owner() -> None:
    from devices.core.permissions import judge, judge_here

    access = zoe(*(ORGANIZATION_WIDE - {"ORG_DEVICES_VIEW"}))
    assert judge("get_device", access, owner_id=0).missing == ("ORG_DEVICES_VIEW",)
    assert not judge_here("transfer_to_owner", zoe("TRANSFER_DEVICE", "ORG_DEVICES_VIEW"), 0).why


# --- every page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", KNOWN, ids=lambda address: address.name)
def test_no_page_gets_past_the_groups(address: Any, platform: SandboxServer) -> None:
    """A person with a right in the portal and no permission: no request of theirs reaches the platform."""
    browser = entered("boss")
    platform.clear_requests()
    fields = {"name": "x", "owner": "11", "org_id": "2", "code": "door_open", "value": "1", "template_code": "TMPL1"}
    fields |= {"confirm": "Cold room 14 - door's sensor", "email": "ana@example.com", "q": "cold", "minutes": "5"}
    for method in ("get", "post"):
        for headers in ({}, {"HX-Request": "true"}):
            response = getattr(browser, method)(address.path(), fields, headers=headers)
            assert response.status_code < 500, (method, headers)
    assert {path for _, path in sent(platform)} <= {"/api/v1/organization/profile"}


@pytest.mark.parametrize("address", KNOWN, ids=lambda address: address.name)
def test_who_may_look_may_change_nothing(address: Any, platform: SandboxServer) -> None:
    browser = entered("lookers")
    platform.clear_requests()
    fields = {"name": "x", "owner": "11", "org_id": "2", "code": "door_open", "value": "1", "template_code": "TMPL1"}
    fields["confirm"] = "Cold room 14 - door's sensor"
    browser.post(address.path(), fields)
    assert [method for method, _ in sent(platform) if method in WRITES] == []


def test_what_the_groups_give_works_and_the_person_is_named(fresh_sandbox: SandboxServer) -> None:
    browser = entered("all,boss")
    access = browser.access(f"/devices/{fleet.RICH}/")
    assert (access.user_id, access.email, access.role_name) == (0, "zoe@example.com", "all, boss")
    assert (access.subject, access.rights) == ("proxy|zoe@example.com", {"PORTAL_AUDIT"})
    response = browser.post(f"/devices/{fleet.RICH}/rename/", {"name": "Renamed by a group"})
    assert response.status_code in (200, 303), words(response)
    assert ("PUT", "/api/v1/organization/device") in sent(fresh_sandbox)


def test_a_page_says_which_permission_is_missing() -> None:
    response = entered("lookers").get(f"/devices/{fleet.RICH}/timeline/")
    assert "VIEW_TIMELINE" in words(response)


def test_nothing_is_my_own() -> None:
    browser = entered("all")
    page = browser.get("/devices/")
    assert "My devices" not in words(page)
    denied = entered("boss").get("/devices/")
    assert denied.status_code == 403
    assert "ORG_DEVICES_VIEW" in words(denied)
    assert OWN_VIEW not in words(denied)


# --- coming in --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("groups", "words"), [("", "sent no groups"), ("nobodies, strangers", "nobodies, strangers")])
def test_nobody_signs_in_without_a_group_of_the_portal(platform: SandboxServer, groups: str, words: str) -> None:
    response = Proxied("zoe@example.com", groups).get("/sign-in/")
    assert words in nobody(response, 403)
    assert platform.requests() == []


def test_the_groups_of_this_very_request_count() -> None:
    browser = entered("all")
    browser.groups = "lookers"
    assert browser.get(f"/devices/{fleet.RICH}/rename/").status_code == 403
    browser.groups = "strangers"
    response = browser.get("/devices/")
    assert response.status_code == 403
    assert "None of your groups" in words(response)


def test_there_is_no_password_form(platform: SandboxServer) -> None:
    browser = Proxied("zoe@example.com", "lookers")
    response = browser.sign_in("admin")
    assert response["Location"] == "/devices/"
    assert browser.access().permissions == {"ORG_DEVICES_VIEW"}
    grants_asked = [entry["query"] for entry in platform.requests() if entry["path"] == "/oauth2/token"]
    assert len(grants_asked) == 1


def test_a_grant_of_another_way_of_signing_in_is_not_taken_over(settings: Any) -> None:
    browser = entered("all")
    settings.SIGN_IN = "user"
    assert browser.get("/devices/").status_code == 302
    settings.SIGN_IN = "service"
    settings.ACCESS_GROUPS = GROUPS
    assert browser.get("/devices/").status_code == 302


def test_an_unreachable_platform_is_reported_and_opens_no_session(settings: Any) -> None:
    settings.PLATFORM_API_URL = "http://127.0.0.1:9"
    transport.cache_clear()
    response = Proxied("zoe@example.com", "all").get("/sign-in/")
    assert response.status_code == 503
    assert "The platform cannot be reached." in words(response)
    assert not ApiGrant.objects.exclude(handle__startswith=grants.ORGANIZATION_PREFIX).exists()


def test_a_client_that_the_platform_refuses_is_not_blamed_on_the_person(settings: Any, platform: SandboxServer) -> None:
    settings.PLATFORM_API_CLIENT_SECRET = "wrong"
    response = Proxied("zoe@example.com", "all").get("/sign-in/")
    assert response.status_code == 503
    assert "does not accept this portal" in words(response)


# --- the organization's token -----------------------------------------------------------------------------------------


def test_all_persons_share_one_token(platform: SandboxServer) -> None:
    entered("all").get("/devices/")
    entered("lookers", "yan@example.com").get("/devices/")
    assert calls(platform, "/oauth2/token") == 1
    row = ApiGrant.objects.get(handle__startswith=grants.ORGANIZATION_PREFIX)
    assert row.blob
    persons = ApiGrant.objects.exclude(pk=row.pk)
    assert {person.blob for person in persons} == {""}
    assert {person.subject for person in persons} == {"proxy|zoe@example.com", "proxy|yan@example.com"}


def test_the_organizations_token_is_no_persons_session() -> None:
    browser = entered("all")
    organization = browser.access().org_id
    people = session_admin.list_signed_in(session_admin.grants_of_organization(organization))
    assert [person.email for person in people] == ["zoe@example.com"]
    assert session_admin.end_grants(session_admin.grants_of_account("zoe@example.com"), by="somebody") == 1
    assert ApiGrant.objects.get().handle.startswith(grants.ORGANIZATION_PREFIX)
    assert browser.get("/devices/").status_code == 302


def test_a_token_that_ended_upstream_is_minted_again(platform: SandboxServer) -> None:
    browser = entered("all")
    platform.expire_tokens(refresh=True)
    platform.clear_requests()
    assert browser.get("/devices/").status_code == 200
    assert calls(platform, "/oauth2/token") == 1


def test_a_token_that_no_key_opens_is_minted_again(platform: SandboxServer, settings: Any) -> None:
    browser = entered("all")
    settings.TOKEN_KEYS = ["YW5vdGhlci1rZXktb2YtMzItYnl0ZXMtZm9yLXRlc3Q="]
    assert browser.get("/devices/").status_code == 200


def test_no_limit_of_a_session_ends_it(settings: Any, platform: SandboxServer) -> None:
    import time

    import time_machine

    browser = entered("all")
    with time_machine.travel(time.time() + 3 * settings.SESSION_COOKIE_AGE):
        assert browser.get("/devices/").status_code == 302, "the person's session is over"
        entered("all")
    row = ApiGrant.objects.get(handle__startswith=grants.ORGANIZATION_PREFIX)
    assert not row.revoked


def test_a_platform_that_refuses_every_token_ends_in_a_page_and_not_in_a_loop(platform: SandboxServer) -> None:
    browser = entered("all")
    platform.fault("/devices", "status", status=401)
    response = browser.get("/devices/", follow=True)
    assert response.redirect_chain == []
    assert response.status_code == 503
    assert "does not accept this portal" in words(response)
    assert ApiGrant.objects.filter(subject="proxy|zoe@example.com").exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_requests_at_once_one_mints(platform: SandboxServer) -> None:
    barrier, found = threading.Barrier(12), []

    def ask() -> None:
        barrier.wait()
        try:
            found.append(grants.organization_token())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert len(set(found)) == 1
    assert calls(platform, "/oauth2/token") == 1


# --- with a provider --------------------------------------------------------------------------------------------------


@pytest.fixture
def groups_of(person: Person, settings: Any) -> Person:
    settings.SIGN_IN = "service"
    settings.ACCESS_GROUPS = {"support": frozenset({"ORG_DEVICES_VIEW"})}
    return person


def test_a_sign_on_at_the_provider_is_all_there_is_to_do(groups_of: Person) -> None:
    assert groups_of.sign_on("/devices/?q=cold")["Location"] == "/devices/?q=cold"
    access = groups_of.access()
    assert (access.email, access.permissions) == ("viewer@example.com", {"ORG_DEVICES_VIEW"})


def test_groups_that_open_nothing_end_at_the_door(groups_of: Person) -> None:
    groups_of.idp.person["groups"] = ["cleaners"]
    assert "cleaners" in nobody(groups_of.sign_on(), 403)


def test_a_session_that_ended_begins_at_the_provider_again(groups_of: Person) -> None:
    groups_of.sign_on()
    ApiGrant.objects.filter(handle__regex="^[^:]+$").delete()
    page = groups_of.get("/devices/", follow=True)
    assert b"/sso/start/" in page.content
    assert "Your session has ended." in words(page)
