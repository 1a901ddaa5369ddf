"""Events per day, as numbers and as places in a drawing. Pure: no I/O, no words, no colours.

One lane a type, all on one scale, so that lanes can be compared. Days are calendar days of a zone: a day with a change
of the clocks has 23 or 25 hours and one bar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import groupby
from typing import NamedTuple

LANES = ("CRITICAL", "WARNING", "OFFLINE", "ONLINE", "INFORMATION", "")
"""From top to bottom, as the API spells them. The last is for all other types."""
DAYS = 30
LANE = 38
"""Height of a lane in pixels, like all heights here. Horizontal places of words and bands are per cent of the width,
those of bars are days."""
TOP, FOOT = 26, 24
HEIGHT = TOP + LANE * len(LANES) + FOOT
TALLEST = 22
"""Height of the tallest bar, which leaves room for its number."""
EVENT_HEIGHT = 4.0
"""Height of one event, if all fit."""
PRINTED_FROM = 3
SATURDAY = 5


class Moment(NamedTuple):
    """An entry of the timeline: epoch milliseconds, and its type as the API sent it."""

    ts: int
    type: str


class Day(NamedTuple):
    """`total` events, the newest of them at `first` among those read (-1: none). `known`: the day was read in full."""

    date: date
    total: int
    first: int
    known: bool


class Lane(NamedTuple):
    """`type` is one of LANES; `counts` has one number a day."""

    type: str
    counts: tuple[int, ...]
    total: int


class Chart(NamedTuple):
    """`days`, DAYS of them, oldest first, with one lane for each of LANES.

    `covered`: events in them, of the `read` ones, of the `total` (None: unknown). `since`: the first known day.
    `partial`: that day has more events than were read. `today`: the last day is today. `ahead` have a later date and
    `undated` no valid one; neither is in a lane. `others`: types of the last lane with their numbers, most first.
    """

    days: tuple[Day, ...]
    lanes: tuple[Lane, ...]
    covered: int
    read: int
    total: int | None
    since: date
    partial: bool
    today: bool
    peak: int | None
    ahead: int
    undated: int
    others: tuple[tuple[str, int], ...]

    @property
    def cut(self) -> bool:
        """Whether there are days that were not read."""
        return not self.days[0].known


def date_of(ts: int, zone: tzinfo) -> date | None:
    """The calendar day of epoch milliseconds in a zone; None if out of range."""
    try:
        return datetime.fromtimestamp(ts / 1000, UTC).astimezone(zone).date()
    except (OverflowError, OSError, ValueError):
        return None


def events_per_day(
    moments: Sequence[Moment], zone: tzinfo, now: float, *, total: int | None = None, more: bool = False
) -> Chart:
    """Count the newest events of a device by day and type.

    `moments`: newest first, as the API gives them; `now`: epoch seconds; `total`: of all events; `more`: there are
    older ones. The chart ends today, or on the last day with an event if that is DAYS or more ago. A day that was only
    partly read is left out, unless it is the only one.
    """
    today = datetime.fromtimestamp(now, UTC).astimezone(zone).date()
    placed = [(date_of(moment.ts, zone), moment.type, at) for at, moment in enumerate(moments)]
    dated = [(day, kind, at) for day, kind, at in placed if day is not None and day <= today]
    newest = max((day for day, _, _ in dated), default=today)
    oldest = min((day for day, _, _ in dated), default=today)
    last = today if (today - newest).days < DAYS else newest
    start = last - min(timedelta(DAYS - 1), last - date.min)
    partial = more and oldest >= newest
    since = max(start, oldest + timedelta(1) if more and not partial else oldest if more else start)
    inside = [entry for entry in dated if since <= entry[0] <= last]
    dates = [start + timedelta(n) for n in range((last - start).days + 1)]
    lanes = tuple(_lane(kind, inside, dates) for kind in LANES)
    firsts: dict[date, int] = {}
    for day, _, at in inside:
        firsts.setdefault(day, at)
    totals = Counter(day for day, _, _ in inside)
    days = tuple(Day(day, totals[day], firsts.get(day, -1), day >= since) for day in dates)
    peak = max(range(len(days)), key=lambda n: (days[n].total, n))
    return Chart(
        days=days,
        lanes=lanes,
        covered=len(inside),
        read=len(moments),
        total=total,
        since=since,
        partial=partial,
        today=last == today,
        peak=peak if days[peak].total else None,
        ahead=sum(1 for day, _, _ in placed if day is not None and day > today),
        undated=sum(1 for day, _, _ in placed if day is None),
        others=tuple(Counter(kind for _, kind, _ in inside if kind not in LANES[:-1]).most_common()),
    )


def _lane(kind: str, inside: Sequence[tuple[date, str, int]], dates: Sequence[date]) -> Lane:
    counts = Counter(day for day, each, _ in inside if (each if each in LANES else "") == kind)
    return Lane(kind, tuple(counts[day] for day in dates), counts.total())


# --- places -----------------------------------------------------------------------------------------------------------


class Bar(NamedTuple):
    """`x` and `width` in days, `middle` in per cent, `y` and `height` in pixels; `number` above it, or empty."""

    x: str
    y: str
    width: str
    height: str
    middle: str
    number: str


class Band(NamedTuple):
    x: str
    width: str


class Tick(NamedTuple):
    """`at`: index of a day; `anchor`: SVG's text-anchor, so that no word is cut off at an edge."""

    at: int
    x: str
    anchor: str


class Row(NamedTuple):
    """A lane drawn: its ground line and its bars."""

    base: str
    bars: tuple[Bar, ...]

    @property
    def path(self) -> str:
        """All its bars as SVG's path data."""
        return "".join(f"M{bar.x} {bar.y}h{bar.width}v{bar.height}h-{bar.width}z" for bar in self.bars)


class Drawing(NamedTuple):
    rows: tuple[Row, ...]
    weekends: tuple[Band, ...]
    unread: Band | None
    ticks: tuple[Tick, ...]
    peak: Tick | None


def draw(chart: Chart) -> Drawing:
    """Places in a drawing of HEIGHT pixels and any width."""
    many = len(chart.days)
    most = max((count for lane in chart.lanes for count in lane.counts), default=0)
    unit = min(EVENT_HEIGHT, TALLEST / most) if most else EVENT_HEIGHT
    unread = sum(1 for day in chart.days if not day.known)
    return Drawing(
        rows=tuple(_row(lane, n, many, unit) for n, lane in enumerate(chart.lanes)),
        weekends=tuple(_weekends(chart.days)),
        unread=Band("0%", _share(unread, many)) if unread else None,
        ticks=tuple(_ticks(chart)),
        peak=_tick(chart.peak, many, edge=4) if chart.peak is not None else None,
    )


def _row(lane: Lane, at: int, many: int, unit: float) -> Row:
    base = TOP + LANE * (at + 1)
    bars = []
    for day, count in enumerate(lane.counts):
        if not count:
            continue
        height = max(2.0, count * unit)
        bars.append(
            Bar(
                x=f"{day + 0.25:g}",
                y=_pixels(base - height),
                width="0.5",
                height=_pixels(height),
                middle=_share(day + 0.5, many),
                number=short(count) if count >= PRINTED_FROM else "",
            )
        )
    return Row(_pixels(base - 0.5), tuple(bars))


def _weekends(days: Sequence[Day]) -> list[Band]:
    bands = []
    for weekend, group in groupby(range(len(days)), key=lambda at: days[at].date.weekday() >= SATURDAY):
        if weekend:
            first, *rest = group
            bands.append(Band(_share(first, len(days)), _share(1 + len(rest), len(days))))
    return bands


def _ticks(chart: Chart) -> list[Tick]:
    """Mondays, without those too close to the last day's label."""
    last = len(chart.days) - 1
    mondays = [at for at, day in enumerate(chart.days[: last - 3]) if day.date.weekday() == 0]
    return [_tick(at, last + 1) for at in (*mondays, last)]


def _tick(at: int, many: int, edge: int = 1) -> Tick:
    if at < edge:
        return Tick(at, _share(at + 0.25, many), "start")
    if at >= many - edge:
        return Tick(at, _share(at + 0.75, many) if at < many - 1 else "100%", "end")
    return Tick(at, _share(at + 0.5, many), "middle")


def short(count: int) -> str:
    """A number for a place as wide as a day: 999, then 1.2k."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.1f}k" if count < 10_000 else f"{count // 1000}k"


def _share(part: float, whole: int) -> str:
    return f"{100 * part / whole:.3f}".rstrip("0").rstrip(".") + "%"


def _pixels(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
