"""The request of a signed-in person: its clock, its permissions, and whether htmx wants a fragment."""

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
"""The parameter of a request that the page makes by itself."""


class RestoredDraft(NamedTuple):
    """The fields of this form as typed when the session ended, and when: `14:02:10 UTC+1`."""

    fields: QueryDict
    typed_at: str


class DeviceRequest(HttpRequest):
    """A request of a signed-in person. The portal's middleware sets these attributes."""

    htmx: HtmxDetails
    gateway: Gateway
    access: Access
    preferences: Preferences
    request_id: str
    received_at: float
    """Epoch seconds."""
    clock: tuple[str, Clock]
    """Set by `clock_for`, with its zone: saving the preferences can change it."""
    restored_draft: RestoredDraft | None
    """Only on the page (GET) of a form."""
    platform_status: PlatformStatus
    """Read on first use and then frozen for this request. Use it after the page's reads, which may change it."""


def wants_partial(request: HttpRequest) -> bool:
    """Whether htmx asked for a fragment. Boosted links and a restored history entry want the page."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request  # type: ignore[union-attr]


def is_poll(request: HttpRequest) -> bool:
    return request.method == "GET" and request.GET.get(POLL) == "on"


def restored_fields(request: DeviceRequest, *names: str) -> dict[str, str]:
    """Initial values of these fields from the restored draft; empty if there are none."""
    draft = getattr(request, "restored_draft", None)
    return {name: draft.fields[name] for name in names if name in draft.fields} if draft else {}


def zone_of(request: DeviceRequest) -> str:
    """This person's time zone: the chosen one, else that of their profile; UTC if it is none."""
    return valid_zone_name(request.preferences.zone or request.access.tz)


wall_clock: Callable[[], float] = time.time
"""Epoch seconds. Tests replace it."""


def clock_for(request: DeviceRequest) -> Clock:
    """Stopped at the time the request came in, so nothing on the page is older than it says. Waits are in real time."""
    zone = zone_of(request)
    known = getattr(request, "clock", None)
    if known is not None and known[0] == zone:
        clock: Clock = known[1]
        return clock
    clock = Clock(zone, known[1].now if known else getattr(request, "received_at", None) or wall_clock(), wall_clock)
    request.clock = zone, clock
    return clock


class Denied(Forbidden):
    """Forbidden without a call: `verdict` says why."""

    def __init__(self, verdict: Verdict, *, operation: str, request_id: str) -> None:
        super().__init__(operation=operation, request_id=request_id)
        self.verdict = verdict


def require(request: DeviceRequest, operation: str, *, verdict: Verdict | None = None) -> None:
    """Raise Denied, before any call, unless `operation` is allowed. `verdict`: of this device (`judge_here`)."""
    verdict = verdict or judge(operation, request.access)
    if not verdict.allowed:
        raise Denied(verdict, operation=operation, request_id=request.request_id)


class RightMissing(Denied):
    """A right of the portal, not of the platform, is missing."""


def require_right(request: DeviceRequest, right: str) -> None:
    """Raise RightMissing (403, naming it) unless the person has `right`, one of permissions.RIGHTS."""
    if right not in request.access.rights:
        raise RightMissing(Verdict((right,)), operation="", request_id=request.request_id)
