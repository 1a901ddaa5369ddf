"""A panel fails alone: what a page shows where one of its readings failed, while the rest of it stands."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from django.http import HttpResponse
from django.utils.translation import gettext as _

from devices.core.requests import READ_METHODS, DeviceRequest, clock_for, wants_partial
from devices.core.responses import answer
from devices.gateway.client import Gateway
from devices.gateway.errors import (
    BadReply,
    GatewayError,
    RateLimited,
    Redirected,
    Rejected,
    UserConcurrencyExceeded,
    UserRateExceeded,
)
from devices.ui.status_banner import told_above

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

log = logging.getLogger(__name__)
T = TypeVar("T")


class ReadError(NamedTuple):
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


def is_panel_local(error: GatewayError) -> bool:
    """Whether a failed reading concerns no more than its panel. What is refused or gone is so for the whole page."""
    return error.status >= 500 or isinstance(error, RateLimited | Rejected)


def try_read(gateway: Gateway, ask: Callable[[Gateway], T]) -> T | GatewayError:
    """The answer, or the error that fails alone; raises the others."""
    try:
        return ask(gateway)
    except GatewayError as error:
        if not is_panel_local(error):
            raise
        return error


def panel_error(request: DeviceRequest, error: GatewayError, title: str, *, retry_url: str = "") -> ReadError:
    """Words for a slot, and a line in the log. `retry_url`: the present address unless given."""
    log_failure(request, error)
    wait = math.ceil(error.retry_after or 0)
    return ReadError(
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
    if isinstance(error, UserRateExceeded | UserConcurrencyExceeded):
        return _("The rest is kept for the other people. See whether a script or many open pages ask in your name.")
    if isinstance(error, RateLimited):
        if error.retry_after is None:
            return _(
                "It does not say how long; a minute is usually enough. Everybody in your organization shares the limit."
            )
        return _("The limit is shared by everybody in your organization.")
    if isinstance(error, Redirected):
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


def with_retry_after(response: HttpResponse, error: GatewayError) -> HttpResponse:
    """Pass the wait that the platform asked for on, in whole seconds."""
    if error.retry_after is not None and error.status in {429, 503}:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    return response


def unwrap(answered: Any | GatewayError) -> Any:
    """What was answered; raises what came instead."""
    if isinstance(answered, GatewayError):
        raise answered
    return answered


View = Callable[..., HttpResponse]


def degraded_form(title: str | StrPromise) -> Callable[[View], View]:
    """Decorate the view of a device's form (request, device_id, ...): where a reading fails as the form is opened, the
    answer is that form's page without its fields, with the true status.

    Nothing is offered to be sent from it: a change is decided on, and compared with, what the device holds just then.
    What is refused or gone (401, 403, 404) is so for the whole page, and what fails as a form is sent keeps what was
    typed; both are left to the view and the portal's error pages.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def opened(request: DeviceRequest, device_id: int, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in READ_METHODS:
                return view(request, device_id, *args, **kwargs)
            try:
                return view(request, device_id, *args, **kwargs)
            except GatewayError as error:
                if not is_panel_local(error):
                    raise
                return _without_fields(request, device_id, str(title), error)

        return opened

    return decorate


def _without_fields(request: DeviceRequest, device_id: int, title: str, error: GatewayError) -> HttpResponse:
    request.tells_itself = not wants_partial(request)  # a dialog leaves the banner of the page below it alone
    context = {
        "device_id": device_id,
        "device_name": _("Device %d") % device_id,
        "title": title,
        "trouble": panel_error(request, error, title)._replace(above=False),  # no banner can be seen from a dialog
    }
    page, fragment = "ui/degraded_form.html", "ui/_degraded_form.html"
    return with_retry_after(answer(request, page, fragment, context, status=error.status), error)
