"""Values of the API as text for people: times in the reader's zone, ages, numbers, rows. Pure functions, no I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote

from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from devices.core.date_formats import cached_short_date, decimal, get_zone, long_date, short_date, utc_offset
from devices.core.text import clean, shorten
from devices.gateway.types import Device, HardwareInfo, LogEntry, TimelineEvent

DAY = 86_400
JUST_NOW = 10
OLD = DAY
"""Seconds after which a value is shown as possibly out of date."""


class When(NamedTuple):
    """A moment: `text` in the reader's zone, `iso` in UTC for `<time datetime>`, `elapsed` seconds since."""

    text: str
    iso: str
    elapsed: float

    @property
    def age(self) -> str:
        """Empty after a day: then the time itself says more."""
        return age(self.elapsed) if self.elapsed < DAY else ""

    @property
    def ago(self) -> str:
        """`age` as the end of a sentence: `3 min ago`."""
        return ago(self.elapsed) if self.elapsed < DAY else ""

    @property
    def old(self) -> bool:
        return self.elapsed > OLD


def age(seconds: float) -> str:
    """How long ago, in one unit. Under ten seconds, and anything in the future, is "now"."""
    if seconds < JUST_NOW:
        return _("now")
    if seconds < 60:
        return _("%d s") % seconds
    if seconds < 3600:
        return _("%d min") % (seconds // 60)
    if seconds < DAY:
        return _("%d h") % (seconds // 3600)
    if seconds < 365 * DAY:
        return _("%d d") % (seconds // DAY)
    return _("%d y") % (seconds // (365 * DAY))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()[:19] + "Z"


def ago(seconds: float) -> str:
    """How long ago, as the end of a sentence."""
    return _("%s ago") % age(seconds) if seconds >= JUST_NOW else _("a moment ago")


class Clock:
    """The reader's zone and one "now" for the whole page, so that all its ages agree."""

    def __init__(self, zone: str, now: float, wall: Callable[[], float] | None = None) -> None:
        """`zone`: an IANA name, else UTC is used. `now`: epoch seconds. `wall`: the running time, for waits."""
        self.tz = get_zone(zone)
        self.now = now
        self._wall = wall
        self._ends: list[float] = []
        self._now = datetime.fromtimestamp(now, self.tz)
        self._today = self._now.date()
        self._language = get_language() or "en"
        self.offset = utc_offset(self._now)

    def when(self, ms: int | None, *, seconds: bool = False) -> When | None:
        """From epoch milliseconds; None for None, 0 and times outside the calendar ("never")."""
        if not ms or ms < 0:
            return None
        moment = self.moment(ms)
        if moment is None:
            return None
        return When(self._text(moment, seconds), _iso(moment), self.now - ms / 1000)

    def at(self, moment: float) -> str:
        """Epoch seconds as `10:42:07 UTC+1`, with the date unless it is today."""
        when = self.when(int(moment * 1000), seconds=True)
        return f"{when.text} {self.offset}" if when else ""

    def later(self, seconds: float) -> str:
        """When a wait of this many seconds, rounded up, ends. Ends less than a second apart are the same wait."""
        end = (self._wall() if self._wall else self.now) + seconds
        for known in self._ends:
            if abs(known - end) < 1:
                return self.at(known)
        self._ends.append(end)
        return self.at(end)

    def read_at(self, moments: Iterable[float]) -> str:
        """The oldest of these read times (epoch seconds); the page's own time if all were read for this page."""
        return self.at(min((self.now, *moments)))

    def stamp(self) -> str:
        """The page's time: `14:02:10 UTC+1`."""
        return f"{self._now:%H:%M:%S} {self.offset}"

    def dated(self) -> str:
        """The page's date and time, for printing: `17 Nov 2026, 14:02:10 UTC+1`."""
        return f"{short_date(self._today)}, {self.stamp()}"

    def moment(self, ms: int) -> datetime | None:
        """In the reader's zone; None outside the calendar."""
        try:
            return datetime.fromtimestamp(ms / 1000, self.tz)
        except (OverflowError, OSError, ValueError):
            return None

    def day(self, moment: datetime | None) -> str:
        """A heading of the timeline: `Today, Tuesday 17 November`."""
        if moment is None:
            return _("No date")
        words = long_date(moment.date(), self._today.year)
        return _("Today, %s") % words if moment.date() == self._today else words

    def time(self, ms: int) -> str:
        """The time of day: `14:01:22`."""
        return time_of_day(self.moment(ms))

    def _text(self, moment: datetime, seconds: bool) -> str:
        day = moment.date()
        if day == self._today:
            return f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"
        return f"{cached_short_date(self._language, day, day.year != self._today.year)}, {moment:%H:%M}"


def time_of_day(moment: datetime | None) -> str:
    """`14:01:22`, of a moment in the reader's zone."""
    return f"{moment.hour:02}:{moment.minute:02}:{moment.second:02}" if moment else "–"


def number(value: float) -> str:
    """A number in the reader's language: at most six decimals, an exponent only from 10^15 on."""
    if isinstance(value, int):
        return decimal(value) if 1000 <= abs(value) < 10**15 else str(value)
    if not math.isfinite(value):
        return str(value)
    return decimal(round(value, 6)) if abs(value) < 10**15 else f"{value:g}"


def datastream_value(value: Any) -> str:
    """A datastream's value: text, a number, a switch, or [longitude, latitude] (shown latitude first, as on a map)."""
    match value:
        case None:
            return ""
        case bool():
            return _("On") if value else _("Off")
        case int() | float():
            return number(value)
        case [int() | float() as lon, int() | float() as lat]:
            return f"{lat:.4f}, {lon:.4f}"
        case _:
            return clean(str(value))


class Word(NamedTuple):
    """A state or type as icon, text and colour, always together. `tone`: a CSS class."""

    icon: str
    text: str
    tone: str


_EVENTS = {
    "ONLINE": ("online", gettext_lazy("Online"), "good"),
    "OFFLINE": ("offline", gettext_lazy("Offline"), "strong"),
    "INFORMATION": ("info", gettext_lazy("Information"), "accent"),
    "WARNING": ("triangle-alert", gettext_lazy("Warning"), "caution"),
    "CRITICAL": ("octagon-alert", gettext_lazy("Critical"), "danger"),
    "CONTENT": ("message-square-text", gettext_lazy("Content"), "muted"),
    "INACTIVE": ("moon", gettext_lazy("Inactive"), "muted"),
    "LIFECYCLE": ("milestone", gettext_lazy("Lifecycle"), "muted"),
    "NOTE": ("notebook-pen", gettext_lazy("User note"), "muted"),
}
RESOLVABLE = ("CRITICAL", "WARNING")
"""Types of events that can be resolved."""


def event_word(event_type: str | None) -> Word:
    """Icon, text and tone of a timeline type. An unknown one keeps the API's text."""
    known = _EVENTS.get(event_type or "")
    if known:
        return Word(known[0], str(known[1]), known[2])
    return Word("ellipsis", shorten(clean(event_type), 40) if event_type else _("No type"), "muted")


class DeviceRow(NamedTuple):
    """`owner_query`: the owner's e-mail, URL-encoded, empty if not known. Templates unpack a row in this order."""

    id: int
    name: str
    template: str
    firmware: str
    board: str
    owner: str
    owner_query: str
    activated: When | None
    organization: str


@lru_cache(maxsize=4096)
def _as_query(owner: str) -> str:
    """Cached: few people own the devices of a page, and quoting costs as much as the rest of a row."""
    return quote(owner) if "@" in owner else ""


def hardware(info: HardwareInfo | None) -> tuple[str, str]:
    """Firmware version and board, empty if the device never reported them."""
    if info is None:
        return "", ""
    return clean(info.version or ""), clean(info.board_type or "")


def name_of(device: Device) -> str:
    """A device's name, safe to read and never blank: a blank link would be invisible."""
    return clean(device.name).strip() or _("(no name)")


def device_row(device: Device, names: Any, clock: Clock) -> DeviceRow:
    """One row of a list; `names`: a `directory.names.Names`."""
    firmware, board = hardware(device.hardware_info)
    owner = names.owner(device.owner_user_id)
    return DeviceRow(
        id=device.id,
        name=shorten(name_of(device)),
        template=names.template(device.template_id),
        firmware=shorten(firmware, 24),
        board=shorten(board, 24),
        owner=owner,
        owner_query=_as_query(owner),
        activated=clock.when(device.activated_at),
        organization=names.organization(device.org_id),
    )


class EventRow(NamedTuple):
    """`date`: the reader's calendar day in ISO 8601, or empty. `open`: not resolved yet."""

    time: str
    iso: str
    word: Word
    text: str
    resolved: str
    comment: str
    date: str = ""
    open: bool = False
    id: int = 0


def event_days(
    events: Sequence[TimelineEvent], clock: Clock, event_names: dict[int, str]
) -> list[tuple[str, list[EventRow]]]:
    """Timeline entries in the order received, grouped by the reader's calendar day."""
    placed = [(clock.moment(event.ts), event) for event in events]
    days = []
    for _date, group in groupby(placed, key=lambda pair: pair[0].date() if pair[0] else None):
        day = [*group]
        days.append((clock.day(day[0][0]), [_event_row(event, moment, clock, event_names) for moment, event in day]))
    return days


def _event_row(event: TimelineEvent, moment: datetime | None, clock: Clock, event_names: dict[int, str]) -> EventRow:
    name = event.name or event_names.get(event.event_id or 0, "")
    text = " – ".join(part for part in (name, event.description) if part)
    resolved = clock.when(event.resolved_at) if event.is_resolved else None
    return EventRow(
        time=time_of_day(moment),
        iso=_iso(moment) if moment and event.ts > 0 else "",
        word=event_word(event.event_type),
        text=clean(text),
        resolved=(_("Resolved %s") % resolved.text if resolved else _("Resolved")) if event.is_resolved else "",
        comment=clean(event.resolved_comment or "") if event.is_resolved else "",
        date=str(moment.date()) if moment else "",
        open=event.is_resolved is False and event.event_type in RESOLVABLE,
        id=event.id or 0,
    )


class LogRow(NamedTuple):
    when: When | None
    user: str
    pin: str
    value: str
    online: bool | None


_PIN_LETTERS = {"VIRTUAL": "v", "DIGITAL": "d", "ANALOG": "a"}


def log_row(entry: LogEntry, clock: Clock) -> LogRow:
    """One user action. The pin as the API writes it elsewhere: first letter of its type and its number."""
    letter = _PIN_LETTERS.get(entry.pin_type or "", (entry.pin_type or "")[:1].lower())
    return LogRow(
        when=clock.when(entry.created_at, seconds=True),
        user=clean(entry.trigger_user_email or _("Unknown user")),
        pin=f"{letter}{entry.pin}" if entry.pin is not None else "",
        value=datastream_value(entry.value),
        online=entry.is_online,
    )
