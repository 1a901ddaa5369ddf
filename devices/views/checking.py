"""Whether the devices of a page are connected, asked for all its rows at once when somebody presses the button.

The API answers this for one device only, so it is a call a row, few at a time and never more than a page of them. What
was found goes into the address of the list, signed for this person and these rows: a reload shows it again, with the
time of the asking, and asks nothing; and any process can show it without keeping anything.
"""

from __future__ import annotations

import time
from enum import IntEnum
from typing import NamedTuple

from django.http import HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import base36_to_int, int_to_base36
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from devices import rules
from devices.gateway.api import Gateway
from devices.gateway.asking import Asker
from devices.gateway.errors import Forbidden, GatewayError, NotFound
from devices.http import DeviceRequest, SeeOther, require
from devices.parallel import ask_each
from devices.permissions import Access
from devices.presentation import Clock, Word, number
from devices.views.back import back_to_list

MOST = 100
"""Rows that one press asks for, a call each. All people of an organization share its 10,000 calls a minute."""
PATIENCE = 15.0
"""Seconds for all of them; the rest stay "not checked". The page has 20, and has to be read too."""
FRESH = 300
"""Seconds after which a device is no longer called online, but said to have been."""


class State(IntEnum):
    """One digit of the address for each row. The last three were asked, and nobody knows."""

    UNASKED = 0
    ONLINE = 1
    OFFLINE = 2
    SILENT = 3
    """The platform did not say: a device that speaks only HTTP is never known to be connected."""
    FAILED = 4
    GONE = 5
    DENIED = 6


class Check(NamedTuple):
    """What one asking found: when (epoch seconds), and the state of each device by id."""

    at: float
    states: dict[int, State]

    def of(self, device_id: int) -> State:
        return self.states.get(device_id, State.UNASKED)

    def count(self, group: str) -> int:
        return sum(group_of(state) == group for state in self.states.values())


@require_POST
def device_check(request: DeviceRequest) -> HttpResponse:
    """`GET /device/online` for each of `ids`, then back to the list. A POST, though it changes nothing: a page that is
    reloaded, fetched ahead or opened from somebody else's link must not ask a hundred times.
    """
    require(request, "get_online")
    ids = _ids(request.POST.get("ids", ""))
    gateway = request.gateway.fresh().for_asker(Asker.JOB).within(PATIENCE)  # an old answer would carry today's time
    answers = ask_each(gateway, ids, _ask)
    states = [answer if isinstance(answer, State) else _failed(answer) for answer in answers.values()]
    return SeeOther(back_to_list(request, checked=write_check(request.access, ids, states, time.time())))


def _ids(text: str) -> list[int]:
    """At most MOST device ids, each once; anything else among them is left out."""
    found = [int(part) for part in text.split(",") if part.isascii() and part.isdigit() and len(part) <= 10]
    return [device_id for device_id in dict.fromkeys(found) if 0 < device_id <= rules.INT32_MAX][:MOST]


def _ask(gateway: Gateway, device_id: int) -> State:
    connected = gateway.get_online(device_id).connected
    return State.SILENT if connected is None else State.ONLINE if connected else State.OFFLINE


def _failed(error: GatewayError) -> State:
    match error:
        case NotFound():
            return State.GONE
        case Forbidden():
            return State.DENIED
        case _:
            return State.FAILED if error.sent else State.UNASKED


def write_check(access: Access, ids: list[int], states: list[State], at: float) -> str:
    """The time, a digit for each row, and a signature over both, the rows and the person's present sign-in."""
    digits = "".join(str(int(state)) for state in states)
    moment = int_to_base36(int(at))
    return f"{moment}.{digits}.{_signature(access, ids, moment, digits)}"


def read_check(access: Access, shown: list[int], text: str) -> Check | None:
    """None for what was not asked by this person since they signed in, or for other rows than those `shown`."""
    moment, _dot, rest = text.partition(".")
    digits, _dot, signature = rest.partition(".")
    ids = shown[: len(digits)]
    if not digits or not constant_time_compare(signature, _signature(access, ids, moment, digits)):
        return None
    states = dict(zip(ids, (State(int(digit)) for digit in digits), strict=True))
    return Check(float(base36_to_int(moment)), states)


def _signature(access: Access, ids: list[int], moment: str, digits: str) -> str:
    told = "|".join((access.scope, moment, digits, ",".join(map(str, ids))))
    return salted_hmac("devices.checked", told, algorithm="sha256").hexdigest()[:20]


GROUPS = {State.UNASKED: "unasked", State.ONLINE: "online", State.OFFLINE: "offline"}


def group_of(state: State) -> str:
    """What a page can be narrowed to (`forms.listing.STATES`)."""
    return GROUPS.get(state, "unknown")


class StateWord(NamedTuple):
    """How a state is shown: always icon and word, and behind it the time of the asking or why it is not known."""

    word: Word
    note: str


def state_words(clock: Clock, at: float | None = None) -> list[StateWord]:
    """By the number of a State, the first alone without `at`, the time of the asking. An old one tells what was."""
    unasked = StateWord(Word("circle-dashed", _("Not checked"), "faint"), "")
    asked = clock.when(int(at * 1000), seconds=True) if at else None
    if asked is None:
        return [unasked]
    stamp = asked.text
    unknown = Word("circle-question-mark", _("Unknown"), "muted")
    if asked.elapsed > FRESH:
        online, offline = Word("history", _("Was online"), "muted"), Word("history", _("Was offline"), "muted")
    else:
        online, offline = Word("online", _("Online"), "good"), Word("offline", _("Offline"), "strong")
    return [
        unasked,
        StateWord(online, stamp),
        StateWord(offline, stamp),
        StateWord(unknown, stamp),
        StateWord(unknown, _("no answer")),
        StateWord(unknown, _("not found")),
        StateWord(unknown, _("not allowed")),
    ]


def summary(check: Check) -> str:
    """What came out, as one sentence to be read aloud."""
    return _("%(asked)s checked: %(online)s online, %(offline)s offline, %(unknown)s could not be told.") % {
        "asked": number(len(check.states) - check.count("unasked")),
        "online": number(check.count("online")),
        "offline": number(check.count("offline")),
        "unknown": number(check.count("unknown")),
    }
