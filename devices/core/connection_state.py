"""What is known of a device's connections: whether it is connected now, and what it was before. No I/O."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.translation import gettext as _

from devices.core.formatting import Clock, When, Word
from devices.core.text import clean
from devices.gateway.types import BaseInfo


class Connection(NamedTuple):
    """Whether the device is connected, as just asked: `word`, `stamp` of the asking, `note` where it needs one.

    `reported`: when a device last reported that has never been connected (epoch milliseconds), 0 if it never did; None
    for every other device.
    """

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
    """`connected` None is "unknown", which is not "offline"; `failure` tells why the question got no answer. `read_at`:
    when the answer was read (epoch seconds), where it is an old one: then it is told as what was. `reported`: see
    `identity.never_connected`; such a device is not offline either."""
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


class Fact(NamedTuple):
    """A label and its value; `when` where the value is a moment, `copy` where people copy it, `url` where it leads."""

    label: str
    text: str = ""
    when: When | None = None
    copy: bool = False
    url: str = ""


def connection_facts(info: BaseInfo, clock: Clock) -> list[Fact]:
    """What is known of the device's connections, for the side panel; a time of 0 reads as "never"."""
    hw = info.hardware_info
    lifecycle = clean(info.lifecycle_status.name or "") if info.lifecycle_status else ""
    build = ", ".join(clean(part) for part in (hw.board_type, hw.build) if part) if hw else ""
    facts = [
        Fact(_("Connected"), when=clock.when(info.connect_time, seconds=True)),
        Fact(_("Disconnected"), when=clock.when(info.disconnect_time, seconds=True)),
        Fact(_("Last report"), when=clock.when(info.last_received_event_at, seconds=True)),
        Fact(_("First seen"), when=clock.when(info.first_connect_time)),
        Fact(_("Firmware updated"), when=clock.when(info.firmware_updated_at)),
    ]
    facts = [fact if fact.when else fact._replace(text=_("Never")) for fact in facts]
    return [
        *facts,
        Fact(_("Lifecycle"), lifecycle or _("Not set")),
        Fact(_("IP address"), clean(info.ip or "") or _("Not known")),
        Fact(_("Board"), build or _("Not reported")),
    ]
