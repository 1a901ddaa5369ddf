"""Whether a device is connected, was connected, or never has been. No I/O."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.translation import gettext as _

from devices.core.formatting import Clock, Word
from devices.gateway.types import BaseInfo


class Connection(NamedTuple):
    """`stamp`: when it was read; `note`: where needed; `reported`: see `never_connected`."""

    word: Word
    stamp: str
    note: str = ""
    reported: int | None = None


def connection(
    connected: bool | None,
    clock: Clock,
    failure: str = "",
    *,
    read_at: float | None = None,
    reported: int | None = None,
) -> Connection:
    """`connected` None is "unknown", which is not "offline"; `failure`: why it is not known. `read_at`: when an old
    reply was read (epoch seconds), which is shown in the past tense. `reported`: see `never_connected`."""
    if connected is None:
        note = failure or _("The platform did not say whether this device is connected.")
        return Connection(Word("circle-question-mark", _("Unknown"), "muted"), clock.stamp(), note)
    if not connected and reported is not None:
        stamp = clock.stamp() if read_at is None else clock.at(read_at)
        return Connection(never_connected_word(), stamp, _never_connected_note(reported, clock), reported)
    if read_at is not None:
        was = (_("Was online %s") if connected else _("Was offline %s")) % clock.time(int(read_at * 1000))
        return Connection(Word("history", was, "muted"), clock.at(read_at))
    if connected:
        return Connection(Word("online", _("Online"), "good"), clock.stamp())
    return Connection(Word("offline", _("Offline"), "strong"), clock.stamp())


def never_connected_word() -> Word:
    return Word("unplug", _("Never connected"), "muted")


def _never_connected_note(reported: int, clock: Clock) -> str:
    if not clock.when(reported):
        return _("It has neither been connected nor reported so far.")
    words = _(
        "It has reported without ever being connected, as devices do that speak HTTP only. The platform never shows"
        " those as connected. Last report: %(time)s."
    )
    return words % {"time": clock.at(reported / 1000)}


def never_connected(info: BaseInfo | None) -> int | None:
    """The last report of a device that has never been connected: epoch milliseconds, 0 if it never reported. None for
    every other device, and where the API does not tell.

    "Connected" means a session by MQTT or the platform's own protocol. A device that uses only HTTP has none and still
    reports. No field of the API says so; these times do.
    """
    if info is None or info.first_connect_time or info.connect_time:
        return None
    reported = max(info.last_received_event_at or 0, 0)
    never = info.first_connect_time == 0 or info.connect_time == 0  # 0 is "never"; a missing time is not known
    return reported if reported or never else None
