"""Events per day: calendar days of a zone, whole days only, one scale for all lanes, every bar inside the drawing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.device_page.event_counts import (
    DAYS,
    FOOT,
    HEIGHT,
    LANES,
    TALLEST,
    TOP,
    Chart,
    Moment,
    draw,
    events_per_day,
    short,
)

OSLO = ZoneInfo("Europe/Oslo")
NOW = datetime(2026, 11, 17, 14, 2, tzinfo=OSLO).timestamp()
TODAY = date(2026, 11, 17)


def at(*when: int, kind: str = "WARNING", zone: ZoneInfo = OSLO) -> Moment:
    return Moment(int(datetime(*when, tzinfo=zone).timestamp() * 1000), kind)  # type: ignore[arg-type, misc]


def totals(chart: Chart) -> dict[str, int]:
    return {str(day.date): day.total for day in chart.days if day.total}


def test_nothing_happened() -> None:
    chart = events_per_day([], OSLO, NOW, total=0)
    assert len(chart.days) == DAYS
    assert chart.days[-1].date == TODAY
    assert (chart.covered, chart.peak, chart.today, chart.cut) == (0, None, True, False)
    drawing = draw(chart)
    assert drawing.peak is None
    assert not any(row.bars for row in drawing.rows)


def test_an_event_stands_on_the_readers_day_not_on_that_of_utc() -> None:
    moment = at(2026, 11, 16, 0, 30)
    assert totals(events_per_day([moment], OSLO, NOW, total=1)) == {"2026-11-16": 1}
    assert totals(events_per_day([moment], ZoneInfo("UTC"), NOW, total=1)) == {"2026-11-15": 1}


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 10, 25), 25), (date(2026, 3, 29), 23)], ids=["clocks back", "clocks forward"]
)
def test_a_day_with_a_change_of_the_clocks_is_one_bar(day: date, hours: int) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=OSLO).astimezone(UTC)
    moments = [Moment(int((midnight + timedelta(hours=n)).timestamp() * 1000), "ONLINE") for n in reversed(range(25))]
    now = (midnight + timedelta(days=3)).timestamp()
    chart = events_per_day(moments, OSLO, now, total=25)
    assert totals(chart)[str(day)] == hours
    assert sum(totals(chart).values()) == 25
    assert [d.date for d in chart.days] == [chart.days[0].date + timedelta(n) for n in range(DAYS)]


def test_the_day_of_which_only_a_part_was_read_is_left_out() -> None:
    moments = [at(2026, 11, 17, 9), at(2026, 11, 16, 9), at(2026, 11, 16, 8), at(2026, 11, 15, 23)]
    chart = events_per_day(moments, OSLO, NOW, total=900, more=True)
    assert (chart.since, chart.covered, chart.read, chart.cut) == (date(2026, 11, 16), 3, 4, True)
    assert "2026-11-15" not in totals(chart)
    assert not any(day.known for day in chart.days if day.date < chart.since)
    assert draw(chart).unread is not None
    whole = events_per_day(moments, OSLO, NOW, total=4)
    assert (whole.covered, whole.cut, draw(whole).unread) == (4, False, None)


def test_a_thousand_events_in_one_day_fit_and_are_called_a_part() -> None:
    moments = [Moment(int(NOW * 1000) - n * 1000, "INFORMATION") for n in range(1000)]
    chart = events_per_day(moments, OSLO, NOW, total=12_000, more=True)
    assert chart.partial
    assert chart.since == TODAY
    bar = draw(chart).rows[LANES.index("INFORMATION")].bars[0]
    assert float(bar.height) == TALLEST
    assert bar.number == "1.0k"


def test_lanes_share_one_scale_and_numbers_are_printed_from_three() -> None:
    moments = [at(2026, 11, 17, 9, n, kind="CRITICAL") for n in range(2)] + [
        at(2026, 11, 16, 9, n, kind="ONLINE") for n in range(20)
    ]
    drawing = draw(events_per_day(moments, OSLO, NOW, total=22))
    critical, online = drawing.rows[0].bars[0], drawing.rows[LANES.index("ONLINE")].bars[0]
    assert float(online.height) == pytest.approx(10 * float(critical.height), rel=0.05)
    assert (critical.number, online.number) == ("", "20")
    assert drawing.peak is not None
    assert drawing.peak.at == DAYS - 2


def test_types_without_a_lane_share_the_last_one_and_are_named() -> None:
    kinds = ["FORECAST", "LIFECYCLE", "LIFECYCLE", "", "NOTE", "NOTE", "NOTE"]
    chart = events_per_day([at(2026, 11, 17, 9, kind=kind) for kind in kinds], OSLO, NOW, total=7)
    assert (chart.lanes[-1].type, chart.lanes[-1].total) == ("", 7)
    assert chart.others[:2] == (("NOTE", 3), ("LIFECYCLE", 2))
    assert dict(chart.others) == {"NOTE": 3, "LIFECYCLE": 2, "FORECAST": 1, "": 1}


def test_the_future_and_no_date_at_all_are_in_no_lane() -> None:
    later_today = at(2026, 11, 17, 23, 59)
    moments = [Moment(9_007_199_254_740_991, "ONLINE"), at(2026, 11, 18, 0, 1), later_today, at(2026, 11, 17, 9)]
    chart = events_per_day(moments, OSLO, NOW, total=4)
    assert (chart.ahead, chart.undated, chart.covered) == (1, 1, 2)


def test_a_device_long_silent_shows_its_last_days() -> None:
    chart = events_per_day([at(2026, 3, 3, 9), at(2026, 3, 1, 9)], OSLO, NOW, total=2)
    assert chart.days[-1].date == date(2026, 3, 3)
    assert (chart.today, chart.covered) == (False, 2)


def test_a_day_knows_where_its_newest_event_stands_in_the_list() -> None:
    moments = [at(2026, 11, 17, 9), at(2026, 11, 17, 8), at(2026, 11, 15, 9)]
    days = {str(day.date): day.first for day in events_per_day(moments, OSLO, NOW, total=3).days}
    assert (days["2026-11-17"], days["2026-11-16"], days["2026-11-15"]) == (0, -1, 2)


def test_weekends_are_bands_and_mondays_are_named() -> None:
    chart = events_per_day([], OSLO, NOW)
    drawing = draw(chart)
    assert len(drawing.weekends) == 4
    assert {chart.days[tick.at].date.weekday() for tick in drawing.ticks[:-1]} == {0}
    assert drawing.ticks[-1].at == DAYS - 1
    assert drawing.ticks[-2].at < DAYS - 4, "its words do not run into the last day's"


@pytest.mark.parametrize(("count", "word"), [(3, "3"), (999, "999"), (1000, "1.0k"), (1250, "1.2k"), (12_900, "12k")])
def test_large_numbers_are_short(count: int, word: str) -> None:
    assert short(count) == word


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-(2**62), 2**62) | st.integers(1_700_000_000_000, 1_800_000_000_000),
                       st.sampled_from([*LANES, "FORECAST"])), max_size=80),
    st.booleans(),
)  # fmt: skip
def test_whatever_comes_every_bar_is_inside_and_no_event_is_counted_twice(
    raw: list[tuple[int, str]], more: bool
) -> None:
    moments = [Moment(*entry) for entry in sorted(raw, reverse=True)]
    chart = events_per_day(moments, OSLO, NOW, total=len(moments), more=more)
    assert sum(lane.total for lane in chart.lanes) == sum(day.total for day in chart.days) == chart.covered
    assert chart.covered + chart.ahead + chart.undated <= chart.read
    for n, row in enumerate(draw(chart).rows):
        for bar in row.bars:
            assert 0 <= float(bar.x) <= len(chart.days) - float(bar.width)
            assert TOP + 38 * n <= float(bar.y)
            assert float(bar.y) + float(bar.height) <= HEIGHT - FOOT + 0.1


def test_a_lane_is_one_path_with_a_bar_for_each_day_that_has_events() -> None:
    moments = [Moment(int((NOW - 3600 - day * 86_400) * 1000), "WARNING") for day in (0, 0, 5)]
    row = draw(events_per_day(moments, OSLO, NOW)).rows[LANES.index("WARNING")]
    assert row.path.count("M") == row.path.count("z") == len(row.bars) == 2
    assert row.path.startswith(f"M{row.bars[0].x} {row.bars[0].y}h0.5v{row.bars[0].height}")
