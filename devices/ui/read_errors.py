"""A panel fails alone: what a page shows where one of its readings failed, while the rest of it stands."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from django.http import HttpResponse
from django.utils.translation import gettext as _

from devices.core.requests import DeviceRequest, clock_for
from devices.gateway.client import Gateway
from devices.gateway.errors import BadReply, Crowded, GatewayError, Moved, RateLimited, Rejected, ShareUsed
from devices.ui.status_banner import told_above

log = logging.getLogger(__name__)
T = TypeVar("T")


class Trouble(NamedTuple):
    """What stands in a slot instead of what could not be read.

    `advice` is what to do; `wait` whole seconds, 0 where nobody knows, and `until` the time of day when they are over.
    `retry_url` asks for this slot alone with htmx, and for the page without. `above`: the page's banner gives
    the reason.
    """

    title: str
    sentence: str
    advice: str
    request_id: str
    retry_url: str
    status: int
    wait: int = 0
    until: str = ""
    above: bool = False


def alone(error: GatewayError) -> bool:
    """Whether a failed reading concerns no more than its panel. What is refused or gone is so for the whole page."""
    return error.status >= 500 or isinstance(error, RateLimited | Rejected)


def attempt(gateway: Gateway, ask: Callable[[Gateway], T]) -> T | GatewayError:
    """The answer, or the error that fails alone; raises the others."""
    try:
        return ask(gateway)
    except GatewayError as error:
        if not alone(error):
            raise
        return error


def trouble(request: DeviceRequest, error: GatewayError, title: str, *, retry_url: str = "") -> Trouble:
    """Words for a slot, and a line in the log. `retry_url`: the present address unless given."""
    log_failure(request, error)
    wait = math.ceil(error.retry_after or 0)
    return Trouble(
        title=title,
        sentence=_(error.sentence),
        advice=advice(error),
        request_id=request.request_id,
        retry_url=retry_url or request.get_full_path(),
        status=error.status,
        wait=wait,
        until=clock_for(request).later(wait) if wait else "",
        above=told_above(request, error),
    )


def log_failure(request: DeviceRequest, error: GatewayError) -> None:
    """One line, as for an error that becomes a page."""
    log.warning("%s, request %s, %s %s", error, request.request_id, request.method, request.path)


def advice(error: GatewayError) -> str:
    """What somebody can do about a reading that failed: wait, try again, or whom to ask."""
    if isinstance(error, ShareUsed | Crowded):
        return _("The rest is kept for the other people. See whether a script or many open pages ask in your name.")
    if isinstance(error, RateLimited):
        if error.retry_after is None:
            return _(
                "It does not say how long; a minute is usually enough. Everybody in your organization shares the limit."
            )
        return _("The limit is shared by everybody in your organization.")
    if isinstance(error, Moved):
        return (
            _("It names %(host)s. Nothing was sent there: tell whoever looks after the portal.") % {"host": error.host}
            if error.host
            else _("Nothing was sent there: tell whoever looks after the portal.")
        )
    if isinstance(error, BadReply):
        return _("Try again. If it stays so, tell whoever looks after the portal, with the request number.")
    if isinstance(error, Rejected):
        return _("Trying again will not help. Tell whoever looks after the portal, with the request number.")
    return _("Try again in a moment.")


def waiting(response: HttpResponse, error: GatewayError) -> HttpResponse:
    """Pass the wait that the platform asked for on, in whole seconds."""
    if error.retry_after is not None and error.status in {429, 503}:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    return response


def value(answered: Any | GatewayError) -> Any:
    """What was answered; raises what came instead."""
    if isinstance(answered, GatewayError):
        raise answered
    return answered
