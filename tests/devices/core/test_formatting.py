"""Times, values and words as a reader sees them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec import structs

from devices.core.connection_state import connection, never_connected
from devices.core.formatting import Clock, age, datastream_value, event_days, event_word, number
from devices.core.text import clean
from devices.device_page.values import value_rows
from devices.gateway.types import BaseInfo, DataStreamValue, TimelineEvent

NOW = datetime(2026, 11, 17, 13, 2, 10, tzinfo=UTC).timestamp()
OSLO = Clock("Europe/Oslo", NOW)


def ms(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("moment", "text", "old_age", "old"),
    [
        (ms(2026, 11, 17, 13, 1, 50), "14:01:50", "20 s", False),
        (ms(2026, 11, 17, 8, 12, 37), "09:12:37", "4 h", False),
        (ms(2026, 11, 16, 5, 53), "16 Nov, 06:53", "", True),
        (ms(2025, 10, 9, 6, 53), "9 Oct 2025, 08:53", "", True),
        (ms(2026, 11, 17, 13, 5), "14:05:00", "now", False),
    ],
)
def test_a_moment_is_shown_in_the_readers_zone_with_its_age(moment: int, text: str, old_age: str, old: bool) -> None:
    when = OSLO.when(moment, seconds=True)
    assert when is not None
    assert (when.text, when.age, when.old) == (text, old_age, old)
    assert when.iso == datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("moment", [None, 0, -5, 10**18, 2**63 - 1])
def test_never_and_impossible_moments_are_no_moment(moment: int | None) -> None:
    assert OSLO.when(moment) is None


def test_the_stamp_names_the_zone() -> None:
    assert OSLO.stamp() == "14:02:10 UTC+1"
    assert Clock("Asia/Kolkata", NOW).stamp() == "18:32:10 UTC+5:30"
    assert Clock("America/St_Johns", NOW).stamp() == "09:32:10 UTC−3:30"
    assert Clock("Not/AZone", NOW).stamp() == "13:02:10 UTC"
    assert Clock("../../etc/passwd", NOW).stamp() == "13:02:10 UTC"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "now"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86_400, "1 d"), (366 * 86_400, "1 y")],
)
def test_age_is_one_unit(seconds: int, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "On"),
        (False, "Off"),
        (61.4, "61.4"),
        (10442, "10,442"),
        (0.1 + 0.2, "0.3"),
        (float("inf"), "inf"),
        ([11.3872, 59.1241], "59.1241, 11.3872"),
        ("E14", "E14"),
        ({"odd": 1}, "{'odd': 1}"),
        ([1, 2, 3], "[1, 2, 3]"),
    ],
)
def test_a_value_reads_as_people_write_it_with_latitude_first(value: object, text: str) -> None:
    assert datastream_value(value) == text


def test_huge_numbers_do_not_flood_the_page() -> None:
    assert len(number(10**300)) <= 310
    assert number(1e300) == "1e+300"


def test_values_older_than_a_day_or_without_a_time_are_set_apart() -> None:
    fresh, old, none = value_rows(
        [
            DataStreamValue(1, "v1", "temp", "Temperature", 61.4, ms(2026, 11, 17, 13, 1, 50)),
            DataStreamValue(2, "v2", "fault", None, "E14", ms(2026, 11, 14, 2, 20)),
            DataStreamValue(3, value=1),
            DataStreamValue(4, "v4"),
        ],
        OSLO,
    )
    assert [row.name for row in fresh] == ["Temperature"]
    assert [(row.name, row.updated and row.updated.age) for row in old] == [("fault", ""), ("Datastream 3", None)]
    assert [row.name for row in none] == ["Datastream 4"], "never reported is not old"


def test_waits_count_from_the_real_time_and_have_one_wording() -> None:
    real = iter([NOW + 3.0, NOW + 3.9, NOW + 60.0])
    clock = Clock("Europe/Oslo", NOW, lambda: next(real))
    assert clock.later(20) == "14:02:33 UTC+1", "the page has taken three seconds already"
    assert clock.later(20) == "14:02:33 UTC+1", "the same wait, counted up to whole seconds a moment later"
    assert clock.later(20) == "14:03:30 UTC+1"
    assert Clock("Europe/Oslo", NOW).later(20) == "14:02:30 UTC+1"


def test_each_read_shows_its_own_time() -> None:
    assert OSLO.read_at([]) == OSLO.read_at([NOW + 0.9, NOW + 4]) == OSLO.stamp()
    assert OSLO.read_at([NOW + 4, NOW - 15]) == "14:01:55 UTC+1"


def test_unknown_is_not_offline() -> None:
    assert connection(None, OSLO).word.text == "Unknown"
    assert connection(None, OSLO).note
    assert connection(False, OSLO).word.text == "Offline"
    known = BaseInfo(id=1, name="x", template_id=1, org_id=1, connect_time=1, first_connect_time=0)
    assert never_connected(known) is None
    assert never_connected(structs.replace(known, connect_time=None)) == 0
    assert never_connected(structs.replace(known, connect_time=None, first_connect_time=None)) is None, "not told"
    online = connection(True, OSLO)
    assert (online.word.text, online.stamp) == ("Online", "14:02:10 UTC+1")


def test_an_event_type_nobody_knows_keeps_the_apis_word() -> None:
    assert event_word("DOOR_OPENED").text == "DOOR_OPENED"
    assert len(event_word("D" * 2000).text) == 40, "a lane and a chip have to hold it"
    assert event_word("CRITICAL").tone == "danger"
    assert event_word(None).text == "No type"


def test_the_timeline_is_grouped_by_the_readers_day() -> None:
    events = [
        TimelineEvent(ms(2026, 11, 16, 23, 30), event_type="CRITICAL", description="Pressure above 6 bar"),
        TimelineEvent(ms(2026, 11, 16, 22, 30), event_id=4, is_resolved=True, resolved_at=ms(2026, 11, 16, 22, 58)),
        TimelineEvent(ms(2026, 11, 16, 21, 0), event_type="WARNING", is_resolved=False, resolved_at=ms(2026, 1, 1)),
    ]
    days = event_days(events, OSLO, {4: "Overheating"})
    assert [(day, len(rows)) for day, rows in days] == [("Today, Tuesday 17 November", 1), ("Monday 16 November", 2)]
    assert days[1][1][0].text == "Overheating"
    assert days[1][1][0].resolved == "Resolved 16 Nov, 23:58"
    assert days[1][1][1].resolved == "", "isResolved decides, not resolvedAt"


def test_control_and_direction_characters_become_visible() -> None:
    assert clean("a\x00b\u202ec\x1b") == "a\ufffdb\ufffdc\ufffd"
    assert clean("line\nnext\N{NO-BREAK SPACE}x") == "line\nnext\N{NO-BREAK SPACE}x"
    assert clean("<b>{{ 7 }}</b>") == "<b>{{ 7 }}</b>", "escaping is the template's business"
