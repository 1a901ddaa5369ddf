"""The chart of a timeline: `event_counts` counts and places, this module adds words and links."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from devices.core.date_formats import long_date, short_date
from devices.core.formatting import Clock, Word, event_word, number
from devices.core.text import shorten
from devices.device_page.event_counts import (
    HEIGHT,
    LANE,
    TOP,
    Chart,
    Day,
    Drawing,
    Lane,
    Moment,
    Row,
    Tick,
    draw,
    events_per_day,
)
from devices.gateway.pagination import Page
from devices.gateway.types import TimelineEvent

OTHERS = 6
"""Types that the note under the chart names one by one."""


class Addresses(Protocol):
    def to(self, **query: str) -> str: ...
    def day(self, date: str, position: int) -> str: ...


class LaneView(NamedTuple):
    """A type's lane: `key` names its colour, `url` filters the list by it (empty if the API cannot)."""

    key: str
    type: str
    word: Word
    url: str
    total: str
    row: Row


class DayView(NamedTuple):
    """A day of the chart. `url`: its events in the list, empty if it has none; `counts`: one a lane."""

    words: str
    url: str
    total: str
    known: bool
    title: str
    counts: tuple[str, ...]


class Label(NamedTuple):
    tick: Tick
    words: str


class ChartView(NamedTuple):
    lanes: list[LaneView]
    days: list[DayView]
    drawing: Drawing
    ticks: list[Label]
    peak: Label | None
    covers: str
    about: str
    notes: list[str]
    many: int
    """Days that were read in full."""
    read_at: str
    height: int
    top: int
    lane: int


def chart_view(page: Page[TimelineEvent], clock: Clock, links: Addresses, read_at: str) -> ChartView:
    """The chart of the first page of events of all types; `read_at`: when they were read."""
    moments = [Moment(event.ts, event.event_type or "") for event in page.items]
    chart = events_per_day(moments, clock.tz, clock.now, total=page.total, more=page.has_next)
    drawing = draw(chart)
    year = datetime.fromtimestamp(clock.now, clock.tz).year
    return ChartView(
        lanes=[_lane(lane, row, links) for lane, row in zip(chart.lanes, drawing.rows, strict=True)],
        days=[_day(chart, at, links, year) for at in range(len(chart.days))],
        drawing=drawing,
        ticks=[Label(tick, _tick_words(chart, tick, year)) for tick in drawing.ticks],
        peak=Label(drawing.peak, _events_of(chart.days[drawing.peak.at], year)) if drawing.peak else None,
        covers=_covers(chart, year),
        about=_about(chart, year),
        notes=_notes(chart, year),
        many=sum(1 for day in chart.days if day.known),
        read_at=read_at,
        height=HEIGHT,
        top=TOP,
        lane=LANE,
    )


def _word(lane: Lane) -> Word:
    return event_word(lane.type) if lane.type else Word("ellipsis", _("Other"), "muted")


def _lane(lane: Lane, row: Row, links: Addresses) -> LaneView:
    return LaneView(
        key=lane.type.lower() or "other",
        type=lane.type,
        word=_word(lane),
        url=links.to(type=lane.type) if lane.type else "",
        total=number(lane.total),
        row=row,
    )


def _day(chart: Chart, at: int, links: Addresses, year: int) -> DayView:
    day = chart.days[at]
    return DayView(
        words=long_date(day.date, year),
        url=links.day(str(day.date), day.first) if day.first >= 0 else "",
        total=number(day.total),
        known=day.known,
        title=_events_of(day, year),
        counts=tuple(number(lane.counts[at]) for lane in chart.lanes),
    )


def _events_of(day: Day, year: int) -> str:
    values = {"day": short_date(day.date, year), "n": number(day.total)}
    return ngettext("%(day)s: %(n)s event", "%(day)s: %(n)s events", day.total) % values


def _tick_words(chart: Chart, tick: Tick, year: int) -> str:
    if chart.today and tick.at == len(chart.days) - 1:
        return _("today, so far")
    return short_date(chart.days[tick.at].date, year)


def _covers(chart: Chart, year: int) -> str:
    """How many events the chart shows, and of which days, without a full stop."""
    values = {
        "n": number(chart.covered),
        "total": number(chart.total or 0),
        "since": short_date(chart.since, year),
        "until": short_date(chart.days[-1].date, year),
    }
    if chart.total is None:
        words = _("%(n)s events, from %(since)s to today") if chart.today else _("%(n)s events, %(since)s to %(until)s")
    elif chart.today:
        words = _("%(n)s of %(total)s events, from %(since)s to today")
    else:
        words = _("%(n)s of %(total)s events, from %(since)s to %(until)s")
    return words % values


def _about(chart: Chart, year: int) -> str:
    """The drawing described for assistive technology: a sentence, then one number a type."""
    parts = [_covers(chart, year) + "."]
    if chart.peak is not None:
        parts.append(_("Most on %(peak)s.") % {"peak": _events_of(chart.days[chart.peak], year)})
    parts += [f"{_word(lane).text}: {number(lane.total)}." for lane in chart.lanes]
    return " ".join(parts)


def _notes(chart: Chart, year: int) -> list[str]:
    """What the chart leaves out, if anything."""
    notes = []
    if chart.others:
        named = [f"{event_word(kind).text if kind else _('No type')} {number(n)}" for kind, n in chart.others[:OTHERS]]
        named += ["…"] if len(chart.others) > OTHERS else []
        notes.append(shorten(_("Other: %(types)s.") % {"types": ", ".join(named)}, 300))
    values = {"n": number(chart.read), "since": short_date(chart.since, year)}
    if chart.partial:
        notes.append(_("Only the newest %(n)s events were read. They are all of one day, which has more.") % values)
    elif chart.cut:
        notes.append(_("The newest %(n)s events were read: they go back to %(since)s, whole days only.") % values)
    if chart.ahead:
        words = ngettext(
            "%(n)s event has a date in the future and is only in the list.",
            "%(n)s events have a date in the future and are only in the list.",
            chart.ahead,
        )
        notes.append(words % {"n": number(chart.ahead)})
    if chart.undated:
        words = ngettext("%(n)s event has no valid date.", "%(n)s events have no valid date.", chart.undated)
        notes.append(words % {"n": number(chart.undated)})
    return notes
