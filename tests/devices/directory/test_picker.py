"""Matches for somebody who is typing a person or an organization; each list is also a page for those without script."""

from __future__ import annotations

from typing import Any

import pytest

from tests.devices.conftest import Person, soup, words
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
    assert soup(found).select_one("[role=listbox]")["data-announce"] == "10 matches"  # type: ignore[index]


@pytest.mark.parametrize("typed", ["", "a", " a ", "%20%20"])
@BOTH
def test_less_than_two_characters_are_not_asked_for(
    support: Person, platform: SandboxServer, page: str, typed: str
) -> None:
    for ask in (support.get, support.htmx):
        answer = ask(f"{page}?q={typed}")
        assert answer.status_code == 200
        assert not options(answer)
    assert platform.requests() == []


@BOTH
def test_no_match_says_so_and_repeats_the_question(support: Person, page: str) -> None:
    for ask in (support.get, support.htmx):
        answer = ask(page + "?q=zzqq")
        assert "Nothing matches “zzqq”" in words(answer)
        assert not options(answer)


@BOTH
def test_the_longest_search_is_sent_and_one_more_is_refused_and_kept(
    support: Person, platform: SandboxServer, page: str
) -> None:
    assert support.htmx(page + "?q=" + "x" * 255).status_code == 200
    platform.clear_requests()
    for text in ("x" * 256, "x" * 10_000):
        for ask in (support.get, support.htmx):
            answer = ask(f"{page}?q={text}")
            assert answer.status_code == 422
            assert f"at most 255 characters. You typed {len(text)}" in words(answer)
        assert soup(support.get(f"{page}?q={text}")).select_one("#id_q")["value"] == text  # type: ignore[index]
    assert platform.requests() == []


@pytest.mark.parametrize("typed", ["a%00b", "%ff%fe", "%F0%9F%A7%8A" * 50, "q&q=lund", "%25_'\";--"])
@BOTH
def test_odd_bytes_never_break_it(support: Person, page: str, typed: str) -> None:
    for ask in (support.get, support.htmx):
        assert ask(f"{page}?q={typed}").status_code in (200, 422)


def test_a_hostile_name_is_shown_as_text(support: Person) -> None:
    found = support.htmx(USER + "?q=hostile")
    assert '<b onclick="x()">Bobby</b> {{7*7}}' in options(found)["hostile@example.org"]
    assert not soup(found).select("[onclick]")


def test_without_script_the_same_address_is_a_page_that_says_what_to_enter(support: Person) -> None:
    page = support.get(USER + "?q=lund")
    row = soup(page).select_one("tbody tr")
    assert row is not None
    assert row.select_one(".value").get_text() == "ana.lund@example.org"  # type: ignore[union-attr]
    assert "ID 11, Halden Cooling" in row.get_text()
    assert soup(page).select_one("form[method=get] #id_q")["value"] == "lund"  # type: ignore[index]
    assert "Below Halden North" in words(support.get(ORGANIZATION + "?q=marine"))


@pytest.mark.parametrize(
    ("page", "missing"), [(USER, "ORG_VIEW_USERS"), (ORGANIZATION, "ORG_VIEW")], ids=["user", "organization"]
)
def test_without_the_permission_nothing_is_asked(
    viewer: Person, owner: Person, platform: SandboxServer, page: str, missing: str
) -> None:
    for person in (viewer, owner):
        for ask in (person.get, person.htmx):
            answer = ask(page + "?q=lund")
            assert answer.status_code == 403
            assert missing in words(answer)
    assert platform.requests() == []


@BOTH
def test_while_typing_a_failure_is_one_sentence_and_as_a_page_it_is_a_page(
    support: Person, platform_down: Any, page: str
) -> None:
    with platform_down():
        piece, whole = support.htmx(page + "?q=lund"), support.get(page + "?q=lund")
    assert piece.status_code == whole.status_code == 503
    assert words(piece) == "The platform cannot be reached. Type it in full: matches cannot be looked up now."
    assert "Try again" in words(whole)


def test_too_many_requests_do_not_stop_the_typing(support: Person, fresh_sandbox: SandboxServer) -> None:
    fresh_sandbox.fault("/search/users", "status", status=429)
    piece = support.htmx(USER + "?q=lund")
    assert piece.status_code == 429
    assert "Type it in full" in words(piece)


@BOTH
def test_signed_out_the_list_says_so_in_the_banner(platform: SandboxServer, page: str) -> None:
    assert Person().get(page + "?q=lund", secure=True).status_code == 302
    assert Person().htmx(page + "?q=lund")["HX-Retarget"] == "#session-banner"


@BOTH
def test_it_takes_no_post(support: Person, page: str) -> None:
    assert support.post(page, {"q": "lund"}).status_code == 405


def test_a_field_for_a_person_stands_alone_and_offers_matches(support: Person) -> None:
    field = soup(support.get("/devices/by-owner/")).select_one("#id_email")
    assert field is not None
    assert field["hx-get"] == USER
    assert field.find_parent("form")["method"] == "get", "and without script it is a plain form"  # type: ignore[index]
    below = soup(support.get("/devices/by-owner/")).select_one(field["hx-target"])
    assert below is not None
    assert below["id"] == field["data-picker"]
    assert soup(support.get("/devices/by-owner/")).select_one(f"noscript a[href='{USER}']")
