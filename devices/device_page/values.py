"""The current values of a device as rows, grouped by age. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.utils.translation import gettext as _

from devices.core.formatting import Clock, When, datastream_value
from devices.core.text import clean
from devices.gateway.types import DataStreamValue


class ValueRow(NamedTuple):
    name: str
    pin: str
    text: str
    updated: When | None


class Values(NamedTuple):
    """Values of the last 24 hours, older values (or without a time), and datastreams without a value."""

    fresh: list[ValueRow]
    old: list[ValueRow]
    none: list[ValueRow]


def value_rows(values: Iterable[DataStreamValue], clock: Clock) -> Values:
    """The rows in the order received."""
    rows = Values([], [], [])
    for value in values:
        row = ValueRow(
            name=clean(value.data_stream_alias or value.data_stream_label or _("Datastream %d") % value.data_stream_id),
            pin=clean(value.pin or ""),
            text=datastream_value(value.value),
            updated=clock.when(value.updated_at, seconds=True),
        )
        if row.updated is None and not row.text:
            rows.none.append(row)
        else:
            (rows.fresh if row.updated and not row.updated.old else rows.old).append(row)
    return rows
