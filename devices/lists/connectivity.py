"""The check whether the devices of a page are connected, for all its rows at the press of a button.

The API answers this for one device only: one call a row, a few at a time, for a page of rows at most. The result goes
into the session cache, and its key into the list's address: a reload shows it again, with its time, and calls nothing.

Without script it is one POST. With script the page checks STEP_SIZE rows at a time and shows the progress; the cache
holds the states known so far, so no device is checked twice, and Stop shows what is known.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from devices.core import api_rules, session_cache
from devices.core.connection_state import never_connected, never_connected_word
from devices.core.fanout import MAX_CONCURRENCY, fan_out
from devices.core.formatting import Clock, Word, number
from devices.core.permissions import Access
from devices.core.requests import DeviceRequest, clock_for, require, wants_partial
from devices.core.responses import SeeOther
from devices.core.return_url import back_to_list
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden, GatewayError, NotFound, RateLimited
from devices.gateway.resilience.limits import Priority
from devices.ui.read_errors import log_failure, with_retry_after

MAX_DEVICES = 100
"""Devices of one check: a call each, and one more for those not connected. All users of an organization share its
10,000 calls a minute."""
TIME_LIMIT = 15.0
"""Seconds for the calls of one request: those of a step, or without script all of them, where the rest stay "not
checked". A request has 20 seconds in all."""
STEP_SIZE = MAX_CONCURRENCY
"""Devices of one step: their calls run at the same time."""
FRESH_FOR = 300
"""Seconds after which a device is no longer shown as online, but as "was online"."""
KEEP_FOR = 3600
"""Seconds that the result is available."""
KEY = re.compile(r"[\w-]{8,32}", re.ASCII)


class Connectivity(IntEnum):
    UNCHECKED = 0
    ONLINE = 1
    OFFLINE = 2
    UNKNOWN = 3
    """The platform did not say."""
    FAILED = 4
    GONE = 5
    DENIED = 6
    NEVER = 7
    """Not connected, and never was: see `connection_state.never_connected`."""


class Check(NamedTuple):
    """One check: when it began (epoch seconds), the devices it is for, and the states known so far by device id."""

    at: float
    ids: list[int]
    states: dict[int, Connectivity]

    def state_of(self, device_id: int) -> Connectivity:
        return self.states.get(device_id, Connectivity.UNCHECKED)

    def count(self, group: str) -> int:
        return sum(group_of(state) == group for state in self.states.values())

    @property
    def finished(self) -> bool:
        return len(self.states) >= len(self.ids)


def load_check(access: Access, key: str) -> Check | None:
    """None if it is not of this sign-in, or expired."""
    check = session_cache.get(access, f"check:{key}") if KEY.fullmatch(key) else None
    return check if isinstance(check, Check) else None


def check_of_rows(access: Access, key: str, shown: list[int]) -> Check | None:
    """The check with this key, if it is of the rows `shown`: of the first ones, where it was stopped."""
    check = load_check(access, key)
    return check if check and list(check.states) == shown[: len(check.states)] else None


def _save(access: Access, key: str, check: Check) -> str:
    session_cache.put(access, f"check:{key}", check, KEEP_FOR)
    return key


@require_POST
def device_check(request: DeviceRequest) -> HttpResponse:
    """`GET /device/online` for each of `ids`. A POST: a reload, prefetch or foreign link must not make 100 calls."""
    require(request, "get_online")
    key = request.POST.get("checked", "")
    if "stop" in request.POST:
        return SeeOther(_result_url(request, key, load_check(request.access, key)))
    if key:
        return _step(request, key)
    check = Check(time.time(), _ids(request.POST.get("ids", "")), {})
    if not check.ids:
        return SeeOther(back_to_list(request))
    if not wants_partial(request):
        check = check._replace(states=_read_states(request, check.ids)[0])
    key = _save(request.access, secrets.token_urlsafe(8), check)
    if wants_partial(request):
        announce = ngettext("Checking %d device", "Checking %d devices", len(check.ids)) % len(check.ids)
        return _progress(request, key, check, first=True, announce=announce)
    return SeeOther(_result_url(request, key, check))


def _result_url(request: DeviceRequest, key: str, check: Check | None) -> str:
    """The list with the result. A key whose check is gone stays in the address: the list says so."""
    return back_to_list(request, **({"checked": key} if key and (check is None or check.states) else {}))


def _step(request: DeviceRequest, key: str) -> HttpResponse:
    """Check the next STEP_SIZE devices. A repeated request checks nothing; the person retries a failed one."""
    check = load_check(request.access, key)
    if check is None or check.finished or request.POST.get("done") != str(len(check.states)):
        return _progress(request, key, check)
    batch = check.ids[len(check.states) :][:STEP_SIZE]
    states, error = _read_states(request, batch)
    if error and not any(states.values()):
        log_failure(request, error)
        return with_retry_after(_progress(request, key, check, failed=error), error)
    before, check = len(check.states), check._replace(states=check.states | states)
    _save(request.access, key, check)
    done, half = len(check.states), len(check.ids) / 2
    announce = _("%(n)d of %(of)d checked") % {"n": done, "of": len(check.ids)} if before < half <= done else ""
    return _progress(request, key, check, checked=batch, announce="" if check.finished else announce)


def _progress(
    request: DeviceRequest,
    key: str,
    check: Check | None,
    *,
    checked: Sequence[int] = (),
    announce: str = "",
    first: bool = False,
    failed: GatewayError | None = None,
) -> HttpResponse:
    """The progress after the rows just `checked`, with their cells where the list shows them; at the end, or where the
    check is gone, the list with the result."""
    fill = request.POST.get("fill") == "on"
    words = connectivity_words(clock_for(request), check.at if check else None)
    context: dict[str, Any] = {
        "first": first,
        "key": key,
        "next": back_to_list(request),
        "fill": fill,
        "done": len(check.states) if check else 0,
        "of": len(check.ids) if check else 0,
        "result_url": _result_url(request, key, check) if check is None or check.finished else "",
        "failure": _(failed.sentence) if failed else "",
        "announce": announce,
        "cells": [
            (reverse("devices:device-detail", args=[device_id]), words[check.state_of(device_id)])
            for device_id in (checked if fill else ())
            if check and check.state_of(device_id)
        ],
    }
    return render(request, "lists/_check_steps.html", context, status=failed.status if failed else 200)


def _ids(text: str) -> list[int]:
    """At most MAX_DEVICES device ids, each once; anything else is left out."""
    found = [int(part) for part in text.split(",") if part.isascii() and part.isdigit() and len(part) <= 19]
    return [device_id for device_id in dict.fromkeys(found) if 0 < device_id <= api_rules.INT64_MAX][:MAX_DEVICES]


def _read_states(request: DeviceRequest, ids: list[int]) -> tuple[dict[int, Connectivity], GatewayError | None]:
    """The state of each device within TIME_LIMIT for all, and the first device's error if it has one.

    Not from the cache: an old reply would be shown with the time of this check. Raises Unauthorized.
    """
    gateway = request.gateway.fresh().with_priority(Priority.JOB).within(TIME_LIMIT)
    results = fan_out(gateway, ids, _read_state)
    first = next(iter(results.values()))
    return {id_: _state(each) for id_, each in results.items()}, first if isinstance(first, GatewayError) else None


def _read_state(gateway: Gateway, device_id: int) -> Connectivity:
    connected = gateway.get_online(device_id).connected
    if connected is None:
        return Connectivity.UNKNOWN
    if connected:
        return Connectivity.ONLINE
    try:
        info = gateway.get_base_info(device_id)
    except GatewayError:
        return Connectivity.OFFLINE  # the platform did say that it is not connected
    return Connectivity.OFFLINE if never_connected(info) is None else Connectivity.NEVER


def _state(result: Connectivity | GatewayError) -> Connectivity:
    match result:
        case Connectivity():
            return result
        case NotFound():
            return Connectivity.GONE
        case Forbidden():
            return Connectivity.DENIED
        case RateLimited():
            return Connectivity.UNCHECKED
        case _:
            return Connectivity.FAILED if result.sent else Connectivity.UNCHECKED


GROUPS = {
    Connectivity.UNCHECKED: "unchecked",
    Connectivity.ONLINE: "online",
    Connectivity.OFFLINE: "offline",
    Connectivity.NEVER: "never",
}


def group_of(state: Connectivity) -> str:
    """The value of `show` that a page is narrowed by (`forms.SHOW_CHOICES`)."""
    return GROUPS.get(state, "unknown")


class ConnectivityWord(NamedTuple):
    """How a state is shown: icon and word, followed by the time of the check or why the state is not known."""

    word: Word
    note: str


def connectivity_words(clock: Clock, at: float | None = None) -> list[ConnectivityWord]:
    """By number of Connectivity; only the first without `at`, the time of the check (epoch seconds)."""
    unchecked = ConnectivityWord(Word("circle-dashed", _("Not checked"), "faint"), "")
    checked = clock.when(int(at * 1000), seconds=True) if at else None
    if checked is None:
        return [unchecked]
    time_ = checked.text
    unknown = Word("circle-question-mark", _("Unknown"), "muted")
    if checked.elapsed > FRESH_FOR:
        online, offline = Word("history", _("Was online"), "muted"), Word("history", _("Was offline"), "muted")
        never = Word("history", _("Had never connected"), "muted")
    else:
        online, offline = Word("online", _("Online"), "good"), Word("offline", _("Offline"), "strong")
        never = never_connected_word()
    return [
        unchecked,
        ConnectivityWord(online, time_),
        ConnectivityWord(offline, time_),
        ConnectivityWord(unknown, time_),
        ConnectivityWord(unknown, _("no answer")),
        ConnectivityWord(unknown, _("not found")),
        ConnectivityWord(unknown, _("not allowed")),
        ConnectivityWord(never, ""),  # the longest words; the time is below the list
    ]


def summary(check: Check) -> str:
    """The result as a sentence for screen readers."""
    words = _("%(checked)s checked: %(online)s online, %(offline)s offline, %(unknown)s unknown.")
    if check.count("never"):
        words = _(
            "%(checked)s checked: %(online)s online, %(offline)s offline, %(never)s never connected,"
            " %(unknown)s unknown."
        )
    counts = {group: number(check.count(group)) for group in ("online", "offline", "never", "unknown")}
    return words % (counts | {"checked": number(len(check.states) - check.count("unchecked"))})
