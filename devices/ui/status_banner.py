"""What a page says of the platform: that its answers are old, what it waits for, what cannot be done now."""

from __future__ import annotations

import math
from typing import NamedTuple
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from devices.core.permissions import Verdict
from devices.core.requests import READ_METHODS, DeviceRequest, clock_for, wants_partial
from devices.gateway.errors import GatewayError, OutOfTime, RateLimited, TimedOut, Unreachable
from devices.gateway.resilience.policy import PlatformStatus
from devices.ui.tabs import TABS

REFERENCE_READS = frozenset(
    {
        *("list_templates", "list_template_events", "list_sub_organizations", "list_users"),
        *("get_own_organization", "get_organization", "get_user_profile", "get_user"),
    }
)
"""Operations that give names and little more: where these answers are old, nobody needs to know."""
HEADING = frozenset({"get_base_info", "get_device"})
READS_BESIDE_CHANGES = frozenset({"get_online", *(tab.operation for tab in TABS if tab.ask)}) - {"list_metafields"}
"""What one tab shows, and nothing is changed from. Where these are old while the device itself was just read, changing
it is as safe as ever."""


class StatusBanner(NamedTuple):
    """The page's banner. `old`: which parts of the page show old answers ("panel", "heading", both, or "").
    `wait`: seconds until it is worth asking again, 0 where nobody knows; `until`: their end as a time of day.
    """

    sentence: str
    advice: str
    old: str
    wait: int
    until: str
    retry_url: str
    request_id: str


def status_banner(request: DeviceRequest) -> StatusBanner | None:
    """The banner for this request's page, after everything was read; None where there is nothing to say, or where the
    page says it itself."""
    if getattr(request, "tells_itself", False):
        return None
    operations = _old(request)
    condition = request.gateway.platform_status()
    seconds = max(
        condition.backoff, condition.reads_retry_after, condition.writes_retry_after, condition.tokens_retry_after
    )
    if not operations and not seconds:
        promised: StatusBanner | None = getattr(request, "promised", None)
        return promised
    wait = math.ceil(seconds)
    parts = {"heading": operations & HEADING, "panel": operations - {"get_base_info", "get_online"}}
    return StatusBanner(
        sentence=_old_sentence(request, condition) if operations else _sentence(condition),
        advice=_advice(condition, closed=bool(_writes_off(request))),
        old=" ".join(part for part, found in parts.items() if found),
        wait=wait,
        until=clock_for(request).later(wait) if wait else "",
        retry_url=_page_url(request),
        request_id=request.request_id,
    )


def told_above(request: DeviceRequest, error: GatewayError) -> bool:
    """Whether the page's banner gives the reason for this failed reading, so that its own place need not once more.

    Then it is promised: a wait that ends before the banner is written would leave the page without any reason.
    """
    banner = status_banner(request)
    if banner is None or not _gives_reason(request, error):
        return False
    request.promised = banner
    return True


def _gives_reason(request: DeviceRequest, error: GatewayError) -> bool:
    condition = request.gateway.platform_status()
    if condition.backoff:
        return isinstance(error, RateLimited) and not error.ours
    resting = condition.reads_retry_after or condition.tokens_retry_after or (_old(request) and not _why(request))
    return bool(resting) and isinstance(error, Unreachable | TimedOut) and not isinstance(error, OutOfTime)


def _page_url(request: DeviceRequest) -> str:
    """The address of the page to ask for again; empty after a change. A piece's own address is none."""
    if wants_partial(request):
        parts = urlsplit(request.htmx.current_url or "")
        here = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return here if parts.netloc == request.get_host() and not here.startswith("//") else ""
    return request.get_full_path() if request.method in READ_METHODS else ""


def read_stamp(request: DeviceRequest, *operations: str) -> str:
    """When what these operations gave was asked for: by this page, or before it where an answer is given again."""
    moments = [old.read_at for old in request.gateway.stale if old.operation in operations]
    moments += [at for at in map(request.gateway.read_at, operations) if at is not None]
    return clock_for(request).read_at(moments)


def stale_since(request: DeviceRequest, operation: str) -> float | None:
    """When the old answer of this operation was read (epoch seconds); None where it is a new one."""
    return min((old.read_at for old in request.gateway.stale if old.operation == operation), default=None)


def writes_disabled_reason(request: DeviceRequest) -> str:
    """Why nothing can be changed on this page now; empty where it can. Ask after what the page shows was read."""
    if _writes_off(request):
        words = _("Not now: this page shows what was read at %(time)s, because the platform gives no new answer.")
        if _why(request):
            words = _("Not now: this page shows what was read at %(time)s, because the platform was not asked since.")
        return words % {"time": read_stamp(request, *_old(request))}
    condition = request.gateway.platform_status()
    if condition.backoff:
        words = _("Not now: the platform asks us to wait until %(time)s.")
    elif condition.writes_retry_after or condition.reads_retry_after or condition.tokens_retry_after:
        words = _("Not now: the platform does not answer. It is tried again at %(time)s.")
    else:
        return ""
    return words % {"time": clock_for(request).later(math.ceil(max(condition)))}


def gate_write(request: DeviceRequest, verdict: Verdict, why: str | None = None) -> Verdict:
    """`verdict`, but closed where nothing can be changed now. `why`: `closed_now`, where it is known already."""
    why = writes_disabled_reason(request) if why is None and verdict.allowed else why
    return Verdict(why=why, closed=True) if why and verdict.allowed else verdict


def _old(request: DeviceRequest) -> frozenset[str]:
    return frozenset(old.operation for old in request.gateway.stale) - REFERENCE_READS


def _writes_off(request: DeviceRequest) -> frozenset[str]:
    return _old(request) - READS_BESIDE_CHANGES


def _why(request: DeviceRequest) -> str:
    """Why the portal itself did not ask for what is old here (Stale.why); empty where anything else failed too."""
    why = {old.why for old in request.gateway.stale if old.operation not in REFERENCE_READS}
    if not why or "" in why:
        return ""
    return "busy" if "busy" in why else "share"


def _old_sentence(request: DeviceRequest, condition: PlatformStatus) -> str:
    stamp = read_stamp(request, *_old(request))
    if condition.backoff:
        return _("As of %(time)s – the platform asks us to wait.") % {"time": stamp}
    words = {
        "": _("As of %(time)s – the platform cannot be reached."),
        "busy": _("As of %(time)s – the portal is busy, and did not ask the platform."),
        "share": _("As of %(time)s – you have too many calls at the moment, and the platform was not asked."),
    }
    return words[_why(request)] % {"time": stamp}


def _sentence(condition: PlatformStatus) -> str:
    if condition.backoff:
        return _("The platform asks us to wait: too many requests.")
    if condition.reads_retry_after or condition.tokens_retry_after:
        return _("The platform is not answering.")
    return _("The platform is not taking changes.")


def _advice(condition: PlatformStatus, *, closed: bool) -> str:
    if condition.backoff:
        return _("The limit is shared by everybody in your organization. Until then nothing can be asked or changed.")
    if condition.reads_retry_after or condition.tokens_retry_after:
        return _("The portal tries again by itself. Until then the last answers are shown, and nothing can be changed.")
    if condition.writes_retry_after:
        return _("Looking works. Nothing can be changed until then, and nothing that you send is sent on.")
    if closed:
        return _("What stands here is the last answer that was read, and nothing can be changed from this page.")
    return _("What stands here is the last answer that was read.")
