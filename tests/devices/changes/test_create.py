"""A new device: what is offered, what is sent, who may, and what is refused."""

from __future__ import annotations

import logging

import pytest
from django.core.cache import cache

from devices.core.permissions import RULES
from devices.gateway.required_permissions import PermissionRule
from tests.devices.changes.forms import lines
from tests.devices.changes.new_device import COLD, CREATE, NEW, created, errors, filled, the_device
from tests.devices.conftest import Person, SignIn, soup, words
from tests.servers import SandboxServer

# --- what is offered --------------------------------------------------------------------------------------------------


def test_the_form_offers_templates_by_name_and_sends_their_text_id(admin: Person) -> None:
    page = admin.get(NEW)
    assert page.status_code == 200
    offered = {o.get_text(): o["value"] for o in soup(page).select("#id_template_code option")}
    assert offered["Cold Room Controller"] == COLD
    assert offered["Boiler Gateway (TMPL2bGw07xK4)"] == "TMPL2bGw07xK4"
    assert offered["Boiler Gateway (TMPL2bGw08xK4)"] == "TMPL2bGw08xK4"
    assert "Radiator Valve" not in offered, "another company's"
    organizations = [o.get_text() for o in soup(page).select("#id_org_id option")]
    assert organizations[0] == "Halden Cooling"
    assert {"Halden North", "Halden Depot", "Halden North Marine"} < set(organizations)
    assert "the platform decides" in words(page)


def test_each_page_of_the_form_is_another_sending(admin: Person) -> None:
    ids = {str(soup(admin.get(NEW)).select_one("[name=idempotency_key]")["value"]) for _ in range(2)}  # type: ignore[index]
    assert len(ids) == 2


def test_templates_are_read_once_for_a_while(admin: Person, platform: SandboxServer) -> None:
    admin.get(NEW)
    admin.get(NEW)
    assert [entry["path"].rsplit("/", 1)[1] for entry in platform.requests()] == ["templates"]


def test_without_the_list_of_templates_the_id_is_typed_and_the_reason_said(
    admin: Person, fresh_sandbox: SandboxServer
) -> None:
    fresh_sandbox.fault("/templates", "status", status=500)
    page = admin.get(NEW)
    assert page.status_code == 200
    assert soup(page).select_one("input#id_template_code")
    assert "cannot be read just now" in words(page)
    assert the_device(fresh_sandbox, admin.post(NEW, filled()))["templateId"] == 11


def test_who_may_not_list_templates_types_the_id_and_is_told_what_is_missing(
    admin: Person, fresh_sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        RULES, "list_templates", PermissionRule(("NOT_HELD",))
    )  # no seeded role may create and not see templates
    page = admin.get(NEW)
    assert soup(page).select_one("input#id_template_code")
    assert "To choose from a list, your role needs NOT_HELD." in words(page)
    assert "in the platform’s console" in words(page)
    assert fresh_sandbox.requests() == []
    assert the_device(fresh_sandbox, admin.post(NEW, filled()))["templateId"] == 11


def test_the_installer_sees_what_is_missing_for_another_organization_or_owner(sign_in: SignIn) -> None:
    page = sign_in("installer").get(NEW)
    assert page.status_code == 200
    assert "To choose another one, your role needs ORG_VIEW." in words(page)
    assert "For anybody else, your role needs ORG_VIEW_USERS." in words(page)
    assert not soup(page).select("[data-picker]")


# --- what is made -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["200", "201"])
def test_a_device_is_made_and_its_page_opened(admin: Person, fresh_sandbox: SandboxServer, status: str) -> None:
    fresh_sandbox.switch(create_status=status)
    answer = admin.post(NEW, filled())
    device = the_device(fresh_sandbox, answer)
    assert (device["name"], device["templateId"], device["orgId"]) == ("Boiler room 300", 11, 1)
    shown = admin.get(answer["Location"])
    assert shown.status_code == 200
    assert "Boiler room 300 was created. Read back at" in words(shown)
    assert [entry["query"] for entry in fresh_sandbox.requests() if entry["path"] == CREATE] == [["baseInfoResponse"]]
    assert device["token"] not in shown.content.decode() + answer.content.decode()


def test_everything_chosen_is_sent(admin: Person, fresh_sandbox: SandboxServer) -> None:
    device = the_device(
        fresh_sandbox,
        admin.post(NEW, filled(name="  Küche’s  cold-room_1 ", org_id="2", owner="siri.hauge@example.org")),
    )
    assert device["name"] == "Küche's  cold-room_1"
    assert device["orgId"] == 2
    assert device["ownerUserId"] == 26


def test_an_organization_that_is_not_in_the_list_is_found_by_name_or_given_by_its_id(
    admin: Person, fresh_sandbox: SandboxServer
) -> None:
    way = soup(admin.get(NEW)).find("button", string="It is not in this list")
    page = soup(admin.post(NEW, {str(way["name"]): str(way["value"])}))  # type: ignore[index]
    field = page.select_one("input#id_org_id")
    assert field is not None
    assert field["hx-get"] == "/devices/pick/organization/"
    assert "If you leave it empty: Halden Cooling." in page.get_text()
    assert the_device(fresh_sandbox, admin.post(NEW, filled(org_id="2")))["orgId"] == 2


def test_an_organization_whose_name_is_not_known_is_taken_by_its_id(
    admin: Person, fresh_sandbox: SandboxServer
) -> None:
    cache.clear()
    fresh_sandbox.fault("/sub-organizations", "status", status=500)
    page = soup(admin.get(NEW))
    assert page.select_one("input#id_org_id"), "the list could not be read"
    wrong = admin.htmx(NEW, filled(org_id="4", name="#"))
    assert list(errors(wrong)) == ["name"]
    assert soup(wrong).select_one("input#id_org_id")["value"] == "4"  # type: ignore[index]
    assert the_device(fresh_sandbox, admin.post(NEW, filled(org_id="4")))["orgId"] == 4


@pytest.mark.parametrize("owner", ["11", "ana.lund@example.org", " ANA.LUND@example.org "])
def test_the_owner_is_an_e_mail_or_an_id(admin: Person, fresh_sandbox: SandboxServer, owner: str) -> None:
    assert the_device(fresh_sandbox, admin.post(NEW, filled(owner=owner)))["ownerUserId"] == 11


def test_with_htmx_the_answer_leads_the_browser_on(admin: Person, fresh_sandbox: SandboxServer) -> None:
    answer = admin.htmx(NEW, filled())
    assert answer.status_code == 200
    assert admin.get(answer["HX-Redirect"]).status_code == 200
    assert created(fresh_sandbox) == 1


def test_the_installer_owns_what_they_create(sign_in: SignIn, fresh_sandbox: SandboxServer) -> None:
    installer = sign_in("installer")
    answer = installer.post(NEW, filled())
    assert the_device(fresh_sandbox, answer)["ownerUserId"] == 5
    assert installer.get(answer["Location"]).status_code == 200


def test_who_may_not_see_the_new_device_is_not_led_into_a_refusal(
    sign_in: SignIn, fresh_sandbox: SandboxServer
) -> None:
    fresh_sandbox.switch(create_owner="none")
    installer = sign_in("installer")
    answer = installer.post(NEW, filled(), follow=True)
    assert answer.status_code == 200
    assert "Created Boiler room 300" in words(answer)
    assert "It has no owner, so you cannot see it" in words(answer)
    assert soup(answer).h1.get_text() == "My devices"  # type: ignore[union-attr]


def test_the_change_is_in_the_log(
    admin: Person, fresh_sandbox: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "devices.audit"):
        device = the_device(fresh_sandbox, admin.post(NEW, filled()))
    [line] = lines(caplog)
    assert "create_device" in line
    assert 'name="Boiler room 300"' in line
    assert f"created_device_id={device['id']}" in line
    assert 'outcome="confirmed"' in line


# --- what the platform refuses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "message", "field"),
    [
        (404, "Template is not found.", "template_code"),
        (404, "Organization is not found or you don't have access to it.", "org_id"),
        (404, "User is not found or you don't have access to him.", "owner"),
        (400, "User is not activated.", "owner"),
        (400, "Request with incorrect parameters", "name"),
    ],
)
def test_a_refusal_stands_beside_its_field_and_nothing_typed_is_lost(
    admin: Person, fresh_sandbox: SandboxServer, status: int, message: str, field: str
) -> None:
    fresh_sandbox.fault("/device/create", "status", status=status, message=message)
    for ask in (admin.post, admin.htmx):
        answer = ask(NEW, filled(org_id="2", owner="me"))
        assert answer.status_code == 422
        assert list(errors(answer)) == [field]
        assert message in errors(answer)[field]
        assert soup(answer).select_one(f"[data-error-summary] a[href='#id_{field}']")
        assert soup(answer).select_one("#id_name")["value"] == "Boiler room 300"  # type: ignore[index]
        assert soup(answer).select_one("#id_org_id option[selected]")["value"] == "2"  # type: ignore[index]
        assert soup(answer).select_one("#id_template_code option[selected]")["value"] == COLD  # type: ignore[index]


def test_letters_that_this_platform_does_not_take_are_refused_beside_the_name(
    admin: Person, fresh_sandbox: SandboxServer
) -> None:
    fresh_sandbox.switch(name_letters="ascii")
    assert list(errors(admin.post(NEW, filled(name="Küche")))) == ["name"]


def test_a_refusal_in_markup_is_shown_as_text(admin: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/create", "status", status=400, message="<img src=x onerror=alert(1)>\x1b[2J")
    answer = admin.post(NEW, filled())
    assert not soup(answer).select("main img")
    assert "\x1b" not in answer.content.decode()


# --- what people type -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"template_code": ""}, "template_code", "Choose a template."),
        ({"template_code": "TMPLnone"}, "template_code", "Choose one of the templates."),
        ({"template_code": "11"}, "template_code", "Choose one of the templates."),
        ({"name": ""}, "name", "Enter a name of 1 to 50 characters."),
        ({"name": "   "}, "name", "Enter a name of 1 to 50 characters."),
        ({"name": "x" * 51}, "name", "Shorten the name to 50 characters. This one has 51."),
        ({"name": "x" * 10_000}, "name", "This one has 10000."),
        ({"name": "Boiler #3"}, "name", "Remove “#”: this character is not allowed."),
        ({"name": "Boiler\x003"}, "name", "Null characters are not allowed."),
        ({"org_id": "5"}, "org_id", "There is no organization 5 within your reach."),
        ({"org_id": "2 OR 1=1"}, "org_id", "Enter the organization’s ID: a number."),
        ({"org_id": "0"}, "org_id", "it is a number from 1 to 2147483647."),
        ({"org_id": "2147483648"}, "org_id", "it is a number from 1 to 2147483647."),
        ({"owner": "ana"}, "owner", "Enter a whole e-mail"),
        ({"owner": "nobody@example.net"}, "owner", "No user with the e-mail nobody@example.net was found."),
        ({"owner": "9223372036854775808"}, "owner", "No user has that ID"),
        ({"owner": "4000000000"}, "owner", "There is no user 4000000000 within your reach."),
        ({"owner": "0"}, "owner", "No user has that ID"),
        ({"owner": "pending@example.com"}, "owner", "has not accepted the invitation yet"),
        ({"owner": "suspended@example.com"}, "owner", "is suspended"),
        ({"owner": "x" * 10_000}, "owner", "Enter a whole e-mail"),
    ],
)
def test_what_cannot_be_right_is_refused_beside_its_field_and_nothing_is_sent(
    admin: Person, platform: SandboxServer, changes: dict[str, str], field: str, sentence: str
) -> None:
    for ask in (admin.post, admin.htmx):
        answer = ask(NEW, filled(**changes))
        assert answer.status_code == 422
        assert list(errors(answer)) == [field]
        assert sentence in errors(answer)[field]
        title = soup(answer).title
        assert title is not None
        assert title.get_text().startswith("Error:")
    assert created(platform) == 0


def test_the_longest_name_is_taken(admin: Person, fresh_sandbox: SandboxServer) -> None:
    assert the_device(fresh_sandbox, admin.post(NEW, filled(name="x" * 50)))["name"] == "x" * 50


def test_a_wrong_name_keeps_everything_and_suggests_another(admin: Person, platform: SandboxServer) -> None:
    answer = admin.post(NEW, filled(name="Boiler #3", owner="ana.lund@example.org"))
    assert "For instance: Boiler 3" in words(answer)
    assert soup(answer).select_one("#id_name")["value"] == "Boiler #3"  # type: ignore[index]
    assert soup(answer).select_one("#id_owner")["value"] == "ana.lund@example.org"  # type: ignore[index]
    assert soup(answer).select_one("[name=idempotency_key]")["value"] == "f"  # type: ignore[index]


def test_a_typed_template_id_has_its_limit(admin: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/templates", "status", status=500)
    refused = admin.post(NEW, filled(template_code="T" * 201))
    assert "at most 200 characters. This one has 201." in errors(refused)["template_code"]
    assert soup(refused).select_one("#id_template_code")["value"] == "T" * 201  # type: ignore[index]
    sent = admin.post(NEW, filled(template_code="T" * 200))
    assert "Template is not found" in errors(sent)["template_code"]
    assert created(fresh_sandbox) == 1


def test_a_doubled_field_counts_once(admin: Person, fresh_sandbox: SandboxServer) -> None:
    answer = admin.post(NEW, filled() | {"name": ["Boiler room 1", "Boiler room 2"]})
    assert the_device(fresh_sandbox, answer)["name"] == "Boiler room 2"


# --- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["support", "viewer", "owner"])
def test_without_the_permission_it_is_named_before_anything_is_sent(
    sign_in: SignIn, platform: SandboxServer, person: str
) -> None:
    someone = sign_in(person)
    for answer in (someone.get(NEW), someone.post(NEW, filled()), someone.htmx(NEW, filled())):
        assert answer.status_code == 403
        assert "ORG_DEVICES_CREATE" in words(answer)
    assert created(platform) == 0


@pytest.mark.parametrize(
    ("person", "allowed"), [("admin", True), ("installer", True), ("support", False), ("owner", False)]
)
def test_the_list_offers_it_or_says_what_is_missing(sign_in: SignIn, person: str, allowed: bool) -> None:
    page = sign_in(person).get("/devices/", follow=True)
    link = soup(page).select_one(f"a.button[href='{NEW}']")
    assert bool(link) == allowed
    if not allowed:
        button = soup(page).select_one("#new-device")
        assert button is not None
        assert button["aria-disabled"] == "true"
        assert "ORG_DEVICES_CREATE" in soup(page).select_one(f"#{button['aria-describedby']}").get_text()  # type: ignore[union-attr]


@pytest.mark.parametrize("owner", ["ana.lund@example.org", "11"])
def test_another_owner_needs_the_right_to_see_people(sign_in: SignIn, platform: SandboxServer, owner: str) -> None:
    answer = sign_in("installer").post(NEW, filled(owner=owner))
    assert answer.status_code == 422
    assert "ORG_VIEW_USERS" in errors(answer)["owner"]
    assert created(platform) == 0


def test_for_oneself_it_does_not(sign_in: SignIn, fresh_sandbox: SandboxServer) -> None:
    for owner in ("installer@example.com", "5", "me"):
        answer = sign_in("installer").post(NEW, filled(owner=owner))
        assert the_device(fresh_sandbox, answer)["ownerUserId"] == 5


def test_a_refusal_that_comes_all_the_same_is_a_refusal(admin: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/create", "status", status=403)
    answer = admin.post(NEW, filled())
    assert answer.status_code == 403
    assert "Nothing was changed" in words(answer)


def test_signed_out_nothing_is_sent(platform: SandboxServer) -> None:
    platform.clear_requests()
    assert Person().get(NEW, secure=True).status_code == 302
    assert Person().htmx(NEW, filled()).status_code == 401
    assert created(platform) == 0


def test_a_session_that_ended_keeps_the_form_on_the_screen(admin: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/create", "status", status=401)
    answer = admin.htmx(NEW, filled())
    assert answer.status_code == 401
    assert answer["HX-Retarget"] == "#session-banner"


def test_other_methods_are_refused(admin: Person, platform: SandboxServer) -> None:
    for method in (admin.put, admin.delete, admin.patch):
        answer = method(NEW)
        assert answer.status_code == 405
        assert answer["Allow"] == "GET, HEAD, POST"
