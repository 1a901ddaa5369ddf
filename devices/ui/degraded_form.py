"""A form whose device cannot be read: still a page, with its number, what is missing, and a way to ask again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.utils.translation import gettext as _

from devices.core.requests import READ_METHODS, DeviceRequest, wants_partial
from devices.core.responses import answer
from devices.gateway.errors import GatewayError
from devices.ui.read_errors import alone, trouble, waiting

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

View = Callable[..., HttpResponse]


def form_page(title: str | StrPromise) -> Callable[[View], View]:
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
                if not alone(error):
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
        "trouble": trouble(request, error, title)._replace(above=False),  # no banner can be seen from a dialog
    }
    page, fragment = "ui/degraded_form.html", "ui/_degraded_form.html"
    return waiting(answer(request, page, fragment, context, status=error.status), error)
