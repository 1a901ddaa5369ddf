"""Seeded timelines and user actions, oldest first so that ids grow with time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from django.db import connection

from sandbox import seed_cases as cases
from sandbox import seed_data as d
from sandbox.models import Device

DAY = 24 * 60 * 60_000
UNKNOWN_EVENT = ("Frost forecast", "FORECAST", None)
UNKNOWN_EVENT_ID = 9001
_NOTES: dict[str, tuple[str | None, ...]] = {
    "ONLINE": (None,),
    "OFFLINE": (None, "Connection lost"),
    "INFORMATION": ("Finished after 24 minutes", "Routine run", None),
    "WARNING": ("Door open for 7 minutes", "Pressure at 0.9 bar", "Filter at 92 %"),
    "CRITICAL": ("Above -12.0 °C for 20 minutes", "Cut-out at 96 °C", "Fault code E41"),
    "CONTENT": ("min -21.4, max -17.9, mean -19.2", ""),
    "INACTIVE": (None, "Nothing heard for 24 h"),
    "LIFECYCLE": ("Commissioned by Ines Mora",),
    "NOTE": ("Seal replaced", "Customer called, asked to wait until Monday", "Looks fine again"),
    "FORECAST": ("Frost expected after 02:00",),
}
_ACTORS = ("ana.lund@example.org", "support@example.com", "installer@example.com", "jonas.aas@example.org")
_EVENT_COLUMNS = (
    "device_id", "event_id", "org_id", "type", "code", "description", "ts", "visible_at", "is_resolved", "resolved_at",
    "resolved_comment", "resolved_by",
)  # fmt: skip
_LOG_COLUMNS = ("device_id", "email", "value", "pin", "pin_type", "is_online", "created_at")
Row = tuple[Any, ...]


def _insert(table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> int:
    """Insert plain rows, which takes a third of the time of model instances. Returns their number."""
    rows = list(rows)
    marks = ", ".join(["%s"] * len(columns))
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - constants only  # nosec B608
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(sql, rows)
    return len(rows)


class History:
    def __init__(self, number: int, now: int) -> None:
        self.number = number
        self.now = now
        self.last_event = 0
        self.last_log = 0
        self._kinds = {kind.id: kind for kind in d.TEMPLATES}

    def write(self, devices: list[Device], *, share: float) -> None:
        """For about this share of the devices, and always for those defined by hand that need it."""
        events: list[Row] = []
        logs: list[Row] = []
        for device in devices:
            rng = Random(f"{self.number}/{device.pk}/history")  # noqa: S311 - not a secret  # nosec B311
            many, some = self._lengths(device, rng, share)
            events.extend(self._events(device, rng, many))
            logs.extend(self._logs(device, rng, some))
        self.last_event += _insert("sandbox_timelineevent", _EVENT_COLUMNS, events)
        self.last_log += _insert("sandbox_logentry", _LOG_COLUMNS, logs)

    def _lengths(self, device: Device, rng: Random, share: float) -> tuple[int, int]:
        """Numbers of timeline entries and log entries."""
        if device.activated_at is None or device.pk == cases.NO_HISTORY:
            return 0, 0
        if device.pk == cases.RICH:
            return 640, 160
        if device.pk in cases.HOSTILE:
            return 24, 8
        if rng.random() >= share and device.pk not in cases.OWNERS:
            return 0, 0
        roll = rng.random()
        many = rng.randint(1, 16) if roll < 0.72 else rng.randint(17, 70) if roll < 0.95 else rng.randint(150, 450)
        return many, rng.randint(0, 24)

    def _moments(self, device: Device, rng: Random, many: int) -> list[int]:
        start = device.activated_at or self.now
        end = device.reported_at or self.now
        start = max(start, end - 120 * DAY)
        return sorted(rng.randint(start, max(start, end)) for _ in range(many))

    def _events(self, device: Device, rng: Random, many: int) -> Iterator[Row]:
        known = self._kinds[device.template_id].events
        first = device.template_id * 100
        for at, ts in enumerate(self._moments(device, rng, many)):
            if rng.random() < 0.02 or (device.pk == cases.RICH and at == many - 5):
                event_id, (_, kind, code) = UNKNOWN_EVENT_ID, UNKNOWN_EVENT
            else:
                # The longest timeline cycles through all events, so that it has each type many times.
                index = at % len(known) if device.pk == cases.RICH else rng.randrange(len(known))
                event_id, (_, kind, code) = first + index + 1, known[index]
            text = rng.choice(_NOTES[kind])
            if device.pk in cases.HOSTILE and at % 3 == 0:
                text = cases.HOSTILE_TEXTS[at // 3 % len(cases.HOSTILE_TEXTS)]
            resolved, when, comment, who = False, 0, None, ""
            if kind in ("WARNING", "CRITICAL"):
                roll = rng.random()
                if roll < 0.6:
                    resolved, when, who = True, ts + rng.randint(60_000, 7_200_000), rng.choice(_ACTORS)
                    comment = rng.choice(("Reset on site", "Door closed", "Fan replaced", None))
                elif roll < 0.7:
                    when = ts + 60_000  # set although not resolved, as in the published example
            yield (
                device.pk, event_id, device.org_id, kind, code or "", text, ts, 0, resolved, min(when, self.now),
                comment, who,
            )  # fmt: skip

    def _logs(self, device: Device, rng: Random, many: int) -> Iterator[Row]:
        streams = self._kinds[device.template_id].streams
        for at, ts in enumerate(self._moments(device, rng, many)):
            pin = rng.randrange(len(streams)) + 1
            stream = streams[pin - 1]
            # Each kind of value: number, text, boolean, place, none.
            values: tuple[Any, ...] = (
                round(rng.uniform(stream.low, stream.high), stream.places),
                rng.choice(stream.among) if stream.among else rng.randrange(0, 2),
                rng.choice(("auto", "service", "off")),
                rng.random() < 0.5,
                [11.3875, 59.1226],
                None,
            )
            value = values[at % len(values)] if device.pk == cases.RICH else rng.choices(values, (6, 4, 2, 1, 1, 1))[0]
            if device.pk in cases.HOSTILE:
                value = cases.HOSTILE_TEXTS[at % len(cases.HOSTILE_TEXTS)]
            kind = "DIGITAL" if at % 19 == 7 else "ANALOG" if at % 23 == 5 else "VIRTUAL"
            yield (device.pk, rng.choice(_ACTORS), json.dumps(value), pin, kind, rng.random() < 0.9, ts)
