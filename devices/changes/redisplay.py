"""The form again, after a change that was surely not made: nothing that somebody typed is lost."""

from __future__ import annotations

import math
from collections.abc import Callable

from django.forms import Form
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from devices.changes.pipeline import refresh_form_tokens
from devices.core.text import sentences
from devices.gateway.errors import Forbidden, GatewayError, NotFound, RateLimited, Redirected, Unauthorized
from devices.ui.read_errors import advice, with_retry_after

READINGS = ("get_", "list_", "search_")
"""How the names of gateway methods begin whose failure leaves everything as it was."""


def redisplay_with_error(
    form: Form, error: GatewayError, page: Callable[..., HttpResponse], *, said: str = ""
) -> HttpResponse:
    """`page(status=...)`, with what went wrong and what to do as an error of the form, and the wait passed on.

    `said`: instead of "(what went wrong) Nothing was changed." Raises `error` where sending the form again is not the
    next step: its fate is not known, or the session, the right or the device is missing.
    """
    unknown = error.uncertain and not error.operation.startswith(READINGS)
    if unknown or isinstance(error, Unauthorized | Forbidden | NotFound):
        raise error
    said = said or sentences(_(error.sentence), _("Nothing was changed."))
    form.add_error(None, sentences(said, _next(error)))
    refresh_form_tokens(form)
    return with_retry_after(page(status=error.status), error)


def _next(error: GatewayError) -> str:
    if isinstance(error, Redirected):
        return advice(error)
    if error.retry_after is not None:
        seconds = math.ceil(error.retry_after)
        return ngettext("Wait %d second and send it again.", "Wait %d seconds and send it again.", seconds) % seconds
    if isinstance(error, RateLimited):
        return _("Wait a moment and send it again; a minute is usually enough.")
    return _("Send the form again in a moment.")
