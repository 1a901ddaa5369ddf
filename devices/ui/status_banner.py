"""The banner about the platform: old data on the page, waits, and why changes are disabled."""

from __future__ import annotations

import math
from typing import NamedTuple
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from devices.core.permissions import Verdict
from devices.core.requests import READ_METHODS, DeviceRequest, clock_for, wants_partial
from devices.gateway.errors import GatewayError, OutOfTime, RateLimited, TimedOut, Unreachable
from devices.gateway.resilience.limits import PlatformStatus
from devices.ui.tabs import TABS

REFERENCE_READS = frozenset(
    {
        *("list_templates", "list_template_events", "list_sub_organizations", "list_users"),
        *("get_own_organization", "get_organization", "get_user_profile", "get_user"),
    }
)
"""Operations that give little more than names: the banner does not mention that these are old."""
HEADING_READS = frozenset({"get_base_info", "get_device"})
DISPLAY_ONLY_READS = frozenset({"get_online", *(tab.operation for tab in TABS if tab.ask)}) - {"list_metafields"}
"""What a single tab shows. No change is based on it, so it may be old while changes stay enabled."""


class StatusBanner(NamedTuple):
    """`stale_parts`: which parts of the page show old data: "panel", "heading", both, or "".
    `wait`: seconds until a retry makes sense, 0 if unknown; `until`: the time of day when they are over.
    """

    sentence: str
    advice: str
    stale_parts: str
    wait: int
    until: str
    retry_url: str


def status_banner(request: DeviceRequest) -> StatusBanner | None:
    """The banner of this page: there is one if the page shows old data or the platform has to be waited for.

    The status is frozen and old data only becomes more, so a page that refers to its banner (`is_in_banner`) has one.
    """
    status = request.platform_status
    stale = _stale_operations(request)
    if not stale and not any(status):
        return None
    wait = math.ceil(max(status))
    parts = {"heading": stale & HEADING_READS, "panel": stale - {"get_base_info", "get_online"}}
    return StatusBanner(
        sentence=_stale_sentence(request, status) if stale else _wait_sentence(status),
        advice=_advice(status, writes_disabled=bool(_blocking_operations(request))),
        stale_parts=" ".join(part for part, found in parts.items() if found),
        wait=wait,
        until=clock_for(request).later(wait) if wait else "",
        retry_url=_page_url(request),
    )


def is_in_banner(request: DeviceRequest, error: GatewayError) -> bool:
    """Whether the page's banner gives the reason for this failed read, so that the panel need not repeat it."""
    status = request.platform_status
    if status.backoff:
        return isinstance(error, RateLimited) and not error.ours
    no_answer = status.reads_retry_after or status.tokens_retry_after
    if no_answer or (_stale_operations(request) and not _own_limit(request)):
        return isinstance(error, Unreachable | TimedOut) and not isinstance(error, OutOfTime)
    return False


def _page_url(request: DeviceRequest) -> str:
    """The page's address for "Try again", not a fragment's; empty after a change."""
    if wants_partial(request):
        parts = urlsplit(request.htmx.current_url or "")
        here = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return here if parts.netloc == request.get_host() and not here.startswith("//") else ""
    return request.get_full_path() if request.method in READ_METHODS else ""


def read_stamp(request: DeviceRequest, *operations: str) -> str:
    """When the data of these operations was read: by this request, or earlier where it comes from the cache."""
    moments = [old.read_at for old in request.gateway.stale if old.operation in operations]
    moments += [at for at in map(request.gateway.read_at, operations) if at is not None]
    return clock_for(request).read_at(moments)


def stale_since(request: DeviceRequest, operation: str) -> float | None:
    """When the old data of this operation was read (epoch seconds); None if it is fresh."""
    return min((old.read_at for old in request.gateway.stale if old.operation == operation), default=None)


def writes_disabled_reason(request: DeviceRequest) -> str:
    """Why changes are disabled on this page; empty if they are not. Call it after the page's reads."""
    if _blocking_operations(request):
        words = _("Not now: this page shows what was read at %(time)s, because the platform gives no new answer.")
        if _own_limit(request):
            words = _("Not now: this page shows what was read at %(time)s, because the platform was not asked since.")
        return words % {"time": read_stamp(request, *_stale_operations(request))}
    status = request.platform_status
    if not any(status):
        return ""
    words = _("Not now: the platform does not answer. It is tried again at %(time)s.")
    if status.backoff:
        words = _("Not now: the platform asks us to wait until %(time)s.")
    return words % {"time": clock_for(request).later(math.ceil(max(status)))}


def gate_write(request: DeviceRequest, verdict: Verdict, why: str | None = None) -> Verdict:
    """`verdict`, but closed while changes are disabled. `why`: `writes_disabled_reason`, if known already."""
    why = writes_disabled_reason(request) if why is None and verdict.allowed else why
    return Verdict(why=why, closed=True) if why and verdict.allowed else verdict


def _stale_operations(request: DeviceRequest) -> frozenset[str]:
    return frozenset(old.operation for old in request.gateway.stale) - REFERENCE_READS


def _blocking_operations(request: DeviceRequest) -> frozenset[str]:
    """Operations whose old data disables changes."""
    return _stale_operations(request) - DISPLAY_ONLY_READS


def _own_limit(request: DeviceRequest) -> str:
    """Which limit of the portal made the page's data old ("busy" or "share"); empty if the platform failed anywhere."""
    why = {old.why for old in request.gateway.stale if old.operation not in REFERENCE_READS}
    if not why or "" in why:
        return ""
    return "busy" if "busy" in why else "share"


def _stale_sentence(request: DeviceRequest, status: PlatformStatus) -> str:
    words = {
        "": _("As of %(time)s – the platform cannot be reached."),
        "busy": _("As of %(time)s – the portal is busy, and did not ask the platform."),
        "share": _("As of %(time)s – you have too many calls at the moment, and the platform was not asked."),
    }[_own_limit(request)]
    if status.backoff:
        words = _("As of %(time)s – the platform asks us to wait.")
    return words % {"time": read_stamp(request, *_stale_operations(request))}


def _wait_sentence(status: PlatformStatus) -> str:
    if status.backoff:
        return _("The platform asks us to wait: too many requests.")
    if status.reads_retry_after or status.tokens_retry_after:
        return _("The platform is not answering.")
    return _("The platform is not taking changes.")


def _advice(status: PlatformStatus, *, writes_disabled: bool) -> str:
    if status.backoff:
        return _("The limit is shared by everybody in your organization. Until then nothing can be read or changed.")
    if status.reads_retry_after or status.tokens_retry_after:
        return _("The portal tries again automatically. Until then you see the last data, and changes are disabled.")
    if status.writes_retry_after:
        return _("You can still view devices. Changes are disabled until then; anything you submit will not be sent.")
    if writes_disabled:
        return _("You see the last data that was read. Changes are disabled on this page.")
    return _("You see the last data that was read.")
