"""Matches for somebody who is typing a person or an organization; each list is also a page for those without script."""

from __future__ import annotations

from typing import Any

import pytest

from tests.devices.conftest import Person
from tests.html import one, soup, words
from tests.servers import SandboxServer

USERS, ORGANIZATIONS = "/api/v1/organization/search/users", "/api/v1/organization/search"
USER, ORGANIZATION = "/devices/pick/user/", "/devices/pick/organization/"
BOTH = pytest.mark.parametrize("page", [USER, ORGANIZATION])


def options(response: Any) -> dict[str, str]:
    """Value and words of each match, in order."""
    return {str(option["data-value"]): option.get_text() for option in soup(response).select("[role=option]")}


def test_people_are_found_by_a_part_of_name_or_e_mail(support: Person, platform: SandboxServer) -> None:
    found = support.htmx(USER + "?q=lund")
    assert list(options(found)) == ["ana.lund@example.org"]
    assert "Ana Lund" in options(found)["ana.lund@example.org"]
    assert "Halden Cooling" in options(found)["ana.lund@example.org"]
    assert [(entry["path"], entry["query"]) for entry in platform.requests()] == [(USERS, ["page", "query", "size"])]
    assert list(options(support.htmx(USER + "?q=Mei T"))) == ["mei.tan@example.org"]


def test_organizations_are_found_by_name_and_give_their_id(support: Person) -> None:
    found = options(support.htmx(ORGANIZATION + "?q=north"))
    assert list(found) == ["2", "4"]
    assert "Halden North" in found["2"]


def test_at_most_ten_are_offered_and_the_rest_is_counted(support: Person) -> None:
    found = support.htmx(USER + "?q=example")
    assert len(options(found)) == 10
    assert "10 of " in words(found)
    assert "type more" in words(found)
    assert one(found, "[role=listbox]")["data-announce"] == "10 matches"


@pytest.mark.parametrize(("page", "typed"), [(USER, ""), (USER, "a"), (USER, "%20a%20%20"), (ORGANIZATION, "a")])
def test_fewer_than_two_characters_make_no_call(
    support: Person, platform: SandboxServer, page: str, typed: str
) -> None:
    for ask in (support.get, support.htmx):
        answer = ask(f"{page}?q={typed}")
        assert answer.status_code == 200
        assert not options(answer)
    assert platform.requests() == []


@BOTH
def test_no_match_repeats_the_query(support: Person, page: str) -> None:
    for ask in (support.get, support.htmx):
        answer = ask(page + "?q=zzqq")
        assert "Nothing matches “zzqq”" in words(answer)
        assert not options(answer)


def test_a_text_too_long_for_the_api_is_refused_and_kept(support: Person, platform: SandboxServer) -> None:
    assert support.htmx(USER + "?q=" + "x" * 255).status_code == 200
    platform.clear_requests()
    text = "x" * 256
    for get in (support.get, support.htmx):
        refused = get(f"{ORGANIZATION}?q={text}")
        assert refused.status_code == 422
        assert "at most 255 characters. You typed 256" in words(refused)
    assert one(support.get(f"{ORGANIZATION}?q={text}"), "#id_q")["value"] == text
    assert platform.requests() == []


@pytest.mark.parametrize("typed", ["a%00b", "%ff%fe", "%F0%9F%A7%8A" * 50, "q&q=lund", "%25_'\";--"])
def test_invalid_bytes_do_not_break_it(support: Person, typed: str) -> None:
    for get in (support.get, support.htmx):
        assert get(f"{USER}?q={typed}").status_code in (200, 422)


def test_a_hostile_name_is_shown_as_text(support: Person) -> None:
    found = support.htmx(USER + "?q=hostile")
    assert '<b onclick="x()">Bobby</b> {{7*7}}' in options(found)["hostile@example.org"]
    assert not soup(found).select("[onclick]")


def test_without_script_it_is_a_page(support: Person) -> None:
    page = support.get(USER + "?q=lund")
    row = one(page, "tbody tr")
    assert one(row, ".value").get_text() == "ana.lund@example.org"
    assert "ID 11, Halden Cooling" in row.get_text()
    assert one(page, "form[method=get] #id_q")["value"] == "lund"
    assert "Below Halden North" in words(support.get(ORGANIZATION + "?q=marine"))


@pytest.mark.parametrize(
    ("page", "missing"), [(USER, "ORG_VIEW_USERS"), (ORGANIZATION, "ORG_VIEW")], ids=["user", "organization"]
)
def test_without_the_permission_no_call_is_made(
    viewer: Person, owner: Person, platform: SandboxServer, page: str, missing: str
) -> None:
    for person in (viewer, owner):
        for ask in (person.get, person.htmx):
            answer = ask(page + "?q=lund")
            assert answer.status_code == 403
            assert missing in words(answer)
    assert platform.requests() == []


@BOTH
def test_a_failure_is_one_sentence_in_the_fragment_and_an_error_on_the_page(
    support: Person, platform_down: Any, page: str
) -> None:
    with platform_down():
        piece, whole = support.htmx(page + "?q=lund"), support.get(page + "?q=lund")
    assert piece.status_code == whole.status_code == 503
    assert words(piece) == "The platform cannot be reached. Type it in full: matches cannot be looked up now."
    assert "Try again" in words(whole)


def test_after_a_429_the_field_still_works(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/search/users", "status", status=429)
    piece = support.htmx(USER + "?q=lund")
    assert piece.status_code == 429
    assert "Type it in full" in words(piece)


@BOTH
def test_signed_out_the_banner_says_so(platform: SandboxServer, page: str) -> None:
    assert Person().get(page + "?q=lund", secure=True).status_code == 302
    assert Person().htmx(page + "?q=lund")["HX-Retarget"] == "#session-banner"


@BOTH
def test_it_takes_no_post(support: Person, page: str) -> None:
    assert support.post(page, {"q": "lund"}).status_code == 405


def test_a_field_for_a_person_works_with_and_without_script(support: Person) -> None:
    field = one(support.get("/devices/by-owner/"), "#id_email")
    assert field["hx-get"] == USER
    assert field.find_parent("form")["method"] == "get", "and without script it is a plain form"
    below = one(support.get("/devices/by-owner/"), field["hx-target"])
    assert below["id"] == field["data-picker"]
    assert one(support.get("/devices/by-owner/"), f"noscript a[href='{USER}']")
