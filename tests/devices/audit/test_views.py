"""The audit list: permissions, filters, pages, export."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from devices.audit import csv_export
from devices.audit import search as audit_search
from devices.audit import views as view
from tests.devices import fleet
from tests.devices.audit import entries
from tests.devices.conftest import Person, soup, words

pytestmark = pytest.mark.usefixtures("platform")


def shown(response: Any) -> list[int]:
    """Ids of the entries in the table, in order."""
    return [int(str(link["id"]).removeprefix("entry-")) for link in soup(response).select(".table-audit tbody th a")]


def sheet(response: Any) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


# --- access ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/audit/", "/audit/?device=1", "/audit/export.csv"])
def test_without_the_right_own_changes_are_offered(support: Person, path: str) -> None:
    for ask in (support.get, support.htmx):
        answer = ask(path)
        assert answer.status_code == 403
        assert "PORTAL_AUDIT" in words(answer)
    assert soup(support.get(path)).select_one('main a[href="/audit/?mine=on"]')


def test_everybody_can_read_their_own_changes(support: Person) -> None:
    mine = entries.entry(person=entries.person("user:2"))
    entries.entry()
    page = support.get("/audit/?mine=on")
    assert shown(page) == [mine.pk]
    assert "PORTAL_AUDIT" in words(page)
    assert [line["entry"] for line in sheet(support.get("/audit/export.csv?mine=on"))] == [str(mine.pk)]


def test_the_right_covers_the_own_organization_only(admin: Person) -> None:
    ours = entries.entry()
    moved_away = entries.entry(org_id=2)
    moved_in = entries.entry(person_org_id=2)
    foreign = entries.entry(person_org_id=2, org_id=2)
    assert shown(admin.get("/audit/")) == [moved_in.pk, moved_away.pk, ours.pk]
    assert admin.get(f"/audit/{foreign.pk}/").status_code == 404
    assert str(foreign.pk) not in [line["entry"] for line in sheet(admin.get("/audit/export.csv"))]


def test_the_navigation_links_to_the_audit_with_the_right(admin: Person, support: Person, owner: Person) -> None:
    assert soup(admin.get("/devices/")).select_one('.bar-nav a[href="/audit/"]')
    for person in (support, owner):
        page = person.get("/devices/", follow=True)
        assert not soup(page).select_one('.bar a[href="/audit/"]')
        assert soup(page).select_one('.bar a[href="/audit/?mine=on"]')


# --- rows -------------------------------------------------------------------------------------------------------------


def test_a_row_shows_all_columns_escaped(admin: Person) -> None:
    entry = entries.entry(reason="HC-20418", before="Old & rusty", after="<b>New</b>")
    page = admin.get("/audit/")
    (row,) = soup(page).select(".table-audit tbody tr")
    text = " ".join(row.get_text(" ").split())
    for part in ("Rename", "Mira Roth", "Cold room 14", "Old & rusty → <b>New</b>", "Confirmed", "HC-20418"):
        assert part in text
    assert row.select_one(f'a[href="/devices/{fleet.RICH}/"]')
    assert row.select_one(f'a[href="/audit/{entry.pk}/"]')
    assert row.select_one("time[datetime]")
    assert row.select_one(".word.good svg")


def test_owners_are_shown_by_name_and_secrets_are_hidden(admin: Person) -> None:
    entries.entry(operation="transfer_to_owner", before="11", after="12")
    entries.entry(operation="set_metafield", secret=True, before="", after="")
    text = words(admin.get("/audit/"))
    assert "ana.lund@example.org → " in text
    assert "11 → 12" not in text
    assert "secret" in text


def test_an_abandoned_change_is_unknown_and_an_erased_person_has_no_name(admin: Person) -> None:
    entries.entry(outcome="", at=entries.long_enough_ago(), person=entries.person("erased:1", "", ""))
    text = words(admin.get("/audit/"))
    assert "Outcome unknown" in text
    assert "Erased person" in text


# --- filters ----------------------------------------------------------------------------------------------------------


def test_filters(admin: Person) -> None:
    plain = entries.entry()
    other = entries.entry(
        person=entries.person("user:8", "Kari Holm", "kari@example.org"), device_id=5, device_name="Pump"
    )
    deleted = entries.entry(operation="delete_device", outcome="rejected", device_id=77, device_name="Boiler 300")
    created = entries.entry(
        operation="create_device", device_id=None, device_name="New one", recorded={"created_device_id": 78}
    )
    died = entries.entry(outcome="")
    open_still = entries.entry(outcome="unknown", final=False)
    found = {
        f"person={other.person_id}": [other],
        "person=kari": [other],
        "device=5": [other],
        "device=BOILER": [deleted],
        "device=78": [created],
        "action=delete_device": [deleted],
        "outcome=rejected": [deleted],
        "outcome=unknown": [open_still, died],
        "outcome=confirmed": [created, other, plain],
        "person=kari&action=rename_device&outcome=confirmed&device=5": [other],
        "device=300": [],
        "person=999999999999999999999999": [],
        "device=99999999999999999999999999": [],
    }
    for query, expected in found.items():
        assert shown(admin.get(f"/audit/?{query}")) == [entry.pk for entry in expected], query


def test_active_filters_are_in_the_url_and_removable(admin: Person) -> None:
    entries.entry()
    empty = admin.get("/audit/?person=&device=1&action=&outcome=&from=&to=")
    assert (empty.status_code, empty["Location"]) == (302, "/audit/?device=1")
    page = admin.get("/audit/?device=1&outcome=confirmed&size=25&page=1")
    chips = {chip.get_text().strip(): chip.a["href"] for chip in soup(page).select(".chip")}  # type: ignore[index]
    assert chips == {"Device 1": "/audit/?outcome=confirmed&size=25", "Confirmed": "/audit/?device=1&size=25"}
    assert soup(page).select_one("#id_device")["value"] == "1"  # type: ignore[index]
    assert soup(page).select_one("#id_outcome option[selected]")["value"] == "confirmed"  # type: ignore[index]


def test_htmx_gets_the_results_and_their_url(admin: Person) -> None:
    entries.entry()
    answer = admin.htmx("/audit/?device=1&person=&from=")
    assert b"<html" not in answer.content
    assert answer["HX-Push-Url"] == "/audit/?device=1"
    assert soup(answer).select_one("#headline[hx-swap-oob]")


@time_machine.travel("2026-11-22T23:30:00Z", tick=False)
def test_days_are_in_the_readers_zone_and_inclusive(admin: Person) -> None:
    """admin@example.com lives in Europe/Oslo, where it is half past midnight of the 23rd."""
    times = {
        "before": datetime(2026, 11, 19, 22, 59, 59, tzinfo=UTC),
        "first": datetime(2026, 11, 19, 23, 0, 0, tzinfo=UTC),
        "last": datetime(2026, 11, 20, 22, 59, 59, tzinfo=UTC),
        "after": datetime(2026, 11, 20, 23, 0, 0, tzinfo=UTC),
    }
    made = {name: entries.entry(at=at).pk for name, at in times.items()}
    assert shown(admin.get("/audit/?from=2026-11-20&to=2026-11-20")) == [made["last"], made["first"]]
    assert shown(admin.get("/audit/?from=2026-11-21")) == [made["after"]]
    assert shown(admin.get("/audit/?to=2026-11-19")) == [made["before"]]
    page = admin.get("/audit/?from=2026-11-21&to=2026-11-20")
    assert shown(page) == []
    assert "nothing matches" in words(page)


@time_machine.travel("2026-11-22T12:00:00Z", tick=False)
def test_the_default_period_is_named_and_can_be_extended(admin: Person) -> None:
    old = entries.entry(at=timezone.now() - timedelta(days=91))
    new = entries.entry(at=timezone.now() - timedelta(days=89))
    page = admin.get("/audit/")
    assert shown(page) == [new.pk]
    assert "1 change since 25 Aug 2026" in words(page)
    assert "the last 90 days by default" in words(page)
    everything = admin.get("/audit/?all=on")
    assert shown(everything) == [new.pk, old.pk]
    assert "all dates" in words(everything)
    assert shown(admin.get("/audit/?from=2026-01-01")) == [new.pk, old.pk]


@pytest.mark.parametrize(
    ("query", "content"),
    [
        ("from=yesterday", "not a date"),
        ("from=0001-01-01", "not a date"),
        ("to=9999-12-31", "not a date"),
        ("action=explode", "no such action"),
        ("outcome=maybe", "no such outcome"),
        ("page=0", "not a page number"),
        ("size=100000", "Rows per page"),
        ("device=" + "x" * 121, "too long"),
        ("person=" + "x" * 121, "too long"),
    ],
)
def test_an_invalid_filter_is_ignored_with_a_warning(admin: Person, query: str, content: str) -> None:
    entry = entries.entry()
    page = admin.get(f"/audit/?{query}")
    assert page.status_code == 200
    assert content in words(page)
    assert shown(page) == [entry.pk]


def test_the_empty_list_and_no_match_read_differently(admin: Person) -> None:
    assert "No changes yet" in words(admin.get("/audit/"))
    entries.entry()
    page = admin.get("/audit/?device=4711")
    assert "No change matches" in words(page)
    assert soup(page).select_one('#results a.button[href="/audit/"]')


def test_with_many_people_a_name_is_typed(admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_search, "MAX_PEOPLE", 1)
    entries.entry()
    assert soup(admin.get("/audit/")).select_one("select#id_person")
    entries.entry(person=entries.person("user:8", "Kari Holm", "kari@example.org"))
    assert soup(admin.get("/audit/")).select_one("input#id_person[type=text]")


def test_people_of_other_organizations_are_not_offered(admin: Person) -> None:
    entries.entry(person=entries.person("user:8", "Stranger", "stranger@example.org"), person_org_id=2, org_id=2)
    assert "Stranger" not in admin.get("/audit/").content.decode()


# --- pages ------------------------------------------------------------------------------------------------------------


def test_pages_are_stable_for_equal_times(admin: Person) -> None:
    at = timezone.now()
    made = [entries.entry(at=at).pk for _ in range(7)]
    seen = [number for page in (1, 2, 3) for number in shown(admin.get(f"/audit/?size=3&page={page}"))]
    assert seen == made[::-1]
    assert "There is no page 4" in words(admin.get("/audit/?size=3&page=4"))
    assert soup(admin.get("/audit/?size=3&page=2")).select_one('a[rel=next][href="/audit/?page=3&size=3"]')


def test_a_very_long_list_is_not_counted_to_the_end(admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_search, "MAX_COUNT", 3)
    made = [entries.entry().pk for _ in range(5)]
    page = admin.get("/audit/?size=2&page=2")
    assert "More than 3 changes" in words(page)
    assert shown(page) == [made[2], made[1]]
    assert soup(page).select_one("a[rel=next]")
    assert shown(admin.get("/audit/?size=2&page=3")) == [made[0]]


def test_a_page_costs_a_fixed_number_of_queries(admin: Person, django_assert_max_num_queries: Any) -> None:
    for _ in range(40):
        entries.entry(undoes=entries.entry())
    with django_assert_max_num_queries(12):
        assert len(shown(admin.get("/audit/?size=80"))) == 80


# --- export -----------------------------------------------------------------------------------------------------------


def test_the_export_has_the_same_filters(admin: Person) -> None:
    at = datetime(2026, 11, 22, 13, 2, 3, tzinfo=UTC)
    entry = entries.entry(
        at=at, operation="transfer_to_owner", before="11", after="", reason='a "quoted", line\nand more', org_id=1
    )
    entries.entry(at=at, device_id=5)
    answer = admin.get("/audit/export.csv?device=1&from=2026-11-22")
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    (line,) = sheet(answer)
    assert line["entry"] == str(entry.pk)
    assert line["time_utc"] == "2026-11-22T13:02:03Z"
    assert (line["person"], line["email"]) == ("Mira Roth", "mira@example.org")
    assert (line["before"], line["before_name"]) == ("11", "ana.lund@example.org")
    assert line["reason"] == 'a "quoted", line\nand more'
    assert (line["outcome"], line["final"]) == ("confirmed", "yes")


def test_no_cell_is_a_formula(admin: Person) -> None:
    entries.entry(after="=1+1", reason="=1+1", device_name="=1+1")
    (line,) = sheet(admin.get("/audit/export.csv"))
    assert [line[column] for column in ("after", "reason", "device")] == ["'=1+1"] * 3
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1+1"):
        assert csv_export.safe_cell(text) == f"'{text}"
    assert (csv_export.safe_cell("a=1"), csv_export.safe_cell(None)) == ("a=1", "")


def test_a_large_export_is_complete_in_order_and_limited(admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_search, "EXPORT_BATCH", 3)
    at = timezone.now()
    made = [entries.entry(at=at + timedelta(seconds=n // 4)).pk for n in range(11)]
    assert [int(line["entry"]) for line in sheet(admin.get("/audit/export.csv?all=on"))] == made[::-1]
    monkeypatch.setattr(view, "MAX_EXPORT", 7)
    assert [int(line["entry"]) for line in sheet(admin.get("/audit/export.csv?all=on"))] == made[:3:-1]


def test_exports_are_logged(admin: Person, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    entries.entry()
    sheet(admin.get("/audit/export.csv?device=1"))
    begun, done = (record.getMessage() for record in caplog.records if record.name == "devices.audit")
    for line in (begun, done):
        assert 'email="admin@example.com"' in line
        assert '"device": "1"' in line
    assert "rows=1" in done
