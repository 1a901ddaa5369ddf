"""Failed reads: one panel shows its error while the rest of the page stays."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from django.http import HttpResponse
from django.utils.translation import gettext as _

from devices.core.requests import READ_METHODS, DeviceRequest, clock_for
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
from devices.ui.status_banner import is_in_banner

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

log = logging.getLogger(__name__)
T = TypeVar("T")


class ReadError(NamedTuple):
    """What a panel shows instead of data that could not be read (templates/components/read_error.html).

    `advice`: what to do. `retry_url`: loads this panel alone with htmx, the page without. `wait`: seconds, 0 if
    unknown; `until`: the time of day when they are over. `in_banner`: the page's banner gives the reason.
    """

    title: str
    sentence: str
    advice: str
    request_id: str
    retry_url: str
    status: int
    wait: int
    until: str
    in_banner: bool


def is_panel_local(error: GatewayError) -> bool:
    """Whether only the panel failed. 401, 403 and 404 concern the whole page."""
    return error.status >= 500 or isinstance(error, RateLimited | Rejected)


def try_read(gateway: Gateway, read: Callable[[Gateway], T]) -> T | GatewayError:
    """The result, or the error if it is local to the panel; raises any other."""
    try:
        return read(gateway)
    except GatewayError as error:
        if not is_panel_local(error):
            raise
        return error


def panel_error(request: DeviceRequest, error: GatewayError, title: str, *, retry_url: str = "") -> ReadError:
    """The error as a panel shows it; also logs it. `retry_url`: the present address unless given."""
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
        in_banner=is_in_banner(request, error),
    )


def log_failure(request: DeviceRequest, error: GatewayError) -> None:
    """One line, as for an error that becomes a page."""
    log.warning("%s, request %s, %s %s", error, request.request_id, request.method, request.path)


def advice(error: GatewayError) -> str:
    """What a person can do about a failed read."""
    if isinstance(error, UserRateExceeded | UserConcurrencyExceeded):
        return _("The rest is reserved for other people. Check whether a script or many open pages use your account.")
    if isinstance(error, RateLimited):
        if error.retry_after is None:
            return _(
                "It does not say how long; a minute is usually enough. Everybody in your organization shares the limit."
            )
        return _("The limit is shared by everybody in your organization.")
    if isinstance(error, Redirected):
        if error.host:
            return _("It points to %(host)s. Nothing was sent there. Tell the portal’s administrator.") % {
                "host": error.host
            }
        return _("Nothing was sent there. Tell the portal’s administrator.")
    if isinstance(error, BadReply):
        return _("Try again. If that does not help, give the portal’s administrator the request number.")
    if isinstance(error, Rejected):
        return _("Trying again will not help. Give the portal’s administrator the request number.")
    return _("Try again in a moment.")


def with_retry_after(response: HttpResponse, error: GatewayError) -> HttpResponse:
    """Set `Retry-After` on a 429 or 503 to the wait that the error carries, in whole seconds."""
    if error.retry_after is not None and error.status in {429, 503}:
        response["Retry-After"] = str(math.ceil(error.retry_after))
    return response


View = Callable[..., HttpResponse]


def degraded_form(title: str | StrPromise) -> Callable[[View], View]:
    """Decorate a form's view (request, device_id, ...): if a read fails as the form is opened, it answers with the
    form's page or dialog without fields, and with the true status.

    A change has to be compared with the device's current data, so without that data there is nothing to submit.
    401, 403 and 404, and errors after a submission, are left to the view and the portal's error pages.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def form_view(request: DeviceRequest, device_id: int, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, device_id, *args, **kwargs)
            except GatewayError as error:
                if request.method not in READ_METHODS or not is_panel_local(error):
                    raise
                return _form_without_fields(request, device_id, str(title), error)

        return form_view

    return decorate


def _form_without_fields(request: DeviceRequest, device_id: int, title: str, error: GatewayError) -> HttpResponse:
    context = {
        "device_id": device_id,
        "device_name": _("Device %d") % device_id,
        "title": title,
        "read_error": panel_error(request, error, title)._replace(in_banner=False),  # a dialog hides the banner
    }
    response = answer(request, "ui/degraded_form.html", "ui/_degraded_form.html", context, status=error.status)
    return with_retry_after(response, error)
