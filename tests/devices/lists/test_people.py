"""Whose devices: by owner, by what a person can see, and "My devices" for those who see no others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.devices.conftest import Person, SignIn
from tests.html import one, soup, words
from tests.servers import SandboxServer

OWNED = "/api/v1/organization/device/by-owner"
VISIBLE = "/api/v1/organization/device/by-user-org"
ANA = "ana.lund@example.org"
BOTH = pytest.mark.parametrize("page", ["by-owner", "by-user"])


def calls(platform: SandboxServer) -> list[str]:
    return [entry["path"] for entry in platform.requests()]


def names(response: Any) -> list[str]:
    return [link.get_text() for link in soup(response).select("tbody th a")]


def owners(response: Any) -> set[str]:
    return {cell.get_text() for cell in soup(response).select("tbody .col-owner")}


# --- what one gets ----------------------------------------------------------------------------------------------------


def test_an_owners_devices_are_all_theirs_and_cost_one_call(support: Person, platform: SandboxServer) -> None:
    page = support.get("/devices/by-owner/", {"email": ANA})
    assert page.status_code == 200
    assert owners(page) == {ANA}
    assert "Cold room 14 - door's sensor" in names(page)
    assert one(page, "h1").get_text() == "Devices by owner"
    assert f"devices of {ANA} in Halden Cooling" in words(page)
    assert calls(platform) == [OWNED]


def test_the_case_and_a_plus_in_an_e_mail_reach_the_platform_whole(support: Person) -> None:
    assert names(support.get("/devices/by-owner/", {"email": ANA.upper()})) == names(
        support.get("/devices/by-owner/", {"email": ANA})
    )
    assert owners(support.get("/devices/by-owner/", {"email": "kofi+plant@example.org"})) == {"kofi+plant@example.org"}


def test_a_user_can_see_more_than_they_own(support: Person, platform: SandboxServer) -> None:
    page = support.get("/devices/by-user/", {"email": "viewer@example.com"})
    assert "that viewer@example.com can see" in words(page)
    assert len(owners(page)) > 1
    assert calls(platform) == [VISIBLE]


def test_each_list_links_to_the_other_of_the_same_person(support: Person) -> None:
    page = support.get("/devices/by-owner/", {"email": ANA})
    other = next(link for link in soup(page).select(".segments a") if not link.get("aria-current"))
    assert other["href"] == "/devices/by-user/?email=ana.lund%40example.org"
    assert owners(support.get(str(other["href"]))) == {ANA}


def test_htmx_gets_a_fragment_with_a_title(support: Person) -> None:
    page, piece = (ask("/devices/by-owner/?email=" + ANA) for ask in (support.get, support.htmx))
    assert b"<html" in page.content
    assert b"<html" not in piece.content
    assert names(page) == names(piece)
    assert "HX-Request" in piece["Vary"]
    assert ANA in str(soup(piece).title)


def test_page_links_keep_the_query(support: Person) -> None:
    first = support.get("/devices/by-owner/", {"email": ANA, "size": "5", "org": "1"})
    follow = str(one(first, "a[rel=next]")["href"])
    second = support.get(follow)
    assert "email=ana.lund%40example.org" in follow
    assert len(names(second)) == 5
    assert not set(names(first)) & set(names(second))
    assert owners(second) == {ANA}


def test_another_organization_can_be_chosen(support: Person) -> None:
    page = support.get("/devices/by-owner/", {"email": "siri.hauge@example.org", "org": "2"})
    assert {cell.get_text() for cell in soup(page).select("tbody .col-org")} == {"Halden North"}


def test_an_owner_in_a_list_links_to_all_their_devices(support: Person, viewer: Person) -> None:
    for start in ("/devices/", "/devices/by-user/?email=viewer@example.com", "/devices/recent/?minutes=60"):
        link = one(support.get(start), ".col-owner a")
        assert owners(support.get(str(link["href"]))) == {link.get_text()}
    assert not soup(viewer.get("/devices/")).select(".col-owner a"), "who may not ask is not led there"


# --- totals may be missing --------------------------------------------------------------------------------------------


def test_without_a_total_the_next_page_is_still_linked(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(total_elements="never")
    page = support.get("/devices/by-owner/", {"email": ANA, "size": "5"})
    assert "1–5 ·" in words(page)
    assert "What ana.lund@example.org owns in Halden Cooling" in words(page)
    assert " of 5" not in words(page)
    assert len(names(support.get(str(one(page, "a[rel=next]")["href"])))) == 5


def test_a_total_is_shown(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.switch(total_elements="always")
    page = support.get("/devices/by-owner/", {"email": ANA, "size": "5"})
    assert "1–5 of " in words(page)


@pytest.mark.parametrize("total", ["always", "never"])
def test_a_page_beyond_the_last_links_back(support: Person, fresh_sandbox: SandboxServer, total: str) -> None:
    fresh_sandbox.switch(total_elements=total)
    page = support.get("/devices/by-owner/", {"email": ANA, "page": "9999"})
    assert page.status_code == 200
    assert "nothing on page 9,999" in words(page) or "nothing on page 9999" in words(page)
    assert ("does not say how many" in words(page)) == (total == "never")
    assert names(support.get(str(one(page, ".empty a.button")["href"])))


# --- nothing found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "page"), [("empty", "by-owner"), ("404", "by-owner"), ("404", "by-user")])
def test_an_unknown_e_mail_has_no_devices(
    support: Person, fresh_sandbox: SandboxServer, answer: str, page: str
) -> None:
    fresh_sandbox.switch(unknown_email=answer)
    for ask in (support.get, support.htmx):
        found = ask(f"/devices/{page}/?email=nobody@example.net")
        assert found.status_code == 200
        assert "No devices for this e-mail" in words(found)
        assert "same answer for an unknown e-mail" in words(found)


def test_a_known_owner_without_devices_differs_from_an_unknown_e_mail(support: Person) -> None:
    page = support.get("/devices/by-owner/", {"email": "guest@example.com"})
    assert "This person has an account, but owns no device in Halden Cooling" in words(page)


def test_a_foreign_organization_is_not_an_unknown_e_mail(support: Person) -> None:
    page = support.get("/devices/by-owner/", {"email": ANA, "org": "2000000000"})
    assert page.status_code == 404
    assert "No devices for this e-mail" not in words(page)


# --- who may ask ------------------------------------------------------------------------------------------------------


def test_a_person_with_only_own_devices_is_redirected_to_my_devices(owner: Person, platform: SandboxServer) -> None:
    for start in ("/", "/devices/", "/devices/?page=3", "/devices/by-owner/"):
        page = owner.get(start, follow=True)
        assert page.status_code == 200
        assert one(page, "h1").get_text() == "My devices"
        assert owners(page) == {"You"}
    assert "Kitchen cold room" in names(page)
    assert set(calls(platform)) == {OWNED}, "no call was spent on a refusal"


def test_my_devices_links_to_nothing_that_is_refused(owner: Person) -> None:
    page = owner.get("/devices/", follow=True)
    assert [link.get_text() for link in soup(page).select(".bar-nav a")] == ["My devices"]
    assert not soup(page).select("form[role=search], .find input")
    assert "Search needs ORG_DEVICES_VIEW" in words(page)
    links = {str(link["href"]) for link in soup(page).select("a[href^='/']")}
    assert [link for link in links if owner.get(link, follow=True).status_code != 200] == []


def test_devices_of_others_are_refused_with_the_reason_and_without_a_call(
    owner: Person, viewer: Person, platform: SandboxServer
) -> None:
    for person, missing in ((owner, ["ORG_VIEW_USERS", "ORG_DEVICES_VIEW"]), (viewer, ["ORG_VIEW_USERS"])):
        for ask in (person.get, person.htmx):
            page = ask(f"/devices/by-owner/?email={ANA}")
            assert page.status_code == 403
            assert [code.get_text() for code in soup(page).select(".denied .perm")] == missing
            assert "not you" in words(page)
    assert calls(platform) == []


def test_the_viewers_own_devices_need_nothing_more(viewer: Person) -> None:
    page = viewer.get("/devices/by-owner/", {"email": "VIEWER@example.com"})
    assert page.status_code == 200
    assert one(page, "h1").get_text() == "My devices"
    assert "You own no devices in Halden Cooling" in words(page)


def test_the_form_names_the_missing_permission(viewer: Person, platform: SandboxServer) -> None:
    page = viewer.get("/devices/by-owner/")
    assert page.status_code == 200
    assert "other people's devices need ORG_VIEW_USERS" in words(page)
    assert not soup(page).select("[data-picker]"), "nobody to pick from"
    assert calls(platform) == []


@pytest.mark.parametrize("person", ["owner", "guest"])
def test_what_a_user_can_see_needs_the_view_of_the_organization(sign_in: SignIn, person: str) -> None:
    page = sign_in(person).get("/devices/by-user/", {"email": f"{person}@example.com"})
    assert page.status_code == 403
    assert "ORG_DEVICES_VIEW" in words(page)


def test_without_any_view_the_missing_permission_is_named(sign_in: SignIn) -> None:
    guest = sign_in("guest")
    for address in ("/devices/", "/devices/by-owner/"):
        page = guest.get(address, follow=True)
        assert page.status_code == 403
        assert "_DEVICES_VIEW" in words(page)


def test_an_unexpected_403_is_a_refusal(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/device/by-owner", "status", status=403)
    page = support.get("/devices/by-owner/", {"email": ANA})
    assert page.status_code == 403
    assert "You may not do this" in words(page)


# --- what people type -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["ana@", "@example.org", "a b@example.org", "x" * 10_000, "a\x00b@example.org"])
def test_an_incomplete_e_mail_is_refused_at_the_field_and_kept(
    support: Person, platform: SandboxServer, typed: str
) -> None:
    refused = support.get("/devices/by-owner/", {"email": typed})
    assert refused.status_code == 422
    field = one(refused, "#id_email")
    assert field["value"] in (typed, typed.replace("\x00", "\N{REPLACEMENT CHARACTER}"))
    assert one(refused, "#id_email-error .error")
    assert field["aria-invalid"] == "true"
    assert "id_email-error" in field["aria-describedby"]
    piece = support.htmx("/devices/by-user/?email=half")
    assert piece.status_code == 422
    assert "Enter a whole e-mail" in words(piece)
    assert calls(platform) == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("page=%00", "not a page number"),
        ("size=1001", "Rows per page go from 1 to 1000"),
        ("org=x", "not an organization"),
    ],
)
def test_a_wrong_value_gets_a_warning_and_a_default(support: Person, query: str, sentence: str) -> None:
    for ask in (support.get, support.htmx):
        page = ask(f"/devices/by-owner/?email={ANA}&{query}")
        assert page.status_code == 200
        assert sentence in words(page)
        assert names(page)


def test_a_doubled_e_mail_counts_once(support: Person) -> None:
    assert owners(support.get(f"/devices/by-owner/?email=guest@example.com&email={ANA}")) == {ANA}


def test_the_longest_page_is_shown_whole(support: Person) -> None:
    assert len(names(support.get("/devices/by-user/?email=viewer@example.com&size=1000"))) > 100


# --- when things fail -------------------------------------------------------------------------------------------------


@BOTH
def test_signed_out_redirects_to_sign_in_and_back(platform: SandboxServer, page: str) -> None:
    answer = Person().get(f"/devices/{page}/?email={ANA}", secure=True)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/?next=%2Fdevices%2F" + page)
    assert Person().htmx(f"/devices/{page}/?email={ANA}")["HX-Retarget"] == "#session-banner"


@BOTH
def test_the_platform_down_is_an_error_with_try_again(support: Person, platform_down: Any, page: str) -> None:
    with platform_down():
        for ask in (support.get, support.htmx):
            answer = ask(f"/devices/{page}/?email={ANA}")
            assert answer.status_code == 503
            assert "Try again" in words(answer)


@BOTH
def test_the_lists_take_no_post(support: Person, page: str) -> None:
    answer = support.post(f"/devices/{page}/", {"email": ANA})
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"
