"""How the app's views answer: whole page or fragment, and what htmx needs to know beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from django.http import HttpRequest, QueryDict
from django_htmx.middleware import HtmxDetails

from devices.core.date_formats import valid_zone_name
from devices.core.formatting import Clock
from devices.core.permissions import Access, Verdict, judge
from devices.core.preferences import Preferences
from devices.gateway.client import Gateway
from devices.gateway.errors import Forbidden
from devices.gateway.resilience.limits import PlatformStatus

READ_METHODS = frozenset({"GET", "HEAD"})
POLL = "poll"
"""The parameter that marks a request which no person made."""


class Unsent(NamedTuple):
    """What the person had typed into this form when their session ended, and when: `14:02:10 UTC+1`."""

    fields: QueryDict
    typed_at: str


class DeviceRequest(HttpRequest):
    """A request of a signed-in person. The portal's middleware puts these on it before a view sees it."""

    htmx: HtmxDetails
    gateway: Gateway
    access: Access
    preferences: Preferences
    request_id: str
    received_at: float
    """When it came in, epoch seconds."""
    clock: tuple[str, Clock]
    """Of `clock_for`, with its zone: that may change while the preferences are saved."""
    unsent: Unsent | None
    """Only for the page (GET) of a form."""
    platform_status: PlatformStatus
    """Read on first use and then frozen for this request. Use it after the page's reads, which may change it."""


def wants_partial(request: HttpRequest) -> bool:
    """Whether htmx asked for a piece. Boosted links and a restored history entry want the page."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request  # type: ignore[union-attr]


def is_poll(request: HttpRequest) -> bool:
    return request.method == "GET" and request.GET.get(POLL) == "on"


def unsent(request: DeviceRequest, *names: str) -> dict[str, str]:
    """What the person had typed into these fields and could not send: initial values for the form's page, no more.

    Empty where there is nothing of the kind. The page says by itself that this is not sent yet (base.html).
    """
    kept = getattr(request, "unsent", None)
    return {name: kept.fields[name] for name in names if name in kept.fields} if kept else {}


def zone_of(request: DeviceRequest) -> str:
    """The time zone this person reads times in: the one they chose, else that of their profile; UTC if it is none."""
    return valid_zone_name(request.preferences.zone or request.access.tz)


wall_clock: Callable[[], float] = time.time
"""Seconds since 1970. A test that needs another time puts its own clock here."""


def clock_for(request: DeviceRequest) -> Clock:
    """The one clock of this request's page, which stands at the moment the request came in: what was asked for after
    that is never older than the page says. Waits count from the real time."""
    zone = zone_of(request)
    known = getattr(request, "clock", None)
    if known is not None and known[0] == zone:
        clock: Clock = known[1]
        return clock
    clock = Clock(zone, known[1].now if known else getattr(request, "begun", None) or wall_clock(), wall_clock)
    request.clock = zone, clock
    return clock


class Denied(Forbidden):
    """Forbidden, as the API would, but known beforehand: `verdict` says why."""

    def __init__(self, verdict: Verdict, *, operation: str, request_id: str) -> None:
        super().__init__(operation=operation, request_id=request_id)
        self.verdict = verdict


def require(request: DeviceRequest, operation: str, *, verdict: Verdict | None = None) -> None:
    """Raise Denied when it is known beforehand that one may not: no call is spent on a refusal.

    `verdict`: what was found about this very device (`permissions.judge_here`).
    """
    verdict = verdict or judge(operation, request.access)
    if not verdict.allowed:
        raise Denied(verdict, operation=operation, request_id=request.request_id)


class RightMissing(Denied):
    """What the portal itself grants, and the platform knows nothing of, is not this person's."""


def require_right(request: DeviceRequest, right: str) -> None:
    """Raise RightMissing (403, naming it) unless the person holds `right`, one of permissions.RIGHTS."""
    if right not in request.access.rights:
        raise RightMissing(Verdict((right,)), operation="", request_id=request.request_id)
