"""Whether the devices of a page are connected, asked for all its rows at once when somebody presses the button.

The API answers this for one device only, so it is a call a row, few at a time and never more than a page of them. What
was found goes into the address of the list, signed for this person and these rows: a reload shows it again, with the
time of the asking, and asks nothing; and any process can show it without keeping anything.

Without script that is one POST. With it the page asks for STEP rows at a time and shows how far it is; what is known so
far goes along in the same signed form, so that no step is asked for twice and Stop keeps what has come.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import base36_to_int, int_to_base36
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from devices.core import api_rules
from devices.core.connection_state import never_connected, never_connected_word
from devices.core.fanout import MAX_CONCURRENCY, fan_out
from devices.core.formatting import Clock, Word, number
from devices.core.permissions import Access
from devices.core.requests import DeviceRequest, clock_for, require, wants_partial
from devices.core.responses import SeeOther
from devices.core.return_url import back_to_list
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound, RateLimited, Unauthorized
from devices.gateway.resilience.limits import Priority
from devices.ui.read_errors import log_failure, with_retry_after

MAX_DEVICES = 100
"""Rows that one press asks for, a call each and one more for what is not connected. All people of an organization share
its 10,000 calls a minute."""
TIME_LIMIT = 15.0
"""Seconds for the calls of one request: for a step's, or for all of them without script, where the rest stay "not
checked". A request has 20, and its answer has to be made too."""
STEP_SIZE = MAX_CONCURRENCY
"""Rows of one step: as many as are asked for at the same time, so that none waits for another's end."""
FRESH_FOR = 300
"""Seconds after which a device is no longer called online, but said to have been."""


class Connectivity(IntEnum):
    """One digit of the address for each row."""

    UNASKED = 0
    ONLINE = 1
    OFFLINE = 2
    SILENT = 3
    """The platform did not say: a device that speaks only HTTP is never known to be connected."""
    FAILED = 4
    GONE = 5
    DENIED = 6
    NEVER = 7
    """Not connected, and never was: see `identity.never_connected`."""


class Check(NamedTuple):
    """What one asking found: when (epoch seconds), and the state of each device by id."""

    at: float
    states: dict[int, Connectivity]

    def of(self, device_id: int) -> Connectivity:
        return self.states.get(device_id, Connectivity.UNASKED)

    def count(self, group: str) -> int:
        return sum(group_of(state) == group for state in self.states.values())


@require_POST
def device_check(request: DeviceRequest) -> HttpResponse:
    """`GET /device/online` for each of `ids`, then back to the list. A POST, though it changes nothing: a page that is
    reloaded, fetched ahead or opened from somebody else's link must not ask a hundred times.
    """
    require(request, "get_online")
    ids = _ids(request.POST.get("ids", ""))
    if "stop" in request.POST:
        return SeeOther(_result(request, request.POST.get("so_far", "")))
    if wants_partial(request) and ids:
        return _step(request, ids)
    states = [_state(answer) for answer in _answers(request, ids)]
    return SeeOther(
        _result(request, write_check(request.access, Check(time.time(), dict(zip(ids, states, strict=True)))))
    )


def _result(request: DeviceRequest, checked: str) -> str:
    return back_to_list(request, **({"checked": checked} if checked else {}))


def _answers(request: DeviceRequest, ids: list[int]) -> list[Connectivity | GatewayError]:
    """What came of asking for each, within PATIENCE for all."""
    gateway = (
        request.gateway.fresh().with_priority(Priority.JOB).within(TIME_LIMIT)
    )  # an old answer would carry today's time
    return list(fan_out(gateway, ids, _ask).values())


def _step(request: DeviceRequest, ids: list[int]) -> HttpResponse:
    """The next STEP of `ids` after those that `so_far` tells of; the first answer asks nothing and shows how far it is.

    A step that fails is said to have, and is sent again by the person only.
    """
    so_far = request.POST.get("so_far")
    check = read_check(request.access, ids, so_far) if so_far else None
    if so_far is None or (so_far and check is None):  # the first, or of another sign-in: the list says so
        return _shown(request, ids, so_far, check)
    try:
        further, asked = _further(request, ids, check)
    except Unauthorized:
        raise
    except GatewayError as error:
        log_failure(request, error)
        return with_retry_after(_shown(request, ids, so_far, check, failed=error), error)
    return _shown(request, ids, write_check(request.access, further), further, asked=asked)


def _further(request: DeviceRequest, ids: list[int], check: Check | None) -> tuple[Check, list[int]]:
    """What is known after one more step, and the rows of it. Raises the error where none of them was looked at."""
    check = check or Check(time.time(), {})
    done = len(check.states)
    asked = ids[done : done + STEP_SIZE]
    answers = _answers(request, asked)
    states = [_state(answer) for answer in answers]
    if answers and isinstance(answers[0], GatewayError) and not any(states):
        raise answers[0]
    return Check(check.at, check.states | dict(zip(asked, states, strict=True))), asked


def _shown(
    request: DeviceRequest,
    ids: list[int],
    so_far: str | None,
    check: Check | None,
    *,
    asked: Sequence[int] = (),
    failed: GatewayError | None = None,
) -> HttpResponse:
    """How far it is, after the rows that were just `asked`; when it is over, the way to the list. `check`: `so_far` as
    read, None where nothing is known yet or it is not believed."""
    done = len(check.states) if check else 0
    over = done >= len(ids) or (bool(so_far) and check is None)
    context = _progress(request, ids, check, asked) | {
        "first": so_far is None,
        "so_far": so_far or "",
        "done": done,
        "result_url": _result(request, so_far or "") if over else "",
        "failure": _(failed.sentence) if failed else "",
        "said": _aloud(so_far, done, len(asked), len(ids)),
    }
    return render(request, "lists/_check_steps.html", context, status=failed.status if failed else 200)


def _progress(request: DeviceRequest, ids: list[int], check: Check | None, asked: Sequence[int]) -> dict[str, Any]:
    """What the form carries on, and the cells of the rows that were just asked for, where the list shows them."""
    words = connectivity_words(clock_for(request), check.at if check else None)
    fill = request.POST.get("fill") == "on"
    return {
        "ids": ",".join(map(str, ids)),
        "of": len(ids),
        "next": back_to_list(request),
        "fill": fill,
        "cells": [
            (reverse("devices:device-detail", args=[device_id]), words[check.of(device_id)])
            for device_id in (asked if fill and check else ())
            if check and check.of(device_id)
        ],
    }


def _aloud(so_far: str | None, done: int, asked: int, of: int) -> str:
    """At the start, and half-way; the list says what came out."""
    if so_far is None:
        return ngettext("Checking %d device", "Checking %d devices", of) % of
    half = done - asked < of / 2 <= done < of
    return _("%(n)d of %(of)d checked") % {"n": done, "of": of} if half else ""


def _ids(text: str) -> list[int]:
    """At most MOST device ids, each once; anything else among them is left out."""
    found = [int(part) for part in text.split(",") if part.isascii() and part.isdigit() and len(part) <= 10]
    return [device_id for device_id in dict.fromkeys(found) if 0 < device_id <= api_rules.INT32_MAX][:MAX_DEVICES]


def _ask(gateway: Gateway, device_id: int) -> Connectivity:
    connected = gateway.get_online(device_id).connected
    if connected is None:
        return Connectivity.SILENT
    if connected:
        return Connectivity.ONLINE
    try:
        info = gateway.get_base_info(device_id)
    except GatewayError:
        return Connectivity.OFFLINE  # that it is not connected was answered
    return Connectivity.OFFLINE if never_connected(info) is None else Connectivity.NEVER


def _state(answer: Connectivity | GatewayError) -> Connectivity:
    match answer:
        case Connectivity():
            return answer
        case NotFound():
            return Connectivity.GONE
        case Forbidden():
            return Connectivity.DENIED
        case RateLimited():
            return Connectivity.UNASKED  # the platform did not look
        case _:
            return Connectivity.FAILED if answer.sent else Connectivity.UNASKED


def write_check(access: Access, check: Check) -> str:
    """The time, a digit for each row, and a signature over both, the rows and the person's present sign-in."""
    digits = "".join(str(int(state)) for state in check.states.values())
    moment = int_to_base36(int(check.at))
    return f"{moment}.{digits}.{_signature(access, list(check.states), moment, digits)}"


def read_check(access: Access, shown: list[int], text: str) -> Check | None:
    """None for what was not asked by this person since they signed in, or for other rows than those `shown`."""
    moment, _dot, rest = text.partition(".")
    digits, _dot, signature = rest.partition(".")
    ids = shown[: len(digits)]
    if not digits or not constant_time_compare(signature, _signature(access, ids, moment, digits)):
        return None
    states = dict(zip(ids, (Connectivity(int(digit)) for digit in digits), strict=True))
    return Check(float(base36_to_int(moment)), states)


def _signature(access: Access, ids: list[int], moment: str, digits: str) -> str:
    told = "|".join((access.scope, moment, digits, ",".join(map(str, ids))))
    return salted_hmac("devices.checked", told, algorithm="sha256").hexdigest()[:20]


GROUPS = {
    Connectivity.UNASKED: "unasked",
    Connectivity.ONLINE: "online",
    Connectivity.OFFLINE: "offline",
    Connectivity.NEVER: "never",
}


def group_of(state: Connectivity) -> str:
    """What a page can be narrowed to (`forms.listing.STATES`)."""
    return GROUPS.get(state, "unknown")


class ConnectivityWord(NamedTuple):
    """How a state is shown: always icon and word, and behind it the time of the asking or why it is not known."""

    word: Word
    note: str


def connectivity_words(clock: Clock, at: float | None = None) -> list[ConnectivityWord]:
    """By the number of a State, the first alone without `at`, the time of the asking. An old one tells what was."""
    unasked = ConnectivityWord(Word("circle-dashed", _("Not checked"), "faint"), "")
    asked = clock.when(int(at * 1000), seconds=True) if at else None
    if asked is None:
        return [unasked]
    stamp = asked.text
    unknown = Word("circle-question-mark", _("Unknown"), "muted")
    if asked.elapsed > FRESH_FOR:
        online, offline = Word("history", _("Was online"), "muted"), Word("history", _("Was offline"), "muted")
        never = Word("history", _("Had never connected"), "muted")
    else:
        never = never_connected_word()
        online, offline = Word("online", _("Online"), "good"), Word("offline", _("Offline"), "strong")
    return [
        unasked,
        ConnectivityWord(online, stamp),
        ConnectivityWord(offline, stamp),
        ConnectivityWord(unknown, stamp),
        ConnectivityWord(unknown, _("no answer")),
        ConnectivityWord(unknown, _("not found")),
        ConnectivityWord(unknown, _("not allowed")),
        ConnectivityWord(never, ""),  # the longest words: their time stands below the list
    ]


def summary(check: Check) -> str:
    """What came out, as one sentence to be read aloud."""
    words = _("%(asked)s checked: %(online)s online, %(offline)s offline, %(unknown)s could not be told.")
    if check.count("never"):
        words = _(
            "%(asked)s checked: %(online)s online, %(offline)s offline, %(never)s never connected,"
            " %(unknown)s could not be told."
        )
    return words % {
        "asked": number(len(check.states) - check.count("unasked")),
        "online": number(check.count("online")),
        "offline": number(check.count("offline")),
        "never": number(check.count("never")),
        "unknown": number(check.count("unknown")),
    }
