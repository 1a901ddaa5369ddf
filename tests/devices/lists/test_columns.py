"""How a list stands: the columns each person has chosen, rows on a page, heads that sort, the menu of a row."""

from __future__ import annotations

from typing import Any

from devices.core.preferences import DEFAULT_COLUMNS
from devices.preferences.store import save
from tests.devices.conftest import Person, SignIn
from tests.html import one, soup, words
from tests.servers import SandboxServer


def heads(response: Any) -> list[str]:
    return [head.get_text(strip=True) for head in soup(response).select("thead th")][:-1]


def choose(person: Person, *columns: str, back: str = "/devices/", **more: str) -> Any:
    return person.post("/devices/columns/", {"columns": list(columns), "next": back, **more})


def test_a_person_chooses_columns_and_finds_them_in_every_list(sign_in: SignIn, platform: SandboxServer) -> None:
    person, other = sign_in("support"), sign_in("admin")
    assert heads(person.get("/devices/")) == [
        "Device", "ID", "Status", "Template", "Firmware", "Owner", "Activated", "Organization",
    ]  # fmt: skip
    chosen = choose(person, "board", "owner", back="/devices/?q=room&sort=Name&checked=x")
    assert (chosen.status_code, chosen["Location"]) == (303, "/devices/?q=room&sort=Name")
    for address in ("/devices/?q=room", "/devices/", "/devices/by-owner/?email=ana.lund@example.org"):
        page = person.get(address)
        assert heads(page) == ["Device", "Board", "Owner"], address
        row = one(page, "tbody tr")
        assert len(row.select("th, td")) == 4, "the cells are those of the heads"
    assert "Status" in heads(other.get("/devices/")), "nobody else's lists have changed"
    recent = "/devices/recent/?minutes=60"
    assert heads(person.get(recent)) == ["Device", "Board", "Owner", "Activated"], "what that page is about stays"
    assert choose(person, "board", "owner", back=recent + "&seen=5")["Location"] == recent
    assert one(person.get(recent), "tbody a.more, #row-menu")
    boxes = soup(person.get("/devices/")).select("#columns-form input[type=checkbox]")
    assert [box["value"] for box in boxes if box.has_attr("checked")] == ["name", "board", "owner"]
    assert [box["value"] for box in boxes if box.has_attr("disabled")] == ["name"], "it cannot be hidden"
    again = sign_in("support")
    assert heads(again.get("/devices/")) == ["Device", "Board", "Owner"], "it outlives the sign-in"
    assert choose(again, reset="on").status_code == 303
    assert len(heads(again.get("/devices/"))) == 1 + len(DEFAULT_COLUMNS)


def test_names_of_columns_that_are_none_are_dropped_and_all_may_go(support: Person) -> None:
    assert choose(support, "token", "<script>", "name", "\x00", "id" * 900, "template").status_code == 303
    assert heads(support.get("/devices/")) == ["Device", "Template"]
    choose(support)
    page = support.get("/devices/")
    assert heads(page) == ["Device"]
    assert len(soup(page).select("tbody th a")) == 50


HOSTILE = (
    "https://evil.example/devices/",
    "//evil.example/",
    "/\t/evil.example",
    "/\\evil",
    "/sign-out/",
    "",
    "/devices/1/",
    "http://[",
    "javascript:alert(1)",
    "/devices/?" + "&".join("a=1" for _ in range(50)),
    "/devices/?q=" + "x" * 20_000,
)


def test_the_way_back_leads_to_a_list_of_ours_and_nowhere_else(support: Person) -> None:
    for form in ("columns", "online"):
        for hostile in HOSTILE:
            answer = support.post(f"/devices/{form}/", {"next": hostile})
            assert answer.status_code == 303, hostile
            assert answer["Location"].split("?")[0] == "/devices/", hostile


def test_rows_on_a_page_are_as_preferred_where_the_address_does_not_say(support: Person) -> None:
    profile_id = support.get("/devices/").wsgi_request.access.person
    save(profile_id, page_size=25)
    first = support.get("/devices/")
    assert len(soup(first).select("tbody tr")) == 25
    assert one(first, "#rows-per-page option[selected]").get_text() == "25"
    follow = str(one(first, "a[rel=next]")["href"])
    assert follow == "/devices/?page=2&size=25", "another person finds the same rows there"
    assert "26–50 of" in words(support.get(follow))
    assert len(soup(support.get("/devices/?page=2")).select("tbody tr")) == 50, "an address means the same to all"
    assert len(soup(support.get("/devices/?size=50")).select("tbody tr")) == 50
    assert str(one(support.get("/devices/?size=50&page=2"), "a[rel=prev]")["href"]) == "/devices/?size=50"


def test_the_foot_leads_to_any_page_and_keeps_the_question(support: Person) -> None:
    page = soup(support.get("/devices/?q=o&sort=Name&order=DESC&size=10&page=3"))
    jump, rows = one(page, "form.jump"), one(page, "form:has(#rows-per-page)")
    assert jump is not None
    assert rows is not None
    sent = {field["name"]: field["value"] for field in jump.select("input[name]")}
    assert sent == {"q": "o", "sort": "Name", "order": "DESC", "size": "10", "page": "3"}
    assert {field["name"] for field in rows.select("input[name]")} == {"q", "sort", "order"}, "fewer rows: from page 1"
    assert one(support.get("/devices/", sent | {"page": "4"}), ".pager [aria-current=page]")["id"] == "page-4"


def test_heads_sort_where_the_call_can_and_say_why_elsewhere(support: Person) -> None:
    found = soup(support.get("/devices/?q=room&sort=Name&order=DESC"))
    assert {link["id"] for link in found.select("thead a")} >= {"sort-name", "sort-id", "sort-owner"}
    assert one(found, "th[aria-sort]").get_text(strip=True) == "Device"
    assert not found.select("th.col-status a"), "the platform's own status is not what was checked"
    listed = soup(support.get("/devices/"))
    assert not listed.select("thead a")
    assert "it sorts only a search" in one(listed, "caption").get_text()


def test_the_menu_of_a_row_is_a_link_without_script_and_names_what_is_closed(support: Person, viewer: Person) -> None:
    page = soup(support.get("/devices/?q=Kitchen cold room"))
    more = one(page, "tbody a.more")
    assert more is not None
    assert more["href"] == one(page, "tbody th a")["href"]
    assert more["aria-label"] == "Actions for Kitchen cold room"
    assert {item["data-path"] for item in page.select("#row-menu [data-path]")} >= {"", "rename/", "timeline/"}
    closed = one(viewer.get("/devices/"), "#row-menu .blocked")
    assert "ORG_DEVICES_EDIT" in closed.get_text()
